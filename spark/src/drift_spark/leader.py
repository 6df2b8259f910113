"""`drift-host lead`, one child of the driver for the whole run: its words are the run's progress, its summary and exit code the run's."""

import collections
import json
import subprocess
import sys
import threading
import time
from typing import Any, Callable, Dict, List

from . import child
from .errors import AGAIN, DriftError, ending

#: How long it may take until the leader says something: it loads the plugin and looks at the table.
FIRST_WORDS = 60.0
#: After its first words an error ends it so soon.
MOMENT = 0.5
#: Between two looks.
LOOK = 0.2
#: How long it may take to give the table back.
GRACE = 20.0
#: How long the run's row may be out of sight.
PATIENCE = 120.0


class Leader:
    """The process. Must be used by the thread that began it: on Linux a child ends with the thread that started it."""

    def __init__(self, argv: List[str], ended: Callable[[int], None]) -> None:
        """Starts it; `ended` is called once with its exit code, by another thread."""
        self.argv = argv
        self.tail: "collections.deque[str]" = collections.deque(maxlen=child.TAIL)
        self.output = ""
        self._spoke = threading.Event()
        self._over = threading.Event()
        self._stopping = False
        self._process = child.start(argv)
        self._reads = threading.Thread(target=self._read, daemon=True)
        self._reads.start()
        threading.Thread(target=self._hear, args=(ended,), daemon=True).start()

    def _read(self) -> None:
        if self._process.stdout:
            self.output = self._process.stdout.read().decode("utf-8", "replace")

    def _hear(self, ended: Callable[[int], None]) -> None:
        for raw in self._process.stderr or ():
            line = raw.decode("utf-8", "replace").rstrip("\n")
            self.tail.append(line)
            self._stopping = self._stopping or "stopping" in line
            # Looked up each time: a notebook gives each cell its own.
            print(line, file=sys.stderr, flush=True)
            self._spoke.set()
        self._reads.join()
        code = self._process.wait()
        self._over.set()
        self._spoke.set()
        ended(code)

    def first_words(self) -> None:
        """Waits until it has begun, or has ended: what is refused is so by it, before anybody else is started."""
        self._spoke.wait(FIRST_WORDS)
        self._over.wait(MOMENT)

    def is_over(self) -> bool:
        return self._over.is_set()

    def code(self) -> int:
        """Its exit code, once it is over."""
        return self._process.wait()

    def wait(self) -> int:
        """Waits for its end, in steps in which signals are heard."""
        while not self.is_over():
            self._over.wait(LOOK)
        return self.code()

    def stop(self) -> None:
        """Ends it, and lets it give the table back. A key on the terminal has told it already; a second word would end it at once."""
        if self.is_over():
            return
        self._over.wait(MOMENT)
        if not self._stopping and self._process.poll() is None:
            self._process.terminate()
        self._over.wait(GRACE)
        child.stopped(self._process)
        self._over.wait(GRACE)

    def document(self) -> Dict[str, Any]:
        """The summary, where it was asked for as JSON."""
        try:
            read = json.loads(self.output)
        except ValueError:
            return {}
        return read if isinstance(read, dict) else {}

    def error(self) -> DriftError:
        """Of a leader that ended with another code than 0 and 1. What it said was passed on."""
        code = self.code()
        said = [line for line in self.tail if line.startswith("error") or '"event":"error"' in line]
        if said:
            return DriftError(code if code > 0 else AGAIN, "\n".join(said), told=True)
        return DriftError(code if code > 0 else AGAIN, f"`drift-host lead` {ending(code)}; the same command again goes on with the run")


def planned(status: List[str], run: str, leader: Leader) -> bool:
    """Waits until the leader has closed the plan, which it says in the run's row; false if it ended before. `status`: the command that shows rows."""
    since = time.monotonic()
    while not leader.is_over():
        said = subprocess.run(status, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if said.returncode == 0:
            since = time.monotonic()
            if _is_applying(said.stdout, run):
                return True
        elif time.monotonic() - since > PATIENCE:
            why = said.stderr.decode("utf-8", "replace").strip()
            raise DriftError(AGAIN, f"whether the leader has closed the plan could not be seen for {PATIENCE:.0f} s: `drift-host status` said: {why}")
        time.sleep(LOOK)
    return False


def _is_applying(text: bytes, run: str) -> bool:
    rows = json.loads(text.decode("utf-8")).get("unfinished", [])
    return any(row.get("run") == run and row.get("state") == "applying" for row in rows)

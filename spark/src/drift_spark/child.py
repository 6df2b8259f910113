"""One process of drift-host under a task: started in the task's own session, its standard error passed on, stopped with the task.

It ends with whoever started it in three ways: `--exit-with-parent` (a killed Python worker), `--stdin-lifeline` (the same, where the kernel has no
word for it), and by `stopped` where Python still runs. Each takes about a second.
"""

import collections
import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any, Dict, IO, List, Optional

from . import binary
from .errors import USAGE, DriftError

#: Lines of standard error that stand in a task's error.
TAIL = 30
#: How long a process may take to end that was told to.
GRACE = 10.0
#: What ends a process with whoever started it.
LIFELINES = ["--exit-with-parent", "--stdin-lifeline"]


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    #: As `subprocess` has it: a signal is negative.
    code: int
    #: The JSON line of standard output.
    line: Optional[Dict[str, Any]]
    #: The last lines of standard error.
    tail: str


def start(argv: List[str]) -> "subprocess.Popen[bytes]":
    """Starts it, its standard input a pipe that is kept open as long as this process lives."""
    try:
        return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        raise DriftError(USAGE, f"{argv[0]} {binary.unstarted(error)}") from None


def run(argv: List[str], prefix: str) -> Ended:
    """Runs it to its end. Its standard error goes to this process's, each line with `prefix`."""
    process = start(argv)
    tail: "collections.deque[str]" = collections.deque(maxlen=TAIL)
    pump = threading.Thread(target=_pass_on, args=(process.stderr, tail, prefix), daemon=True)
    pump.start()
    try:
        out = _all(process.stdout)
        code = process.wait()
    finally:
        stopped(process)
    pump.join(GRACE)
    return Ended(code, _line(out), "\n".join(tail))


def stopped(process: "subprocess.Popen[bytes]") -> None:
    """Ends it if it has not ended: first as SIGTERM does, then at once."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdin:
        process.stdin.close()


def _pass_on(stream: "IO[bytes]", tail: "collections.deque[str]", prefix: str) -> None:
    with stream:
        for raw in stream:
            line = raw.decode("utf-8", "replace").rstrip()
            tail.append(line)
            print(f"{prefix}{line}", file=sys.stderr, flush=True)


def _all(stream: "Optional[IO[bytes]]") -> bytes:
    if stream is None:
        return b""
    with stream:
        return stream.read()


def _line(out: bytes) -> Optional[Dict[str, Any]]:
    """The last line, if it is an object: there is one, unless the process ended in an error."""
    lines = out.decode("utf-8", "replace").strip().splitlines()
    try:
        line = json.loads(lines[-1]) if lines else None
    except ValueError:
        return None
    return line if isinstance(line, dict) else None

"""Who is alive: processes of the binary by the run they are at work on, and those of Spark's above them."""

import os
import time
from typing import Callable, List, Optional

VERBS = ("lead", "plan", "apply")


def words(pid: int) -> List[str]:
    """A process's command line; none if it is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as stream:
            return stream.read().decode("utf-8", "replace").split("\0")
    except OSError:
        return []


def parent(pid: int) -> int:
    """Its parent's id; 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as stream:
            return int(stream.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def is_alive(pid: int) -> bool:
    """Whether it is there, and no mere entry that nobody has asked for."""
    try:
        with open(f"/proc/{pid}/stat") as stream:
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def of_run(journal: str, *verbs: str) -> List[int]:
    """Processes of drift-host with one of these verbs, at work on the run kept here."""
    ids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    lines = ((pid, words(pid)) for pid in ids)
    return [pid for pid, line in lines if len(line) > 2 and line[1] in (verbs or VERBS) and any(journal in word for word in line)]


def until(what: Callable[[], bool], seconds: float) -> Optional[float]:
    """Waits for it; gives how long it took, nothing if it did not come."""
    begun = time.monotonic()
    while not what():
        if time.monotonic() - begun > seconds:
            return None
        time.sleep(0.02)
    return time.monotonic() - begun


class Chain:
    """A process of drift-host under a task, and those above it: a Python worker, Spark's daemon that forked it, the executor."""

    def __init__(self, child: int) -> None:
        self.child = child
        self.worker = parent(child)
        self.daemon = parent(self.worker)
        self.executor = parent(self.daemon)

    def is_whole(self) -> bool:
        return "daemon" in " ".join(words(self.daemon)) and any("CoarseGrainedExecutorBackend" in word for word in words(self.executor))

"""What a Spark task does: one segment, by one process. Runs on executors; all it needs travels in it.

A result (exit codes 0 to 4 and 65) is returned, so that Spark does not start it again. Anything else is raised, so that it does; where Spark would
not (`local[2]`), it is returned and the driver begins another round.
"""

import os
import platform
import re
import shutil
import tempfile
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from . import binary, child
from .errors import DriftError, SegmentFailed, ending, is_result
from .flags import Shipped, Word

#: What became of a segment: `segment`, `code`, `line` (the binary's own), `tail`, `host`.
Record = Dict[str, Any]


@dataclass(frozen=True)
class Task:
    """The function of a partition of segment numbers."""

    #: `plan` or `apply`.
    verb: str
    #: What follows the verb.
    words: Tuple[Word, ...]
    segments: int
    binary: Optional[str]
    version: str
    #: Whether Spark starts a task again that raises.
    raises: bool

    def __call__(self, numbers: Iterable[int]) -> Iterator[Record]:
        for number in numbers:
            yield self.segment(number)

    def segment(self, number: int) -> Record:
        try:
            program = binary.find(self.binary, roots(), os.environ)
            binary.same(program, self.version)
            ended = self._run(program, number)
        except DriftError as error:
            # Another machine may have what this one lacks.
            return self._again(number, error.exit_code, str(error))
        if is_result(ended.code):
            return _record(number, ended.code, ended.line, ended.tail)
        said = f"{self.verb} of segment {number} of {self.segments} on {platform.node()} {ending(ended.code)}; its last words:\n{ended.tail}"
        return self._again(number, ended.code, said)

    def _again(self, number: int, code: int, said: str) -> Record:
        if self.raises:
            raise SegmentFailed(code, said)
        return dict(_record(number, code, None, said), again=True)

    def _run(self, program: str, number: int) -> child.Ended:
        folder = None if any(str(word).partition("=")[0] == "--runs-dir" for word in self.words) else scratch()
        own = [f"--segment={number}/{self.segments}", f"--attempt={attempt()}", *child.LIFELINES]
        own += [f"--runs-dir={folder}"] if folder else []
        try:
            return child.run([program, self.verb, *words_here(self.words), *own], f"[{self.verb} {number}/{self.segments}] ")
        finally:
            if folder:
                shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Look:
    """The function of a partition that looks which binary its machine has."""

    binary: Optional[str]

    def __call__(self, _: Iterable[int]) -> Iterator[Record]:
        try:
            yield {"host": platform.node(), "version": binary.version(binary.find(self.binary, roots(), os.environ))}
        except DriftError as error:
            yield {"host": platform.node(), "code": error.exit_code, "error": str(error)}


def _record(number: int, code: int, line: Optional[Dict[str, Any]], tail: str) -> Record:
    return {"segment": number, "code": code, "line": line, "tail": tail, "host": platform.node()}


def roots() -> List[str]:
    """Where archives and files are on this machine: YARN and Kubernetes unpack into the working directory, others below Spark's files."""
    from pyspark import SparkFiles

    return [os.getcwd(), os.path.abspath(SparkFiles.getRootDirectory())]


def words_here(words: Iterable[Word]) -> List[str]:
    """With the paths that shipped files have on this machine."""
    from pyspark import SparkFiles

    return [os.path.abspath(SparkFiles.get(word.name)) if isinstance(word, Shipped) else word for word in words]


def scratch() -> str:
    """A folder of this task's own, where Spark keeps what is large and removes what is left."""
    places = [place for place in os.environ.get("SPARK_LOCAL_DIRS", "").split(",") if os.path.isdir(place)]
    return tempfile.mkdtemp(prefix="drift-host-", dir=places[os.getpid() % len(places)] if places else None)


def attempt() -> str:
    """Which attempt this is, in Spark's words and the binary's letters."""
    from pyspark import TaskContext

    context = TaskContext.get()
    said = f"{context.stageId()}.{context.attemptNumber()}.{context.taskAttemptId()}-{platform.node()}" if context else platform.node()
    return re.sub(r"[^A-Za-z0-9_.:-]", "-", said)[:64]

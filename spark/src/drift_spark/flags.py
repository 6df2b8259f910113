"""The command line: which flags are this package's, and to which verb of drift-host each of the others goes.

Promised: a flag that is not known here goes to `lead` and to `plan` as it stands, which refuse what they do not know; `apply` gets those of
its own that change how it works and not what the run is, for the run itself knows that.
"""

import os
from dataclasses import dataclass
from typing import Iterable, List, Optional, Sequence, Tuple, Union

from .errors import USAGE, DriftError

#: A flag with its value, or without.
Flag = Tuple[str, ...]

#: What `apply URI --segment` takes of the run's flags. A test holds these against the binary's help.
APPLY = frozenset(
    {
        "--concurrency", "--config", "--endpoint-url", "--env", "--ephemeral-runs", "--fresh-instances", "--limit",
        "--max-read-units", "--max-write-units", "--meta-table", "--profile", "--region", "--request-timeout", "--runs-dir",
        "--scratch-dir", "--writes-in-flight", "--yes", "-y",
    }
)
#: What is told, called and ended by the leader alone. The time is the whole run's, and ends its segments with the leader.
LEAD_ONLY = frozenset({"--hook-timeout", "--json", "--json-progress", "--log", "--on", "--otlp", "--stop-after"})
#: What `status` takes, by which the driver looks how far the leader is.
STATUS = frozenset({"--config", "--endpoint-url", "--env", "--meta-table", "--profile", "--region", "--request-timeout"})
#: Flags whose value is a file of the driver's.
FILES = frozenset({"--config", "--policy"})
#: Said by this package.
OURS = frozenset({"--attempt", "--exit-with-parent", "--segment", "--stdin-lifeline"})


@dataclass(frozen=True)
class Shipped:
    """A file that travels to the executors by Spark, under this name."""

    name: str


#: A word of a command line on an executor.
Word = Union[str, Shipped]


def grouped(words: Sequence[str]) -> List[Flag]:
    """Each flag with its value: `--name value`, `--name=value`, or `--name`."""
    flags: List[Flag] = []
    for word in words:
        if word.startswith("-") and word != "-":
            name, equals, value = word.partition("=")
            flags.append((name, value) if equals else (name,))
        elif flags and len(flags[-1]) == 1:
            flags[-1] = (flags[-1][0], word)
        else:
            raise DriftError(USAGE, f"{word!r} is no flag's value; the plugin is named by --plugin, the rest are flags of `drift-host lead`")
    return flags


@dataclass(frozen=True)
class Flags:
    """Flags of the run, for the binary."""

    given: Tuple[Flag, ...]

    @classmethod
    def of(cls, words: Sequence[str]) -> "Flags":
        return cls(tuple(grouped(words))).checked()

    def checked(self) -> "Flags":
        for name, *_ in self.given:
            if name in OURS:
                raise DriftError(USAGE, f"{name} is said to each process by drift-spark itself; leave it out")
        return self

    def has(self, *names: str) -> bool:
        return any(flag[0] in names for flag in self.given)

    def files(self) -> List[str]:
        """Files of the driver that executors need: policies, and the file of environments, named or found in the working directory as the
        binary finds it there."""
        named = [flag[1] for flag in self.given if flag[0] in FILES and len(flag) == 2]
        if not self.has("--config") and os.path.isfile("drift.toml"):
            named.append("drift.toml")
        return named

    def lead(self) -> List[str]:
        return _joined(self.given)

    def status(self) -> List[str]:
        return _joined(flag for flag in self.given if flag[0] in STATUS)

    def plan(self, shipped: "dict[str, Shipped]") -> List[Word]:
        return self._there((flag for flag in self.given if flag[0] not in LEAD_ONLY), shipped)

    def apply(self, shipped: "dict[str, Shipped]") -> List[Word]:
        return self._there((flag for flag in self.given if flag[0] in APPLY), shipped)

    def _there(self, flags: Iterable[Flag], shipped: "dict[str, Shipped]") -> List[Word]:
        words: List[Word] = []
        for flag in flags:
            if flag[0] in FILES and len(flag) == 2:
                words += [flag[0], shipped[flag[1]]]
            else:
                words += _joined([flag])
        if not self.has("--config") and "drift.toml" in shipped:
            words += ["--config", shipped["drift.toml"]]
        return words


def _joined(flags: Iterable[Flag]) -> List[str]:
    # One word each: a value may begin with a dash.
    return ["=".join(flag) if flag[0].startswith("--") else " ".join(flag) for flag in flags]


@dataclass(frozen=True)
class Command:
    """`drift-spark run`, understood."""

    plugin: str
    table: str
    journal: str
    segments: int
    binary: Optional[str]
    at_once: Optional[int]
    master: Optional[str]
    conf: Tuple[Tuple[str, str], ...]
    flags: Flags


def command(words: Sequence[str]) -> Command:
    """Reads the words after `run`."""
    own = {"--plugin", "--table", "--journal", "--segments", "--binary", "--at-once", "--master", "--conf"}
    values: "dict[str, list[str]]" = {name: [] for name in own}
    others: List[Flag] = []
    for flag in grouped(words):
        if flag[0] not in own:
            others.append(flag)
        elif len(flag) == 1:
            raise DriftError(USAGE, f"{flag[0]} needs a value")
        elif values[flag[0]] and flag[0] != "--conf":
            raise DriftError(USAGE, f"{flag[0]} was given twice")
        else:
            values[flag[0]].append(flag[1])
    missing = [name for name in ("--table", "--plugin", "--segments", "--journal") if not values[name]]
    if missing:
        raise DriftError(USAGE, f"{' and '.join(missing)} must be given (drift-spark run --help)")
    conf: List[Tuple[str, str]] = []
    for pair in values["--conf"]:
        name, equals, value = pair.partition("=")
        if not equals:
            raise DriftError(USAGE, f"--conf {pair!r} is not NAME=VALUE")
        conf.append((name, value))
    return Command(
        plugin=values["--plugin"][0],
        table=values["--table"][0],
        journal=values["--journal"][0],
        segments=_count("--segments", values["--segments"][0]),
        binary=next(iter(values["--binary"]), None),
        at_once=_count("--at-once", values["--at-once"][0]) if values["--at-once"] else None,
        master=next(iter(values["--master"]), None),
        conf=tuple(conf),
        flags=Flags(tuple(others)).checked(),
    )


def _count(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000_000:
        raise DriftError(USAGE, f"{name} {text!r} is not a number from 1 to 1000000")
    return int(text)

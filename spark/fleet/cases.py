"""One run in which somebody is killed, frozen or stopped, and what must hold of it.

Steps: begin; wait until one is at work in the half in question; strike; the struck task's process is gone within five seconds; the same command until it
ends well; every item exact, the history once, nobody left.
"""

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

import spark
from dynamodb import DynamoDb, Item
from processes import Chain, is_alive, of_run, until, words

ROWS = 800
SEGMENTS = 8
#: No process may outlive its task by more, in seconds.
ORPHANED = 5.0
PATIENCE = 300.0
#: How often the same command is given at most.
ATTEMPTS = 6


@dataclass(frozen=True)
class Migration:
    """A guest of the tests with its flags."""

    name: str
    guest: str
    flags: Tuple[str, ...] = ()

    def is_exact(self, item: Item, row: int) -> bool:
        expected: Dict[str, Any] = {"Id": {"N": str(row)}, "name": {"S": f"name {row}"}, "n": {"N": str(row)}}
        if self.guest == "echo":
            expected["touched"] = {"BOOL": True}
        else:
            expected["n"] = {"N": str(row + 1)}
        return {name: value for name, value in item.items() if name != "done_by"} == expected


_PLUS = ("--arg", "mode=plus", "--grant", "asked", "--exactly-once")
REPEATABLE = Migration("repeatable", "echo")
RECEIPTS = Migration("counter, receipts", "steps", (*_PLUS, "receipts"))
STAMP = Migration("counter, stamp", "steps", (*_PLUS, "stamp=done_by"))


@dataclass(frozen=True)
class Case:
    """Whom it strikes, and in which half."""

    half: str
    struck: str
    migration: Migration

    def __str__(self) -> str:
        return f"{self.struck} in {self.half}, {self.migration.name}"


STRUCK = ("SIGKILL of an executor", "SIGKILL of a Python worker", "SIGKILL of a child", "SIGKILL of the driver", "SIGSTOP of an executor", "cancel")


def all_cases(first: int) -> List[Case]:
    """Each blow in each half. `first`: which migration the first has; the others follow by turns."""
    migrations = (REPEATABLE, RECEIPTS, STAMP)
    pairs = [(half, struck) for struck in STRUCK for half in ("plan", "apply")]
    return [Case(half, struck, migrations[(at + first) % len(migrations)]) for at, (half, struck) in enumerate(pairs)]


@dataclass
class Outcome:
    """What came of a case; `wrong` is empty where all held."""

    gone: str
    attempts: int
    seconds: float
    wrong: List[str]


class Site:
    """A place for one case."""

    def __init__(self, binary: str, guests: str, folder: str, master: str, case: Case) -> None:
        os.makedirs(folder)
        self.binary, self.folder, self.master, self.case = binary, folder, master, case
        self.journal = f"file://{folder}/shared"
        # For a frozen executor one: the other is idle, and takes it over while the first goes on.
        self.segments = 1 if "SIGSTOP" in case.struck else SEGMENTS
        self.dynamodb = DynamoDb(binary, folder, ROWS)
        self.plugin = os.path.join(guests, f"{case.migration.guest}.wasm")
        self.wrong: List[str] = []
        self.gone = "-"

    def driver(self, slow: bool) -> spark.Driver:
        rates = self.rates() if slow else ()
        command = ["--table", "Things", "--plugin", self.plugin, "--segments", str(self.segments), "--journal", self.journal, "--binary", self.binary]
        command += ["--endpoint-url", self.dynamodb.url, *self.case.migration.flags, *rates]
        return spark.Driver(self.master, self.folder, command, spark.SHORT)

    def rates(self) -> Tuple[str, ...]:
        """So slow that somebody can be struck in the midst of it; and one segment for a frozen executor takes longer than it takes Spark to give it up."""
        read, write = (40, 40) if self.segments == 1 else (60, 160)
        if self.segments == 1 and self.case.migration is RECEIPTS:
            # Each item takes four.
            write *= 4
        return ("--max-read-units", str(read), "--max-write-units", str(write))

    def through(self) -> Outcome:
        begun = time.monotonic()
        driver = self.driver(slow=True)
        chain = self.at_work(driver)
        if chain is None:
            self.wrong.append(f"nobody came to {self.case.half}: {driver.said()[-2000:]}")
        else:
            self.strike(driver, chain)
        attempts = self.until_done(driver)
        self.judge()
        return Outcome(self.gone, attempts, time.monotonic() - begun, self.wrong)

    def at_work(self, driver: spark.Driver) -> Optional[Chain]:
        """A task that is in the midst of it."""
        found: List[Chain] = []

        def look() -> bool:
            chains = [Chain(child) for child in of_run(self.journal, self.case.half)]
            found[:] = [chain for chain in chains if chain.is_whole() and self.has_begun()]
            return bool(found) or driver.process.poll() is not None

        until(look, PATIENCE)
        return found[0] if found else None

    def has_begun(self) -> bool:
        """In apply: something was written."""
        if self.case.half == "plan":
            return True
        return any(not unchanged(item) for item in self.dynamodb.items("Things"))

    def strike(self, driver: spark.Driver, chain: Chain) -> None:
        struck = self.case.struck
        if struck == "cancel":
            driver.process.send_signal(signal.SIGINT)
            driver.process.wait(PATIENCE)
            self.all_gone(driver, 130)
        elif struck == "SIGKILL of the driver":
            driver.process.kill()
            driver.process.wait()
            self.all_gone(driver, -9)
        elif struck == "SIGSTOP of an executor":
            self.freeze(chain)
        else:
            victim = {"an executor": chain.executor, "a Python worker": chain.worker, "a child": chain.child}[struck[len("SIGKILL of ") :]]
            os.kill(victim, signal.SIGKILL)
            self.child_gone(chain)

    def child_gone(self, chain: Chain) -> None:
        took = until(lambda: not is_alive(chain.child), ORPHANED)
        self.gone = "never" if took is None else f"{took:.1f} s"
        if took is None:
            self.wrong.append(f"the process of the struck task outlived it by more than {ORPHANED:.0f} s")

    def all_gone(self, driver: spark.Driver, code: int) -> None:
        """The driver is over: so is everybody under it."""
        took = until(lambda: not of_run(self.journal), ORPHANED)
        self.gone = "never" if took is None else f"{took:.1f} s"
        if took is None:
            self.wrong.append(f"{len(of_run(self.journal))} processes outlived the driver by more than {ORPHANED:.0f} s")
        if driver.process.returncode != code:
            self.wrong.append(f"the driver ended with {driver.process.returncode}")

    def freeze(self, chain: Chain) -> None:
        """Past its heartbeat: Spark gives it up, and begins its segment elsewhere, while its process goes on. In the end it is killed, by Spark or here."""
        segment = self.segment(chain.child)
        os.kill(chain.executor, signal.SIGSTOP)

        def rival() -> bool:
            return any(child != chain.child and self.segment(child) == segment for child in of_run(self.journal, self.case.half))

        took = until(rival, 60)
        first = "at work" if is_alive(chain.child) else "done"
        self.gone = "not begun again" if took is None else f"begun again after {took:.0f} s, the first {first}"
        if took is None:
            self.wrong.append("Spark did not begin the lost executor's segment again within a minute")
        if is_alive(chain.executor):
            os.kill(chain.executor, signal.SIGCONT)
        if until(lambda: not is_alive(chain.executor) or not is_alive(chain.child), 60) is None:
            self.wrong.append("the process of the lost executor did not end within a minute")

    def segment(self, child: int) -> str:
        return next((word for word in words(child) if word.startswith("--segment=")), "")

    def until_done(self, driver: spark.Driver) -> int:
        """The same command, until it ends well; gives how often it was given."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                code = driver.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.wrong.append(f"it did not end within {PATIENCE:.0f} s: {driver.said()[-2000:]}")
                driver.process.kill()
                return attempt
            if code == 0:
                return attempt
            if code not in (75, 130, 143, -9):
                self.wrong.append(f"it ended with {code}: {driver.said()[-2000:]}")
                return attempt
            driver = self.driver(slow=False)
        self.wrong.append(f"it was not done after {ATTEMPTS} times: {driver.said()[-2000:]}")
        return ATTEMPTS

    def judge(self) -> None:
        """The table, the history, and who is left."""
        items = {int(item["Id"]["N"]): item for item in self.dynamodb.items("Things")}
        inexact = [row for row in range(1, ROWS + 1) if row not in items or not self.case.migration.is_exact(items[row], row)]
        if inexact or len(items) != ROWS:
            self.wrong.append(f"{len(inexact)} items are not exact, row {(inexact or [0])[0]} is {items.get((inexact or [0])[0])}; {len(items)} in all")
        command = [self.binary, "status", "--json", "--endpoint-url", self.dynamodb.url, "--runs-dir", os.path.join(self.folder, "none")]
        status = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        if len(status["applied"]) != 1 or status["unfinished"]:
            self.wrong.append(f"the history has {len(status['applied'])} applied and {len(status['unfinished'])} unfinished")
        if until(lambda: not of_run(self.journal), ORPHANED) is None:
            self.wrong.append("in the end somebody is left")

    def close(self) -> None:
        self.dynamodb.close()


def unchanged(item: Item) -> bool:
    return set(item) == {"Id", "name", "n"} and item["Id"] == item["n"]

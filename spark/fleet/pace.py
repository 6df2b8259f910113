"""Whether two workers are twice one, where what is waited for is not the machine: DynamoDB is far, half a second for each answer, and a process has one write
under way. So two of them share nothing but the leader, as two machines would; on two cores the machine itself could not show it."""

import os
import re
import time
from dataclasses import dataclass
from typing import List

import spark
from cases import REPEATABLE
from dynamodb import DynamoDb, Far

#: Of each answer, in seconds.
FAR = 0.5
ROWS = 6_400
SEGMENTS = 8
WANTED = 1.8


@dataclass(frozen=True)
class Pace:
    """What it took, from the first task of the plan to the driver's end."""

    workers: int
    seconds: float


def measured(binary: str, guests: str, folder: str, workers: int) -> Pace:
    """One run with so many workers of one core."""
    os.makedirs(folder)
    there = DynamoDb(binary, folder, ROWS)
    far = Far(there, FAR)
    try:
        words = ["--table", "Things", "--plugin", os.path.join(guests, f"{REPEATABLE.guest}.wasm"), "--segments", str(SEGMENTS)]
        words += ["--journal", f"file://{folder}/shared", "--binary", binary, "--endpoint-url", far.url, "--writes-in-flight", "1"]
        driver = spark.Driver(spark.LocalCluster(workers).url, folder, words, {})
        began = first_task(driver)
        code = driver.process.wait()
        took = time.monotonic() - began
        items = there.items("Things")
        if code != 0 or len(items) != ROWS or not all(REPEATABLE.is_exact(item, int(item["Id"]["N"])) for item in items):
            raise SystemExit(f"the run with {workers} workers ended with {code}: {driver.said()[-2000:]}")
        return Pace(workers, took)
    finally:
        far.close()
        there.close()


def first_task(driver: spark.Driver) -> float:
    while driver.process.poll() is None and not re.search(r"^drift-spark: plan: ", driver.said(), re.MULTILINE):
        time.sleep(0.05)
    return time.monotonic()


def told(paces: List[Pace]) -> float:
    """Prints them; gives how many times one worker two are."""
    for pace in paces:
        print(f"  {pace.workers} worker{'s' if pace.workers > 1 else ' '}  {pace.seconds:6.1f} s  {ROWS / pace.seconds:6.0f} items a second", flush=True)
    times = paces[0].seconds / paces[1].seconds
    print(f"  two are {times:.2f} times one (at least {WANTED} is wanted); each answer {FAR * 1000:.0f} ms away, one write under way a process", flush=True)
    return times

"""`cargo xtask fleet`: processes of Spark are killed, frozen and stopped under a run; each time the table is exact and the history has it once."""

import argparse
import os
import shutil
import sys
import tempfile
from typing import List, Optional, Union

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]

import pace  # noqa: E402
import spark  # noqa: E402
from cases import Case, Outcome, Site, all_cases  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(prog="cargo xtask fleet", description=__doc__)
    parser.add_argument("--binary", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--guests", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--only", default="", metavar="WORDS", help="cases whose name has these words: 'driver in plan', 'standalone', 'pace'")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="each case so often, each time with the next migration")
    wanted = parser.parse_args()
    import pyspark

    print(f"Spark {pyspark.__version__}, Python {sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    folder = tempfile.mkdtemp(prefix="drift-fleet-")
    try:
        done = [part for part in (struck(wanted, folder), paced(wanted, folder)) if part is not None]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not done:
        # Nothing that was tried is nothing that holds.
        print(f"error: no case has the words {wanted.only!r} in its name: --only 'driver in plan', 'standalone' or 'pace' say", file=sys.stderr)
        return 2
    wrong = [line for part in done for line in part]
    for line in wrong:
        print(f"VIOLATION {line}")
    print("every table is exact, every history has it once" if not wrong else f"{len(wrong)} violations", flush=True)
    return 1 if wrong else 0


def struck(wanted: argparse.Namespace, folder: str) -> Optional[List[str]]:
    """Every case on every kind of cluster; what did not hold, or None where no case is wanted."""
    wrong: Optional[List[str]] = None
    for kind, begin in enumerate((spark.LocalCluster, spark.Standalone)):
        cluster: Union[spark.LocalCluster, spark.Standalone, None] = None
        for turn in range(wanted.rounds):
            for number, case in enumerate(all_cases(kind + turn)):
                name = f"{'local-cluster' if begin is spark.LocalCluster else 'standalone'}: {case}"
                if wanted.only not in name:
                    continue
                if cluster is None:
                    cluster = spark.LocalCluster() if begin is spark.LocalCluster else spark.Standalone(folder)
                    print(f"\n{cluster.name}\n  {'who, where, what':<56} {'its process gone':<40} {'times':>5} {'seconds':>8}", flush=True)
                outcome = one(wanted, os.path.join(folder, f"{kind}-{turn}-{number}"), cluster.url, case)
                told = f"{outcome.gone:<40} {outcome.attempts:>5} {outcome.seconds:>8.0f}"
                print(f"  {str(case):<56} {told}  {'exact, once' if not outcome.wrong else 'WRONG'}", flush=True)
                wrong = (wrong or []) + [f"{name}: {what}" for what in outcome.wrong]
        if cluster:
            cluster.close()
    return wrong


def one(wanted: argparse.Namespace, folder: str, master: str, case: Case) -> Outcome:
    site = Site(wanted.binary, wanted.guests, folder, master, case)
    try:
        return site.through()
    finally:
        site.close()


def paced(wanted: argparse.Namespace, folder: str) -> Optional[List[str]]:
    """Two workers against one; what did not hold, or None where it is not wanted."""
    if wanted.only not in "pace":
        return None
    print(f"\ntwo workers and one, {pace.ROWS} items, {pace.SEGMENTS} segments (load {os.getloadavg()[0]:.1f})", flush=True)
    times = pace.told([pace.measured(wanted.binary, wanted.guests, os.path.join(folder, f"pace-{workers}"), workers) for workers in (1, 2)])
    return [] if times >= pace.WANTED else [f"two workers are {times:.2f} times one, and not {pace.WANTED}"]


if __name__ == "__main__":
    sys.exit(main())

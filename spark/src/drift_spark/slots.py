"""What of Spark's settings decides over a run: how many tasks are at work at a time, and whether a task is started again."""

import re
from typing import Any, Mapping, Optional

from .errors import USAGE, DriftError

#: Rounds of the driver's own where Spark starts nothing again, as many as Spark's tries.
ROUNDS = 4


def check(conf: Mapping[str, str]) -> None:
    """Refuses what only harms."""
    if conf.get("spark.speculation", "false").lower() == "true":
        raise DriftError(
            USAGE,
            "spark.speculation is on: it starts slow segments twice, which makes none faster and doubles reads. Set --conf spark.speculation=false",
        )


def tries(master: str, conf: Mapping[str, str]) -> int:
    """How often Spark starts a task at most. On one machine the master alone says it: `local[2,4]` four times, `local[2]` once."""
    if not re.match(r"local(\[|$)", master):
        return int(conf.get("spark.task.maxFailures", "4"))
    found = re.match(r"local\[[^,\]]+,\s*(\d+)\s*\]$", master)
    return int(found.group(1)) if found else 1


def most(master: str, conf: Mapping[str, str], present: int) -> Optional[int]:
    """How many tasks can be at work at a time at most; `None` where nobody knows. `present`: as Spark counts it now, when some executors may be on
    their way. A count that is too low would let the run take more than its rate."""
    each = int(conf.get("spark.task.cpus", "1"))
    of_itself = re.match(r"local-cluster\[\s*(\d+)\s*,\s*(\d+)\s*,", master)
    if of_itself:
        return max(present, int(of_itself.group(1)) * int(of_itself.group(2)) // each)
    if conf.get("spark.dynamicAllocation.enabled", "false").lower() == "true":
        executors = conf.get("spark.dynamicAllocation.maxExecutors")
        if executors is None or "spark.executor.cores" not in conf:
            return None
    else:
        executors = conf.get("spark.executor.instances")
    cores = conf.get("spark.cores.max") if master.startswith("spark://") else None
    if cores:
        return max(present, int(cores) // each)
    if executors is None or "spark.executor.cores" not in conf:
        return present
    return max(present, int(executors) * max(int(conf["spark.executor.cores"]) // each, 1))


def present(sc: Any) -> int:
    """Tasks that the executors that are there take at a time."""
    try:
        scala = sc._jsc.sc()
        return max(1, int(scala.maxNumConcurrentTasks(scala.resourceProfileManager().defaultResourceProfile())))
    except Exception:  # no part of Spark's API, but the only exact answer
        return max(1, int(sc.defaultParallelism))

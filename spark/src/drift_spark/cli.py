"""`drift-spark run …`, on its own or under spark-submit."""

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any, List, Optional

from . import __version__
from .errors import INTERRUPTED, LEFT, TERMINATED, USAGE, DriftError
from .flags import Command, command
from .flow import Run

USAGE_TEXT = """\
drift-spark run --table TABLE --plugin PLUGIN --segments N --journal URI [OPTIONS]

Runs a migration of a DynamoDB table by Spark's executors: a task for each segment, one process of drift-host a task. The same command again goes on
with a run that was stopped, killed or lost.

  --table TABLE         the table: a name or an ARN
  --plugin PLUGIN       the plugin, a file of the driver's; Spark brings it to the executors
  --segments N          segments of the table, at least four for each task at work
  --journal URI         where the run is kept and all machines find it: s3://BUCKET/PREFIX, or file:///FOLDER; one place for one run
  --binary PATH         drift-host on the executors: a path, or a name in an archive [default: $DRIFT_HOST, drift/drift-host, PATH]
  --at-once N           tasks at work at a time, each of which is given such a share of the rates [default: what Spark says]
  --master URL          Spark's master, where spark-submit does not say it
  --conf NAME=VALUE     a setting of Spark, likewise; may be given more than once

All other flags are those of `drift-host lead --help` (--grant, --arg, --max-write-units, --yes, …) and are passed on as they stand.

Exit codes are those of drift-host: 0 done; 1 items failed or are in doubt; 2 wrong flags, or no binary that starts; 3 refused; 4 denied; 65 damaged; 75 may be
started again; 130, 143 interrupted, and may be started again."""


class Terminated(BaseException):
    """SIGTERM."""


def main(arguments: Optional[List[str]] = None) -> int:
    """Returns the exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if not words or words[0] in ("-h", "--help", "help") or "--help" in words or "-h" in words:
        print(USAGE_TEXT)
        return 0 if words else USAGE
    if words[0] in ("-V", "--version"):
        print(f"drift-spark {__version__}")
        return 0
    try:
        if words[0] != "run":
            raise DriftError(USAGE, f"there is no {words[0]!r}; there is `drift-spark run` (drift-spark --help)")
        return _run(command(words[1:]))
    except DriftError as error:
        if not error.told:
            print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _interrupted(INTERRUPTED)
    except Terminated:
        return _interrupted(TERMINATED)


def _run(wanted: Command) -> int:
    sc = _session(wanted)
    _hear_signals()
    try:
        summary = Run(
            sc, wanted.plugin, wanted.table, wanted.journal, wanted.segments, wanted.binary, wanted.at_once, wanted.flags, None
        ).through()
    finally:
        _stop(sc)
    sys.stdout.write(summary.output)
    sys.stdout.flush()
    if summary.exit_code == LEFT:
        print(f"drift-spark: drift-host show {wanted.journal} --errors lists what failed or is in doubt", file=sys.stderr)
    return summary.exit_code


def _stop(sc: Any) -> None:
    try:
        sc.stop()
    except Exception as error:
        # Spark's own process is gone: there is nothing left to stop, and what ended the run is worth more.
        print(f"drift-spark: Spark had ended before: {type(error).__name__}", file=sys.stderr)


def _session(wanted: Command) -> Any:
    """A SparkContext by what spark-submit and these flags say."""
    try:
        from pyspark import SparkConf, SparkContext
    except ImportError:
        raise DriftError(USAGE, "pyspark is not installed: pip install 'drift-spark[spark]', or run it by spark-submit") from None
    conf = SparkConf()
    conf.setIfMissing("spark.app.name", f"drift-spark {wanted.table}")
    conf.setIfMissing("spark.ui.showConsoleProgress", "false")
    conf.setIfMissing("spark.scheduler.minRegisteredResourcesRatio", "1.0")
    if wanted.master:
        conf.setMaster(wanted.master)
    for name, value in wanted.conf:
        conf.set(name, value)
    if (conf.get("spark.master") or "").startswith("local"):
        # Else it would be the first python3 of PATH, of another version perhaps.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    try:
        return SparkContext(conf=conf)
    except Exception as error:
        raise DriftError(USAGE, f"Spark could not be started: {error}. It needs Java 17 or newer (JAVA_HOME, or java in PATH), and a master (--master, or spark-submit)") from None


def _hear_signals() -> None:
    """SIGTERM ends it as Ctrl-C does, which pyspark would take otherwise. So does the end of the process that started this one, where that is Spark's own: a driver without it does nothing."""

    def terminate(_number: int, _frame: Optional[FrameType]) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if "PYSPARK_GATEWAY_PORT" in os.environ:
        parent = os.getppid()
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: int) -> None:
    pause = threading.Event()
    while os.getppid() == parent:
        pause.wait(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


def _interrupted(code: int) -> int:
    print("drift-spark: stopped; the same command again goes on with the run", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())

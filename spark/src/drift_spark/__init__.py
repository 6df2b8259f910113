"""Runs of drift-host on Spark: a task for each segment of a DynamoDB table.

    from drift_spark import run

    summary = run(spark, plugin="tidy.wasm", table="Strikes", segments=64, journal="s3://team-migrations/tidy-strikes-1", flags=["--yes"])
    print(summary.document["items"])

`drift-spark run` is the same as a command, `docs/spark.md` its page.
"""

__version__ = "0.1.0"

from .errors import DriftError
from .flow import Summary, run

__all__ = ["DriftError", "Summary", "__version__", "run"]

"""For spark-submit, which wants a file: `spark-submit --py-files drift_spark.zip submit.py run --table …`."""

import sys

from drift_spark.cli import main

sys.exit(main())

"""`python -m drift_spark`."""

import sys

from drift_spark.cli import main

sys.exit(main())

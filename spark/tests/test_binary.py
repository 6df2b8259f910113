"""Against the binary itself, where one is named (DRIFT_HOST_BIN): the flags that it knows."""

import os
import re
import subprocess
import unittest
from typing import Set

from drift_spark import binary
from drift_spark.flags import APPLY, FILES, LEAD_ONLY, OURS, STATUS

BINARY = os.environ.get("DRIFT_HOST_BIN", "")


@unittest.skipUnless(BINARY, "DRIFT_HOST_BIN names no drift-host; `cargo xtask languages` does")
class Help(unittest.TestCase):
    def flags(self, verb: str) -> Set[str]:
        text = subprocess.run([BINARY, verb, "--help"], stdout=subprocess.PIPE, check=True).stdout.decode()
        # Where a flag is explained, and not where one is mentioned.
        named = re.findall(r"^ {2,6}(?:(-\w), )?(--[a-z-]+)", text, re.MULTILINE)
        return {name for pair in named for name in pair if name} - {"-h", "--help"}

    def test_each_verb_takes_what_it_is_given(self) -> None:
        lead, plan, apply = self.flags("lead"), self.flags("plan"), self.flags("apply")
        self.assertLessEqual(APPLY, apply)
        self.assertLessEqual(STATUS, self.flags("status"))
        self.assertLessEqual(LEAD_ONLY | {"--at-once", "--json"}, lead)
        self.assertLessEqual(FILES | APPLY, lead & plan)
        self.assertLessEqual(OURS, plan)
        # What only `plan` takes, nobody passes on: the leader would refuse it.
        self.assertEqual(lead - plan, {"--at-once"})

    def test_whoever_applies_is_given_all_that_it_shares_with_the_leader(self) -> None:
        # Not for a segment: what the plan alone makes use of.
        self.assertEqual(
            (self.flags("lead") & self.flags("apply")) - APPLY - OURS - LEAD_ONLY, {"--journal-max", "--backup"}
        )

    def test_it_says_its_version_as_it_is_read(self) -> None:
        self.assertRegex(binary.version(BINARY), r"^drift-host \d+\.\d+\.\d+")


if __name__ == "__main__":
    unittest.main()

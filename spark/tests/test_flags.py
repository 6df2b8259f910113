"""The command line, and what of it each verb of the binary is given."""

import os
import tempfile
import unittest

from drift_spark.errors import DriftError
from drift_spark.flags import Flags, Shipped, command, grouped

NEEDED = ["--table", "Strikes", "--plugin", "tidy.wasm", "--segments", "16", "--journal", "s3://b/run-1"]


class Words(unittest.TestCase):
    def test_a_flag_goes_with_its_value_however_it_is_written(self) -> None:
        self.assertEqual(grouped(["--a", "1", "--b=2=3", "--c", "--d", "-y"]), [("--a", "1"), ("--b", "2=3"), ("--c",), ("--d",), ("-y",)])

    def test_a_word_that_is_no_flags_is_refused(self) -> None:
        for words in (["tidy.wasm"], ["--a", "1", "2"], ["--a=1", "2"]):
            with self.assertRaises(DriftError) as caught:
                grouped(words)
            self.assertEqual(caught.exception.exit_code, 2)
            self.assertIn("--plugin", str(caught.exception))


class Commands(unittest.TestCase):
    def test_what_is_ours_is_taken_and_the_rest_is_passed_on_as_it_stands(self) -> None:
        read = command([*NEEDED, "--grant", "insert:Claims", "--yes", "--binary", "drift/drift-host", "--arg=a=-1", "--conf", "spark.x=y=z"])
        self.assertEqual((read.table, read.plugin, read.segments, read.journal), ("Strikes", "tidy.wasm", 16, "s3://b/run-1"))
        self.assertEqual((read.binary, read.at_once, read.conf), ("drift/drift-host", None, (("spark.x", "y=z"),)))
        self.assertEqual(read.flags.lead(), ["--grant=insert:Claims", "--yes", "--arg=a=-1"])

    def test_what_is_wrong_is_said_in_one_sentence(self) -> None:
        for words, said in [
            ([], "--table and --plugin and --segments and --journal must be given"),
            (NEEDED[:-2], "--journal must be given"),
            ([*NEEDED, "--table", "Other"], "--table was given twice"),
            ([*NEEDED, "--binary"], "--binary needs a value"),
            ([*NEEDED[:5], "0", *NEEDED[6:]], "--segments '0' is not a number from 1 to 1000000"),
            ([*NEEDED, "--at-once", "many"], "--at-once 'many' is not a number"),
            ([*NEEDED, "--conf", "spark"], "is not NAME=VALUE"),
            ([*NEEDED, "--segment", "3/16"], "--segment is said to each process by drift-spark itself"),
            ([*NEEDED, "--stdin-lifeline"], "--stdin-lifeline is said to each process"),
        ]:
            with self.assertRaises(DriftError) as caught:
                command(words)
            self.assertEqual(caught.exception.exit_code, 2, words)
            self.assertIn(said, str(caught.exception))


class Verbs(unittest.TestCase):
    GIVEN = [
        "--arg", "mode=plus", "--exactly-once", "receipts", "--policy", "strict.toml", "--max-write-units", "100", "--endpoint-url", "http://127.0.0.1:1",
        "--region=eu-west-1", "--stop-after", "14m", "--json", "--yes",
    ]

    def setUp(self) -> None:
        self.before = os.getcwd()
        self.folder = tempfile.TemporaryDirectory()
        os.chdir(self.folder.name)

    def tearDown(self) -> None:
        os.chdir(self.before)
        self.folder.cleanup()

    def test_a_planner_is_given_what_the_run_is_and_files_as_they_are_called_there(self) -> None:
        flags = Flags.of(self.GIVEN)
        self.assertEqual(flags.files(), ["strict.toml"])
        self.assertEqual(
            flags.plan({"strict.toml": Shipped("0-strict.toml")}),
            ["--arg=mode=plus", "--exactly-once=receipts", "--policy", Shipped("0-strict.toml"), "--max-write-units=100",
             "--endpoint-url=http://127.0.0.1:1", "--region=eu-west-1", "--yes"],
        )  # fmt: skip

    def test_whoever_applies_is_given_where_and_how_fast_and_not_what(self) -> None:
        words = Flags.of(self.GIVEN).apply({})
        self.assertEqual(words, ["--max-write-units=100", "--endpoint-url=http://127.0.0.1:1", "--region=eu-west-1", "--yes"])

    def test_the_file_of_environments_in_the_working_directory_holds_for_executors_too(self) -> None:
        with open("drift.toml", "w") as stream:
            stream.write("")
        flags = Flags.of(["--env", "prod"])
        self.assertEqual(flags.files(), ["drift.toml"])
        shipped = {"drift.toml": Shipped("0-drift.toml")}
        self.assertEqual(flags.plan(shipped), ["--env=prod", "--config", Shipped("0-drift.toml")])
        self.assertEqual(flags.apply(shipped), ["--env=prod", "--config", Shipped("0-drift.toml")])
        self.assertEqual(Flags.of(["--config", "own.toml"]).files(), ["own.toml"])


if __name__ == "__main__":
    unittest.main()

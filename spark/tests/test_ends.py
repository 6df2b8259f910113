"""Exit codes, versions and machines: what is a result, what is started again, what is one clear error."""

import contextlib
import io
import os
import pickle
import sys
import tempfile
import unittest
from typing import List
from unittest import mock

from drift_spark import binary, child, slots
from drift_spark.errors import DriftError, SegmentFailed, found_in, is_result
from drift_spark.task import Look, Task


class Codes(unittest.TestCase):
    def test_results_are_the_contracts_and_all_else_is_started_again(self) -> None:
        self.assertEqual([code for code in range(-64, 256) if is_result(code)], [0, 1, 2, 3, 4, 65])

    def test_what_a_task_raised_is_found_in_what_spark_says_of_it(self) -> None:
        first, last = SegmentFailed(75, "plan of segment 3 of 8 …\nerror: no answer"), SegmentFailed(-9, "plan of segment 3 was killed by signal 9")
        text = f"org.apache.spark.SparkException: Job aborted\nTraceback\n{first}\n\tat x\nCaused by: {last}\n\tat y"
        found = found_in(text)
        assert found
        self.assertEqual((found.exit_code, str(found)), (75, "plan of segment 3 was killed by signal 9"))
        self.assertEqual(getattr(found_in(str(SegmentFailed(3, "another version"))), "exit_code"), 3)
        self.assertIsNone(found_in("org.apache.spark.SparkException: Job 3 cancelled"))

    def test_it_survives_being_sent(self) -> None:
        error = SegmentFailed(75, "again")
        self.assertEqual(str(pickle.loads(pickle.dumps(error))), str(error))


class Programs(unittest.TestCase):
    """Stand-ins for the binary."""

    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        # What processes say is passed on to standard error.
        quiet = contextlib.redirect_stderr(io.StringIO())
        quiet.__enter__()
        self.addCleanup(quiet.__exit__, None, None, None)

    def program(self, text: str, name: str = "drift-host", mode: int = 0o755) -> str:
        path = os.path.join(self.folder.name, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as stream:
            stream.write(text)
        os.chmod(path, mode)
        return path

    def refused(self, path: str) -> str:
        with self.assertRaises(DriftError) as caught:
            binary.version(path)
        self.assertEqual(caught.exception.exit_code, 2)
        return str(caught.exception)


class Binaries(Programs):
    def test_it_is_looked_for_where_it_is_said_then_in_the_archive_then_in_path(self) -> None:
        archived, other = self.program("", "drift/drift-host"), self.program("", "bin/drift-host")
        roots, path = [self.folder.name], {"PATH": os.path.dirname(other)}
        self.assertEqual(binary.find("bin/drift-host", roots, {}), other)
        self.assertEqual(binary.find(other, [], {}), other)
        self.assertEqual(binary.find("drift-host", [], path), other)
        self.assertEqual(binary.find(None, roots, {"DRIFT_HOST": other}), other)
        self.assertEqual(binary.find(None, roots, path), archived)
        self.assertEqual(binary.find(None, [], path), other)
        # A driver without archives goes on to look; an executor does not run another than it was told to.
        self.assertEqual(binary.find("drift/drift-host", [], path, strict=False), other)
        with self.assertRaises(DriftError) as caught:
            binary.find("drift/drift-host", [os.path.join(self.folder.name, "elsewhere")], path)
        self.assertEqual(caught.exception.exit_code, 2)
        for words in ("there is no drift-host on", "elsewhere/drift/drift-host", "--archives"):
            self.assertIn(words, str(caught.exception))

    def test_it_says_its_version_or_why_it_cannot(self) -> None:
        self.assertEqual(binary.version(self.program("#!/bin/sh\necho drift-host 0.1.0\n")), "drift-host 0.1.0")
        self.assertIn("exec format error", self.refused(self.program("\x7fELF nothing that is one", "bad")))
        self.assertIn("no run bit", self.refused(self.program("#!/bin/sh\n", "unset", 0o644)))
        self.assertIn("a loader or a library", self.refused(self.program("#!/no/such/loader\n", "unloaded")))
        self.assertIn("is no drift-host", self.refused(self.program("#!/bin/sh\necho something else 1.0\n", "other")))
        self.assertIn("ended with 7", self.refused(self.program("#!/bin/sh\necho drift-host 0.1.0\necho broken >&2\nexit 7\n", "broken")))

    def test_another_version_is_refused_in_both_directions(self) -> None:
        binary.differs("drift-host 0.1.0", "drift-host 0.1.0", "x")
        for found, wanted in [("drift-host 0.1.0", "drift-host 0.2.0"), ("drift-host 0.2.0", "drift-host 0.1.0")]:
            with self.assertRaises(DriftError) as caught:
                binary.differs(found, wanted, "/bin/drift-host")
            self.assertEqual(caught.exception.exit_code, 3)
            self.assertIn(f"is {found}, and the driver has {wanted}", str(caught.exception))


class Children(Programs):
    def test_its_line_is_read_and_its_last_words_are_kept(self) -> None:
        said = "i=0; while [ $i -lt 50 ]; do echo line $i >&2; i=$((i+1)); done"
        ended = child.run([self.program(f"#!/bin/sh\n{said}\necho '{{\"v\":1}}'\nexit 3\n")], "")
        self.assertEqual((ended.code, ended.line), (3, {"v": 1}))
        self.assertEqual(ended.tail.splitlines(), [f"line {n}" for n in range(20, 50)])

    def test_standard_input_stays_open_as_long_as_it_runs(self) -> None:
        # `read` would end at once at the end of input.
        slow = self.program("#!/bin/bash\nif read -t 0.5; then echo '{\"read\":1}'; else echo \"{\\\"ended\\\":$?}\"; fi\n")
        line = child.run([slow], "").line
        assert line
        self.assertGreater(line["ended"], 128, "timed out, and did not end")

    def test_what_is_no_line_is_none(self) -> None:
        for said in ("", "echo no json", "echo '[1]'"):
            self.assertIsNone(child.run([self.program(f"#!/bin/sh\n{said}\n")], "").line, said)

    def test_a_death_by_signal_is_told_from_an_exit_code(self) -> None:
        self.assertEqual(child.run([self.program("#!/bin/sh\nkill -9 $$\n")], "").code, -9)


class Tasks(Programs):
    """With stand-ins for Spark's own names."""

    def setUp(self) -> None:
        super().setUp()
        files = mock.Mock(getRootDirectory=lambda: self.folder.name, get=lambda name: os.path.join(self.folder.name, name))
        context = mock.Mock(get=lambda: mock.Mock(stageId=lambda: 1, attemptNumber=lambda: 2, taskAttemptId=lambda: 34))
        pretended = mock.patch.dict(sys.modules, {"pyspark": mock.Mock(SparkFiles=files, TaskContext=context)})
        pretended.start()
        self.addCleanup(pretended.stop)

    def task(self, ends: str, raises: bool = True, words: "tuple[str, ...]" = ("--table", "T")) -> Task:
        script = f'#!/bin/sh\nif [ "$1" = --version ]; then echo drift-host 0.1.0; exit; fi\necho "$@" >&2\n{ends}\n'
        return Task("plan", words, 8, self.program(script), "drift-host 0.1.0", raises)

    def test_a_result_is_returned_with_what_was_said(self) -> None:
        for code in (0, 1, 2, 3, 4, 65):
            (record,) = self.task(f"echo '{{\"segment\":3}}'; exit {code}")([3])
            self.assertEqual((record["segment"], record["code"], record["line"], record.get("again")), (3, code, {"segment": 3}, None))

    def test_each_process_is_told_its_segment_its_attempt_and_to_end_with_the_task(self) -> None:
        (record,) = self.task("exit 0")([3])
        words: List[str] = record["tail"].split()
        self.assertEqual(words[:4], ["plan", "--table", "T", "--segment=3/8"])
        self.assertTrue(words[4].startswith("--attempt=1.2.34-"), words)
        self.assertEqual(words[5:7], ["--exit-with-parent", "--stdin-lifeline"])
        folder = words[7].partition("=")[2]
        self.assertTrue(words[7].startswith("--runs-dir="), words)
        self.assertFalse(os.path.exists(folder), "it goes with the task")
        (record,) = self.task("exit 0", words=("--runs-dir=/x",))([3])
        self.assertEqual(record["tail"].count("--runs-dir"), 1)

    def test_what_is_to_be_started_again_is_raised_where_spark_does_so_and_returned_where_it_does_not(self) -> None:
        for ends, said in [("exit 75", "ended with exit code 75"), ("exit 143", "exit code 143"), ("exit 101", "exit code 101"), ("kill -9 $$", "signal 9")]:
            with self.assertRaises(SegmentFailed) as caught:
                list(self.task(f"echo 'error: why' >&2; {ends}")([3]))
            self.assertIn(said, str(caught.exception))
            self.assertIn("error: why", str(caught.exception))
            (record,) = self.task(ends, raises=False)([3])
            self.assertTrue(record["again"], ends)

    def test_another_version_on_one_machine_is_raised_for_another_machine_to_try(self) -> None:
        task = Task("plan", (), 8, self.program("#!/bin/sh\necho drift-host 0.0.9\n"), "drift-host 0.1.0", True)
        with self.assertRaises(SegmentFailed) as caught:
            list(task([0]))
        self.assertEqual(caught.exception.exit_code, 3)
        self.assertIn("is drift-host 0.0.9, and the driver has drift-host 0.1.0", str(caught.exception))

    def test_a_look_tells_what_is_wrong_instead_of_raising(self) -> None:
        (found,) = Look(self.program("#!/bin/sh\necho drift-host 0.1.0\n"))([0])
        self.assertEqual(found["version"], "drift-host 0.1.0")
        (found,) = Look("no/such/drift-host")([0])
        self.assertEqual((found["code"], "there is no drift-host" in found["error"]), (2, True))


class Slots(unittest.TestCase):
    def test_spark_on_one_machine_says_by_its_master_how_often_it_tries(self) -> None:
        conf = {"spark.task.maxFailures": "7"}
        for master, tries in [("local", 1), ("local[2]", 1), ("local[*]", 1), ("local[2,4]", 4), ("local[*, 3]", 3), ("yarn", 7), ("local-cluster[2,1,1024]", 7)]:
            self.assertEqual(slots.tries(master, conf), tries, master)
        self.assertEqual(slots.tries("spark://host:7077", {}), 4)

    def test_tasks_at_work_are_counted_high_or_not_at_all(self) -> None:
        fixed = {"spark.executor.instances": "10", "spark.executor.cores": "4", "spark.task.cpus": "2"}
        moving = {"spark.dynamicAllocation.enabled": "true", "spark.executor.cores": "4"}
        for master, conf, present, most in [
            ("yarn", {}, 8, 8), ("yarn", fixed, 6, 20), ("yarn", fixed, 30, 30), ("yarn", moving, 8, None),
            ("yarn", {**moving, "spark.dynamicAllocation.maxExecutors": "5"}, 8, 10 * 2),
            ("yarn", {"spark.dynamicAllocation.enabled": "true", "spark.dynamicAllocation.maxExecutors": "5"}, 8, None),
            ("spark://host:7077", {"spark.cores.max": "12"}, 1, 12), ("local-cluster[2,1,1024]", {}, 1, 2), ("local[4,4]", {}, 4, 4),
        ]:  # fmt: skip
            self.assertEqual(slots.most(master, conf, present), most, (master, conf))

    def test_speculation_is_refused(self) -> None:
        slots.check({"spark.speculation": "false"})
        with self.assertRaises(DriftError) as caught:
            slots.check({"spark.speculation": "true"})
        self.assertEqual((caught.exception.exit_code, "spark.speculation=false" in str(caught.exception)), (2, True))


if __name__ == "__main__":
    unittest.main()

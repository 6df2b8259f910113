"""A run on Spark: a job that plans, the leader's manifest, a job that applies.

    look       which binary each machine has; one clear error, before anything
    lead       `drift-host lead`, a child of the driver, from here to the end
    plan       a task a segment; writes nothing to a table
    (manifest) the leader closes the plan, which is kept where the journals are
    apply      a task a segment, of an RDD of its own
    lead ends  its summary and exit code are the run's

Promised: whatever is killed, the same call again goes on with the run; a task's process ends within seconds of its task. What was done is counted
from the journals, by the leader, and never from what tasks returned.
"""

import os
import sys
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from . import binary as binaries
from . import child, ship, slots
from .errors import AGAIN, FATAL, INTERRUPTED, LEFT, USAGE, DriftError, found_in, is_result
from .flags import Flags
from .leader import Leader, planned
from .task import Look, Record, Task, roots

#: Whoever is still at work when the leader has ended well is about to end by itself.
ALMOST_DONE = 15.0
#: Between two looks whether a job is over, in which signals are heard.
LOOK = 0.2


@dataclass(frozen=True)
class Summary:
    """What became of a run."""

    #: Its id; empty where none was begun, for it was applied before.
    run: str
    #: 0: done. 1: some items failed or are in doubt (`drift-host show JOURNAL --errors`), or nothing was written, for too many failed in the plan.
    exit_code: int
    #: The leader's summary as it printed it.
    output: str
    #: The same as a document (docs/json.md); empty where it was wanted as text.
    document: Dict[str, Any] = field(default_factory=dict)
    #: The binary's line of each segment, by its number.
    planned: Dict[int, Dict[str, Any]] = field(default_factory=dict)
    applied: Dict[int, Dict[str, Any]] = field(default_factory=dict)


def run(
    spark: Any,
    *,
    plugin: str,
    table: str,
    journal: str,
    segments: int,
    binary: Optional[str] = None,
    at_once: Optional[int] = None,
    flags: Sequence[str] = (),
    job_group: Optional[str] = None,
) -> Summary:
    """Plans and applies a migration of a table by Spark's executors.

    `spark`: a SparkSession or SparkContext. `plugin`: a file of the driver's. `journal`: `s3://BUCKET/PREFIX`, or `file:///FOLDER` that all machines see;
    one place for one run. `segments`: at least four for each task at work. `binary`: where drift-host is on the executors (docs/spark.md). `flags`: those of
    `drift-host lead`, as they stand there: `["--grant", "insert:Claims", "--yes"]`. `at_once`: tasks at work at a time, by which each gets its share of the
    run's rates; by default what Spark says. `job_group`: the group of its jobs, by which another thread may cancel them.

    Raises DriftError where the run did not come to its end; its `exit_code` says what to do.
    """
    given = Flags(Flags.of(flags).given + (("--json",),))
    return Run(_context(spark), plugin, table, journal, segments, binary, at_once, given, job_group).through()


class Run:
    """One call, on its way."""

    def __init__(
        self,
        sc: Any,
        plugin: str,
        table: str,
        journal: str,
        segments: int,
        binary: Optional[str],
        at_once: Optional[int],
        flags: Flags,
        job_group: Optional[str],
    ) -> None:
        self.sc, self.plugin, self.table, self.journal, self.segments = sc, plugin, table, journal, segments
        self.binary, self.flags = binary, flags
        self.conf: Dict[str, str] = dict(sc.getConf().getAll())
        slots.check(self.conf)
        self.at_once = at_once
        self.raises = slots.tries(sc.master, self.conf) > 1
        self.group = job_group or f"drift-spark-{uuid.uuid4().hex[:12]}"
        self.leader: Optional[Leader] = None
        #: While a job of segments is.
        self.at_work = False
        self.done: Dict[str, Dict[int, Record]] = {"plan": {}, "apply": {}}

    def through(self) -> Summary:
        """The whole run, in the order in which the module's head has it."""
        try:
            program, version = self.look()
            shipped = ship.files(self.sc, self.flags.files())
            plugin = ship.file(self.sc, self.plugin, "the plugin")
            self.lead(program)
            plan = [plugin, "--table", self.table, f"--journal={self.journal}", *self.flags.plan(shipped)]
            apply = [self.journal, *self.flags.apply(shipped)]
            if self.job(Task("plan", tuple(plan), self.segments, self.binary, version, self.raises)) and self.is_planned(program):
                self.job(Task("apply", tuple(apply), self.segments, self.binary, version, self.raises))
            return self.ended()
        finally:
            if self.leader:
                self.leader.stop()

    def look(self) -> Tuple[str, str]:
        """The driver's binary and its version, which all executors have as well."""
        program = binaries.find(self.binary, roots(), os.environ, strict=False)
        version = binaries.version(program)
        tasks = max(1, min(self.slots() or 1, self.segments))
        found = self.collected("look for drift-host", range(tasks), Look(self.binary))
        for machine in found:
            if "error" in machine:
                raise DriftError(machine["code"], machine["error"])
            binaries.differs(machine["version"], version, f"{self.binary or binaries.NAME} on {machine['host']}")
        return program, version

    def slots(self) -> Optional[int]:
        return slots.most(self.sc.master, self.conf, slots.present(self.sc))

    def lead(self, program: str) -> None:
        """Starts the leader, and waits until it has looked whether this run can be."""
        # After the look, for which executors came.
        self.at_once = min(self.segments, self.at_once or self.slots() or self.segments)
        argv = [program, "lead", self.plugin, "--table", self.table, f"--journal={self.journal}", f"--segments={self.segments}", f"--at-once={self.at_once}"]
        self.leader = Leader([*argv, *child.LIFELINES, *self.flags.lead()], self.leader_ended)
        self.leader.first_words()

    def leader_ended(self, code: int) -> None:
        """Without a leader nothing goes on; after its good end nobody needs long."""
        until = time.monotonic() + (ALMOST_DONE if code in (0, LEFT) else 0)
        while self.at_work:
            if time.monotonic() >= until:
                # Again, for a job that was not there yet.
                self.cancel()
            time.sleep(0.5)

    def job(self, task: Task) -> bool:
        """Has Spark do a segment a task until all are done; false if the leader ended before. The RDD is made anew each time: one that was built on another
        would do that one's work again."""
        done = self.done[task.verb]
        for rounds in range(slots.ROUNDS):
            left = [number for number in range(self.segments) if number not in done]
            self.tell(f"{task.verb}: {len(left)} of {self.segments} segments, {self.at_once} at a time")
            records = self.segments_of(task, left)
            if records is None:
                return False
            done.update({record["segment"]: record for record in records if not record.get("again") and is_result(record["code"])})
            again = [record for record in records if record["segment"] not in done]
            self.refuse_fatal(done)
            if not again:
                return True
            if rounds + 1 == slots.ROUNDS:
                raise DriftError(again[0]["code"] if again[0]["code"] in FATAL else AGAIN, again[0]["tail"])
            self.tell(f"{len(again)} segments are begun again, the first because {again[0]['tail']}")
        return False

    def segments_of(self, task: Task, left: List[int]) -> Optional[List[Record]]:
        """One job; nothing if the leader ended before it."""
        leader, self.at_work = self.leader, True
        try:
            if not leader or leader.is_over():
                return None
            return self.collected(f"{task.verb} {len(left)} of {self.segments} segments", left, task)
        except DriftError:
            if leader and leader.is_over():
                return None
            raise
        finally:
            self.at_work = False

    def refuse_fatal(self, done: Dict[int, Record]) -> None:
        """One error for what is wrong with all."""
        wrong = [record for _, record in sorted(done.items()) if record["code"] in FATAL]
        # What ended the leader too, the leader has said.
        if wrong and self.leader and not self.leader.is_over():
            others = f"\n(so ended {len(wrong)} of {self.segments} segments)" if len(wrong) > 1 else ""
            raise DriftError(wrong[0]["code"], f"segment {wrong[0]['segment']} on {wrong[0]['host']}: {wrong[0]['tail']}{others}")

    def is_planned(self, program: str) -> bool:
        """Waits for the manifest; false if the leader ended instead, for too many failed, say."""
        if not self.leader:
            return False
        place = f"--runs-dir={ship.folder()}"
        return planned([program, "status", "--json", place, *self.flags.status()], self.run_id(), self.leader)

    def run_id(self) -> str:
        lines = (record["line"] for record in self.done["plan"].values() if record["line"])
        return next((str(line["run"]) for line in lines), "")

    def ended(self) -> Summary:
        """Waits for the leader, who counts."""
        if not self.leader:
            raise DriftError(USAGE, "nobody leads the run")
        code = self.leader.wait()
        if code not in (0, LEFT):
            raise self.leader.error()
        lines = {verb: {number: record["line"] or {} for number, record in done.items()} for verb, done in self.done.items()}
        document = self.leader.document()
        run = str(document.get("run") or self.run_id())
        return Summary(run, code, self.leader.output, document, lines["plan"], lines["apply"])

    def collected(self, what: str, numbers: Sequence[int], task: Callable[[Iterable[int]], Iterator[Record]]) -> List[Record]:
        """Runs a job of a task a number; an error of a task, or of Spark, becomes one of ours. If this call is left, the job is cancelled.

        By a thread of its own: a signal that came while this one reads Spark's answer would break off the answer, and with it all that Spark could
        be told. And what that thread's jobs are called, its caller's are not."""
        from py4j.protocol import Py4JError, Py4JJavaError
        from pyspark import InheritableThread

        records: List[Record] = []
        errors: List[BaseException] = []

        def work() -> None:
            try:
                # By interrupting, a task's Python process ends within two seconds, and drift-host with it.
                self.sc.setJobGroup(self.group, f"drift-host: {what}", True)
                records.extend(self.sc.parallelize(numbers, len(numbers)).mapPartitions(task).collect())
            except BaseException as error:
                errors.append(error)

        thread = InheritableThread(target=work, daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(LOOK)
        except BaseException:
            self.cancel()
            raise
        for error in errors:
            if not isinstance(error, Py4JError):
                raise error
            raise _told(str(error), isinstance(error, Py4JJavaError)) from None
        return records

    def cancel(self) -> None:
        try:
            self.sc.cancelJobGroup(self.group)
        except Exception as error:
            # What is to be cancelled ended with Spark.
            self.tell(f"Spark took no cancel: {type(error).__name__}")

    def tell(self, what: str) -> None:
        print(f"drift-spark: {what}", file=sys.stderr, flush=True)


def _told(said: str, by_java: bool) -> DriftError:
    """What Spark says of a job, as an error of ours."""
    found = found_in(said)
    if found:
        return found
    if not by_java:
        return DriftError(AGAIN, f"Spark is gone: {said}; the same call again goes on with the run")
    if "cancelled" in said:
        return DriftError(INTERRUPTED, "the job was cancelled; the same call again goes on with the run")
    return DriftError(AGAIN, f"Spark ended the job: {_first(said)}; the same call again goes on with the run")


def _first(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    named = [line for line in lines if line.startswith("org.apache.spark") or "SparkException" in line]
    return (named or lines or ["nothing was said"])[0][:500]


def _context(spark: Any) -> Any:
    """The SparkContext of a session."""
    try:
        return spark if hasattr(spark, "parallelize") else spark.sparkContext
    except Exception:
        raise DriftError(USAGE, "drift-spark needs a SparkContext, which Spark Connect has not: run it on the cluster, by spark-submit") from None

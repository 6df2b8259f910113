"""Spark on loopback: a master and its workers, and drift-spark as a driver of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from typing import Dict, List, Sequence

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(os.path.dirname(HERE), "src")

#: An executor that says nothing for five seconds is lost.
SHORT = {
    "spark.executor.heartbeatInterval": "1s",
    "spark.network.timeout": "5s",
    "spark.network.timeoutInterval": "1s",
    "spark.storage.blockManagerHeartbeatTimeoutMs": "5s",
}


def environment() -> Dict[str, str]:
    own = {"PYTHONPATH": SOURCE, "SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "PYTHONDONTWRITEBYTECODE": "1"}
    inherited = {name: value for name, value in os.environ.items() if name not in ("SPARK_HOME", "DRIFT_HOST", "DRIFT_RUNS_DIR")}
    return {**inherited, **own}


class Standalone:
    """A master and two workers of one core each, as processes."""

    name = "standalone, two workers"

    def __init__(self, folder: str) -> None:
        import pyspark

        self.home = os.path.dirname(pyspark.__file__)
        self.folder = folder
        self.port = free_port()
        self.url = f"spark://127.0.0.1:{self.port}"
        self.processes: List["subprocess.Popen[bytes]"] = []
        self.start("master", ["Master", "--host", "127.0.0.1", "--port", str(self.port), "--webui-port", str(free_port())])
        reached(self.port)
        for number in (1, 2):
            work = os.path.join(folder, f"worker-{number}")
            words = ["Worker", "--host", "127.0.0.1", "--webui-port", str(free_port()), "--cores", "1", "--memory", "1g", "--work-dir", work, self.url]
            self.start(f"worker-{number}", words)

    def start(self, name: str, words: List[str]) -> None:
        log = open(os.path.join(self.folder, f"{name}.log"), "wb")
        command = [os.path.join(self.home, "bin", "spark-class"), f"org.apache.spark.deploy.{words[0].lower()}.{words[0]}", *words[1:]]
        env = {**environment(), "SPARK_HOME": self.home, "SPARK_DAEMON_MEMORY": "256m", "SPARK_WORKER_DIR": self.folder}
        # A session of its own, so that all of it is ended at once.
        self.processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, start_new_session=True))

    def close(self) -> None:
        for process in reversed(self.processes):
            os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


class LocalCluster:
    """Executors that the driver's own Java starts, as many as there are workers."""

    def __init__(self, workers: int = 2) -> None:
        self.name = f"local-cluster[{workers},1,1024]"
        self.url = self.name

    def close(self) -> None:
        pass


class Driver:
    """`drift-spark run`, its words in a file."""

    def __init__(self, master: str, folder: str, words: Sequence[str], conf: Dict[str, str]) -> None:
        self.said_in = os.path.join(folder, f"driver-{time.monotonic_ns()}.log")
        local = os.path.join(folder, "local")
        os.makedirs(local, exist_ok=True)
        settings = {
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.memory": "512m",
            "spark.executor.memory": "512m",
            "spark.executor.cores": "1",
            "spark.local.dir": local,
            **conf,
        }
        command = [sys.executable, "-m", "drift_spark", "run", "--master", master, *words]
        for name, value in settings.items():
            command += ["--conf", f"{name}={value}"]
        with open(self.said_in, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment(), cwd=folder)

    def said(self) -> str:
        with open(self.said_in, "rb") as stream:
            return stream.read().decode("utf-8", "replace")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def reached(port: int) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("Spark's master did not answer within a minute")

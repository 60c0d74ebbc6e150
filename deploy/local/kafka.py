"""A real Apache Kafka broker of one node (KRaft, broker and controller combined) on 127.0.0.1."""

import contextlib
import logging
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.local.jars import jar_version, kafka_jars
from deploy.local.process import ServerFailedError, ServerProcess, free_port

log = logging.getLogger(__name__)

START_SECONDS: Final = 90.0
JVM: Final = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # halves the start-up; a local broker never runs long enough to repay the second tier
    "-Djava.awt.headless=true",
)
LOG4J: Final = """\
Configuration:
  status: warn
  Appenders:
    Console:
      name: out
      target: SYSTEM_OUT
      PatternLayout:
        pattern: "%d %p %c{1} %m%n"
  Loggers:
    Root:
      level: info
      AppenderRef:
        ref: out
"""


class KafkaBroker:
    """One broker with its data in `directory`; may be stopped, killed and started again on the same data and port.

    Args:
        directory: receives configuration, data and log; data already there is used again.
        port: client port; a free one by default.
        advertised_port: where clients are told to connect, e.g. a proxy that tests cut; the client port by default.
        java: the `java` program; from `JAVA_HOME` or `PATH` by default.
    """

    def __init__(
        self, directory: Path, *, port: int | None = None, advertised_port: int | None = None, java: str | None = None
    ) -> None:
        self.directory = directory.resolve()
        self.port: Final = port or free_port()
        self.advertised_port: Final = advertised_port or self.port
        self._controller_port: Final = free_port()
        self._java = java or find_java()
        self._jars = kafka_jars()
        self.version: Final = jar_version(self._jars)
        """Version of the running code, read from its jar, e.g. `4.3.1`."""
        self._process: ServerProcess | None = None

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` for clients."""
        return f"127.0.0.1:{self.advertised_port}"

    @property
    def log(self) -> Path:
        """The broker's log file."""
        return self.directory / "kafka.log"

    @property
    def pid(self) -> int:
        """Process id of the broker's Java machine.

        Raises:
            ServerFailedError: it was not started.
        """
        if self._process is None:
            raise ServerFailedError("the Kafka broker is not running")
        return self._process.pid

    def start(self) -> None:
        """Format the data directory where it is new, start the broker, and wait until it answers.

        Raises:
            ServerFailedError: it ended or did not answer in time; the message carries the end of its log.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        properties = self.directory / "server.properties"
        properties.write_text(self._properties(), encoding="utf-8")
        (self.directory / "log4j2.yaml").write_text(LOG4J, encoding="utf-8")
        if not (self.directory / "data" / "meta.properties").exists():
            self._format(properties)
        self._process = ServerProcess(
            "Apache Kafka", [*self._command(), "kafka.Kafka", str(properties)], log=self.log, grace=20.0
        )
        self._process.wait_ready(self._answers, timeout=START_SECONDS)

    def stop(self) -> None:
        """Shut down in order."""
        if self._process is not None:
            self._process.stop()
            self._process = None

    def kill(self) -> None:
        """End it at once, as a power cut would (SIGKILL); `start` may follow."""
        os.kill(self.pid, signal.SIGKILL)
        self.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        # Ask the port itself: a proxy in front of an absent broker must not look ready.
        client = AdminClient({"bootstrap.servers": f"127.0.0.1:{self.port}", "log_level": 0})
        with contextlib.suppress(KafkaException):
            return len(client.list_topics(timeout=1.0).brokers) > 0
        return False

    def _command(self) -> list[str]:
        logging_option = f"-Dlog4j2.configurationFile={self.directory / 'log4j2.yaml'}"
        return [self._java, *JVM, logging_option, "-cp", os.pathsep.join(map(str, self._jars))]

    def _format(self, properties: Path) -> None:
        cluster = ["--cluster-id", "linegateLinegateLineg1"]  # 16 bytes in base64, as Kafka wants
        arguments = ["kafka.tools.StorageTool", "format", "--standalone", *cluster, "--config", str(properties)]
        done = subprocess.run(  # noqa: S603 - a fixed command line, no shell
            [*self._command(), *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise ServerFailedError(f"Kafka's StorageTool failed: {(done.stdout + done.stderr).strip()[-800:]}")

    def _properties(self) -> str:
        return "".join(
            f"{key}={value}\n"
            for key, value in {
                "process.roles": "broker,controller",
                "node.id": 1,
                "controller.quorum.bootstrap.servers": f"127.0.0.1:{self._controller_port}",
                "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self._controller_port}",
                "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.advertised_port},"
                f"CONTROLLER://127.0.0.1:{self._controller_port}",
                "controller.listener.names": "CONTROLLER",
                "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
                "log.dirs": self.directory / "data",
                "auto.create.topics.enable": "false",
                "offsets.topic.replication.factor": 1,
                "offsets.topic.num.partitions": 4,
                "transaction.state.log.replication.factor": 1,
                "transaction.state.log.min.isr": 1,
                "transaction.state.log.num.partitions": 4,
                "share.coordinator.state.topic.replication.factor": 1,
                "share.coordinator.state.topic.min.isr": 1,
                "share.coordinator.state.topic.num.partitions": 1,
                "group.initial.rebalance.delay.ms": 0,
                # After a kill -9 the controller lets the broker back in only once its old session has run out. Shorter
                # still, and a broker on a starved machine is fenced and elected in turns.
                "broker.session.timeout.ms": 6000,
                "broker.heartbeat.interval.ms": 1000,
                # Tests and demos live on short transactions; expired ones are looked for often.
                "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
                "message.max.bytes": 33_554_432,
                "replica.fetch.max.bytes": 33_554_432,
                "log.cleaner.dedupe.buffer.size": 8_388_608,
            }.items()
        )


def find_java() -> str:
    """The Java to use.

    Raises:
        ServerFailedError: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    if java is None:
        raise ServerFailedError(
            "no Java found: install a Java runtime (17 or later), or set KAFKA_BOOTSTRAP_SERVERS to a broker you have"
        )
    return java

"""A real Apache Kafka broker of one node (KRaft, broker and controller combined) on 127.0.0.1."""

import contextlib
import logging
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.local.jars import jar_version, kafka_jars
from deploy.local.kafka_security import BrokerSecurity, secure_listeners, set_scram_users
from deploy.local.process import LocalServer, ServerFailedError, free_port

log = logging.getLogger(__name__)

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


class KafkaBroker(LocalServer):
    """One broker with its data in `directory`; may be stopped, killed and started again on the same data and port.

    Args:
        directory: receives configuration, data and log; data already there is used again.
        port: client port; a free one by default.
        advertised_port: where clients are told to connect, e.g. a proxy that tests cut; the client port by default.
        java: the `java` program; from `JAVA_HOME` or `PATH` by default.
        security: TLS, users and ACLs; without it the broker takes everybody, in plain text.
    """

    NAME = "Apache Kafka"
    START_SECONDS = 90.0
    GRACE_SECONDS = 20.0

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        advertised_port: int | None = None,
        java: str | None = None,
        security: BrokerSecurity | None = None,
    ) -> None:
        super().__init__(directory)
        self.port: Final = port or free_port()
        self.advertised_port: Final = advertised_port or self.port
        self.security: Final = security
        self._mtls_port: Final = free_port()
        self._controller_port: Final = free_port()
        self._java = java or find_java()
        self._jars = kafka_jars()
        self.version: Final = jar_version(self._jars)
        """Version of the running code, read from its jar, e.g. `4.3.1`."""

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` for clients; with security, those that log in by SCRAM."""
        return f"127.0.0.1:{self.advertised_port}"

    @property
    def mtls_servers(self) -> str:
        """`host:port` for clients that show a certificate; there only with security."""
        return f"127.0.0.1:{self._mtls_port}"

    @property
    def log(self) -> Path:
        """The broker's log file."""
        return self.directory / "kafka.log"

    def start(self) -> None:
        """Format the data directory where it is new, start the broker, wait until it answers, and set its users.

        Raises:
            ServerFailedError: it ended or did not answer in time; the message carries the end of its log.
        """
        super().start()
        if self.security is not None and self.security.users:
            set_scram_users(self.admin(), self.security.users)

    def admin(self) -> AdminClient:
        """An admin client of this very broker, past a proxy; with security, one that may do everything."""
        options: dict[str, str | int | float | bool] = {"bootstrap.servers": f"127.0.0.1:{self.port}", "log_level": 0}
        if self.security is not None:
            options |= {"bootstrap.servers": self.mtls_servers, **self.security.super_user_options()}
        return AdminClient(options)

    def _prepare(self) -> list[str]:
        properties = self.directory / "server.properties"
        properties.write_text(
            "".join(f"{key}={value}\n" for key, value in self._properties().items()), encoding="utf-8"
        )
        (self.directory / "log4j2.yaml").write_text(LOG4J, encoding="utf-8")
        if not (self.directory / "data" / "meta.properties").exists():
            self._format(properties)
        return [*self._command(), "kafka.Kafka", str(properties)]

    def _answers(self) -> bool:
        # Ask the port itself: a proxy in front of an absent broker must not look ready.
        with contextlib.suppress(KafkaException):
            return len(self.admin().list_topics(timeout=1.0).brokers) > 0
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

    def _listeners(self) -> dict[str, object]:
        here = f"127.0.0.1:{self._controller_port}"
        if self.security is not None:
            return secure_listeners(
                self.security,
                self.directory,
                scram=f"127.0.0.1:{self.port}",
                advertised_scram=self.bootstrap_servers,
                mtls=self.mtls_servers,
                controller=here,
            )
        return {
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://{here}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap_servers},CONTROLLER://{here}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        }

    def _properties(self) -> dict[str, object]:
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.bootstrap.servers": f"127.0.0.1:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            **self._listeners(),
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
        }


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

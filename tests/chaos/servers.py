"""Real Kafka and Redis, each behind a proxy for the workers and beside it for the harness."""

from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from confluent_kafka.admin import AdminClient

from deploy.local.kafka import KafkaBroker
from deploy.local.process import free_port
from deploy.local.redis import RedisServer
from shared.bus.topics import ensure_topics
from tests.chaos.proxy import Proxy

PARTITIONS: Final = 6
"""Of each topic: three workers of a role have two each."""


class TwoDoorBroker(KafkaBroker):
    """A broker that sends workers to the proxy, and the harness (and itself) to a door of their own."""

    def __init__(self, directory: Path, *, advertised_port: int) -> None:
        super().__init__(directory, advertised_port=advertised_port)
        self.direct_port: Final = free_port()

    @property
    def direct_servers(self) -> str:
        """`host:port` past the proxy."""
        return f"127.0.0.1:{self.direct_port}"

    def _listeners(self) -> dict[str, object]:
        direct = f",DIRECT://127.0.0.1:{self.direct_port}"
        given = super()._listeners()
        return {
            "listeners": f"{given['listeners']}{direct}",
            "advertised.listeners": f"{given['advertised.listeners']}{direct}",
            "listener.security.protocol.map": f"{given['listener.security.protocol.map']},DIRECT:PLAINTEXT",
            # Its own transaction markers must not travel through the weather.
            "inter.broker.listener.name": "DIRECT",
        }


class Servers:
    """Kafka and Redis with their proxies, for the length of a `with` block.

    Args:
        directory: data and logs.
    """

    def __init__(self, directory: Path) -> None:
        kafka_door = free_port()
        self.broker: Final = TwoDoorBroker(directory / "kafka", advertised_port=kafka_door)
        self.redis: Final = RedisServer(directory / "redis")
        self.kafka_proxy: Final = Proxy(kafka_door, self.broker.port, kafka=True)
        self.redis_proxy: Final = Proxy(free_port(), self.redis.port)
        self._exit = ExitStack()

    def __enter__(self) -> Self:
        """Start them, with every topic of Linegate.

        Raises:
            ServerFailedError: one did not come up.
        """
        with ExitStack() as starting:
            for server in (self.redis, self.broker, self.kafka_proxy, self.redis_proxy):
                starting.enter_context(server)
            ensure_topics(AdminClient({"bootstrap.servers": self.broker.direct_servers}), partitions=PARTITIONS)
            self._exit = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    @property
    def worker_environment(self) -> dict[str, str]:
        """The settings that point a worker at the proxies."""
        return {
            "LINEGATE_BUS__BOOTSTRAP_SERVERS": f"127.0.0.1:{self.kafka_proxy.port}",
            "LINEGATE_REDIS__URL": f"redis://127.0.0.1:{self.redis_proxy.port}/0",
        }

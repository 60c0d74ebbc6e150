"""Checks of the servers that Linegate lives on: Kafka, Redis, the artifact store."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from deploy.doctor.finding import Finding, fail, ok, warn
from deploy.doctor.tls import look, mend, speaks_tls
from shared.settings import Settings, SettingsRejected
from shared.store import ArtifactStore, StoreUnavailable

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient, ClusterMetadata  # type: ignore[attr-defined]  # not marked public

    from shared.bus.errors import KafkaFailedError
    from shared.bus.refusals import Refusals
    from shared.bus.settings import BusSettings

_KAFKA_TIMEOUT_S: Final = 5.0
_KAFKA_ASK_S: Final = 1.0
_REDIS_PORT: Final = 6379


def kafka(settings: Settings) -> Iterator[Finding]:
    """Kafka answers, lets us in, and shows every topic."""
    from shared.bus.clients import open_admin
    from shared.bus.errors import KafkaFailedError
    from shared.bus.refusals import Refusals
    from shared.bus.topics import all_topics

    where = settings.bus.bootstrap_servers
    refusals = Refusals(settings.bus, log=lambda _line: None)
    try:
        client = open_admin(settings.bus, log_level=0, error_cb=refusals)
        cluster = _ask(client, refusals)
    except KafkaFailedError as error:
        yield fail(str(error), _kafka_remedy(settings.bus, error))
        return
    yield ok(f"Kafka at {where} answers, {len(cluster.brokers)} broker(s)")
    missing = [topic for topic in all_topics() if topic not in cluster.topics]
    if missing:
        yield warn(
            f"Kafka lacks the topics {', '.join(missing)}",
            "`linegate topics` creates them; or this user may not see them: a worker's sees only those that are its "
            "business",
        )
    else:
        yield ok(f"all {len(all_topics())} topics exist")


def _ask(client: "AdminClient", refusals: "Refusals") -> "ClusterMetadata":
    from confluent_kafka import KafkaException

    deadline = time.monotonic() + _KAFKA_TIMEOUT_S
    while True:
        try:
            return client.list_topics(timeout=_KAFKA_ASK_S)
        except KafkaException as error:
            client.poll(0)  # lets librdkafka tell why
            if refusals.latest is not None or time.monotonic() > deadline:
                raise refusals.failure(error.args[0].str()) from error


def redis(settings: Settings) -> Iterator[Finding]:
    """Redis answers, keeps what it is told, and has the same time as this machine."""
    from redis import RedisError
    from redis.exceptions import NoPermissionError

    from shared.registry.connection import connect, remedy

    try:
        with connect(settings.redis) as client:
            before = time.time()
            answer: Any = client.time()
            seconds, microseconds = answer
            skew = seconds + microseconds / 1e6 - (before + time.time()) / 2
            info: Any = client.info()
    except NoPermissionError:
        yield from _redis_within_rights(settings)
        return
    except SettingsRejected as error:
        yield fail(str(error), "redis://host:port/0, rediss:// for TLS")
        return
    except RedisError as error:
        yield fail(f"Redis does not answer: {_line(error)}", _redis_remedy(settings, remedy(error)))
        return
    yield ok(f"Redis {info.get('redis_version', 'of an unknown version')} answers")
    if str(info.get("aof_enabled")) == "1":
        yield ok("Redis keeps an append-only file")
    else:
        yield warn(
            "Redis keeps no append-only file: a restart may set assignments back, or lose them all",
            "set `appendonly yes` in redis.conf (CONFIG SET appendonly yes, then CONFIG REWRITE), and keep an export "
            "beside it: docs/registry-backup.md",
        )
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        yield warn(f"Redis may drop data when memory is short ({policy})", "set `maxmemory-policy noeviction`")
    yield _clock(skew)


def _redis_within_rights(settings: Settings) -> Iterator[Finding]:
    """For a user that may only read the registry: that it can is all there is to see."""
    from shared.registry.client import Registry
    from shared.registry.errors import RegistryUnavailable

    try:
        with Registry(settings.redis) as registry:
            revision = registry.snapshot().revision
    except RegistryUnavailable as error:
        yield fail(str(error), error.hint or "see redis.url")
        return
    yield ok(f"Redis answers, and this user may read the registry (revision {revision})")
    yield warn(
        "this user may not ask whether Redis keeps its data, nor its time",
        "that is as it should be for a worker; run the doctor once as `operator` (`linegate acl redis`)",
    )


def store(settings: Settings) -> Iterator[Finding]:
    """The artifact store takes, returns and removes a small file."""
    try:
        artifacts = ArtifactStore(settings.store)
        artifacts.probe()
    except StoreUnavailable as error:
        yield fail(str(error), error.hint or "check store.url and the credentials of its cloud")
        return
    yield ok(f"artifact store {artifacts.url} can be written and read")


def _kafka_remedy(bus: "BusSettings", error: "KafkaFailedError") -> str:
    """Look closer at the first server, where TLS is in play."""
    host, _, port = bus.bootstrap_servers.split(",")[0].strip().rpartition(":")
    hint = error.hint or "see bus.bootstrap_servers (KAFKA_BOOTSTRAP_SERVERS)"
    if not port.isdigit():
        return hint
    if bus.security.encrypted:
        seen = look(host, int(port), ca_file=bus.security.ca_file)
        return hint if seen is None else mend(seen, ca="bus.security.ca_file", address="bus.bootstrap_servers")
    if speaks_tls(host, int(port)):
        return f"{host}:{port} speaks TLS: set bus.security.protocol to SSL or SASL_SSL, and bus.security.ca_file"
    return f"start it (`linegate up` runs one on this machine), or: {hint}"


def _redis_remedy(settings: Settings, hint: str) -> str:
    url = urlsplit(settings.redis.url.get_secret_value())
    if url.scheme == "rediss" and url.hostname:
        seen = look(url.hostname, url.port or _REDIS_PORT, ca_file=settings.redis.ca_file)
        return hint if seen is None else mend(seen, ca="redis.ca_file", address="redis.url")
    if url.scheme == "redis" and url.hostname and speaks_tls(url.hostname, url.port or _REDIS_PORT):
        return "that server speaks TLS: redis.url must begin with rediss://, and redis.ca_file name its CA"
    return f"start it (`linegate up` runs one on this machine), or: {hint}"


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _clock(skew: float) -> Finding:
    told = f"this machine's clock is {abs(skew):.1f} s {'behind' if skew > 0 else 'ahead of'} the Redis server's"
    if abs(skew) < 1:
        return ok("this machine and the Redis server agree on the time")
    return warn(told, "synchronise both (NTP): latencies and photo times are compared between machines")

"""Checks of the servers that Linegate lives on: Kafka, Redis, the artifact store."""

import time
from collections.abc import Iterator
from typing import Any, Final

from deploy.doctor.finding import Finding, fail, ok, warn
from shared.settings import Settings
from shared.store import ArtifactStore, StoreUnavailable

_KAFKA_TIMEOUT_S: Final = 5.0


def kafka(settings: Settings) -> Iterator[Finding]:
    """Kafka answers, and has every topic."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    from shared.bus.topics import all_topics

    where = settings.bus.bootstrap_servers
    client = AdminClient({"bootstrap.servers": where, "log_level": 0, **settings.bus.extra}, logger=None)
    try:
        cluster = client.list_topics(timeout=_KAFKA_TIMEOUT_S)
    except KafkaException as error:
        yield fail(
            f"Kafka at {where} does not answer: {error.args[0].str()}",
            "start it (`linegate up` runs one on this machine), or set bus.bootstrap_servers (KAFKA_BOOTSTRAP_SERVERS)",
        )
        return
    yield ok(f"Kafka at {where} answers, {len(cluster.brokers)} broker(s)")
    missing = [topic for topic in all_topics() if topic not in cluster.topics]
    if missing:
        yield warn(f"Kafka lacks the topics {', '.join(missing)}", "workers create them when they start, if they may")
    else:
        yield ok(f"all {len(all_topics())} topics exist")


def redis(settings: Settings) -> Iterator[Finding]:
    """Redis answers, keeps what it is told, and has the same time as this machine."""
    from redis import Redis, RedisError

    limit = settings.redis.timeout_s
    try:
        with Redis.from_url(
            settings.redis.url.get_secret_value(),
            decode_responses=True,
            socket_timeout=limit,
            socket_connect_timeout=limit,
        ) as client:
            before = time.time()
            seconds, microseconds = client.time()
            skew = seconds + microseconds / 1e6 - (before + time.time()) / 2
            info: dict[str, Any] = client.info()
    except (RedisError, ValueError) as error:
        yield fail(
            f"Redis does not answer: {' '.join(str(error).split())}",
            "start it (`linegate up` runs one on this machine), or set redis.url (REDIS_URL)",
        )
        return
    yield ok(f"Redis {info.get('redis_version', 'of an unknown version')} answers")
    if str(info.get("aof_enabled")) == "1":
        yield ok("Redis keeps an append-only file")
    else:
        yield warn(
            "Redis keeps no append-only file: a restart may set assignments back",
            "set `appendonly yes` in redis.conf (CONFIG SET appendonly yes, then CONFIG REWRITE)",
        )
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy != "noeviction":
        yield warn(f"Redis may drop data when memory is short ({policy})", "set `maxmemory-policy noeviction`")
    yield _clock(skew)


def store(settings: Settings) -> Iterator[Finding]:
    """The artifact store takes, returns and removes a small file."""
    try:
        artifacts = ArtifactStore(settings.store)
        artifacts.probe()
    except StoreUnavailable as error:
        yield fail(str(error), error.hint or "check store.url and the credentials of its cloud")
        return
    yield ok(f"artifact store {artifacts.url} can be written and read")


def _clock(skew: float) -> Finding:
    told = f"this machine's clock is {abs(skew):.1f} s {'behind' if skew > 0 else 'ahead of'} the Redis server's"
    if abs(skew) < 1:
        return ok("this machine and the Redis server agree on the time")
    return warn(told, "synchronise both (NTP): latencies and photo times are compared between machines")

"""Servers that let in whom they know: real Kafka (SCRAM, mTLS, ACLs) and real Redis (TLS, ACLs), one each per session.

Always local: the tests need to hold the servers' keys.
"""

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public, but not marked as such
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)
from pydantic import SecretStr

from deploy.local.kafka import KafkaBroker
from deploy.local.kafka_security import BrokerSecurity
from deploy.local.redis import RedisServer, RedisTls, find_redis_server, speaks_tls
from deploy.security.kafka_acls import apply_kafka_acls, kafka_principals
from deploy.security.redis_users import acl_file, redis_users
from shared.bus.security import BusSecurity
from shared.bus.settings import BusSettings
from shared.bus.topics import ensure_topics
from shared.settings import RedisSettings
from tests.integration.transport.authority import Authority
from tests.integration.transport.tls_front import TlsFront

ANY_ACL = AclBindingFilter(
    ResourceType.ANY, None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY
)
NOBODY = "nobody"
"""A user that exists and has no right."""
QUICK = {"session_timeout_ms": 30_000, "transaction_timeout_ms": 20_000, "message_timeout_ms": 15_000}


@dataclass(frozen=True, slots=True)
class SecureKafka:
    """A broker, and how each principal reaches it."""

    broker: KafkaBroker
    authority: Authority
    passwords: dict[str, str] = field(repr=False)

    def bus(self, name: str, **more: object) -> BusSettings:
        """Settings that log in as `name` by SCRAM."""
        security = BusSecurity(
            protocol="SASL_SSL",
            ca_file=self.authority.file,
            username=name,
            password=SecretStr(self.passwords[name]),
        )
        return self._settings(self.broker.bootstrap_servers, security, more)

    def mtls_bus(self, name: str, **more: object) -> BusSettings:
        """Settings that show a certificate of `name`."""
        pair = self.authority.issue(name)
        security = BusSecurity(
            protocol="SSL", ca_file=self.authority.file, certificate_file=pair.certificate, key_file=pair.key
        )
        return self._settings(self.broker.mtls_servers, security, more)

    @staticmethod
    def _settings(servers: str, security: BusSecurity, more: dict[str, object]) -> BusSettings:
        # Fails at the first refusal instead of trying again: the tests wait for refusals.
        quick = {**QUICK, "max_wait_ms": 5, "retry_initial_s": 0.1, "max_failures": 1}
        return BusSettings.model_validate({
            "bootstrap_servers": servers, "security": security.model_dump(), **quick, **more
        })  # fmt: skip


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs every certificate that the servers trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody trusts."""
    return Authority(tmp_path_factory.mktemp("stranger"))


@pytest.fixture(scope="session")
def secure_kafka(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """A broker with every topic, where each principal has exactly the rights of its list."""
    principals = kafka_principals()
    passwords = {name: secrets.token_urlsafe(16) for name in (*principals, NOBODY, "super")}
    own = authority.issue("super")
    security = BrokerSecurity(authority.file, own.certificate, own.key, passwords)
    with KafkaBroker(tmp_path_factory.mktemp("secure-kafka"), security=security) as broker:
        admin = broker.admin()
        ensure_topics(admin, partitions=1)
        for entry in principals.values():
            apply_kafka_acls(admin, f"User:{entry.name}", entry.acls)
        # The controller has them all; the broker learns of them a moment later.
        wanted = {acl.binding(f"User:{entry.name}") for entry in principals.values() for acl in entry.acls}
        while not wanted <= set(admin.describe_acls(ANY_ACL).result(30)):
            time.sleep(0.05)
        yield SecureKafka(broker, authority, passwords)
        broker.kill()  # nobody reads its data any more


@dataclass(frozen=True, slots=True)
class SecureRedis:
    """A server in TLS, and how each user reaches it."""

    port: int
    plain_server: RedisServer
    """The server itself."""
    authority: Authority
    passwords: dict[str, str] = field(repr=False)

    def settings(self, name: str | None, **more: object) -> RedisSettings:
        """Settings that log in as `name`; None shows no user."""
        user = {} if name is None else {"username": name, "password": self.passwords[name]}
        url = f"rediss://127.0.0.1:{self.port}/0"
        return RedisSettings.model_validate({"url": url, "ca_file": self.authority.file, **user, **more})


def serve_redis(
    stack: ExitStack, folder: Path, authority: Authority, *, passwords: dict[str, str], mtls: bool
) -> SecureRedis:
    """Start a server with the users of the list; TLS is its own, or a front's where it was built without."""
    folder.mkdir(parents=True, exist_ok=True)
    users = folder / "users.acl"
    users.touch(mode=0o600)
    users.write_text(acl_file(passwords, redis_users()), encoding="utf-8")
    own = authority.issue("redis")
    if speaks_tls(find_redis_server()):
        tls = RedisTls(authority.file, own.certificate, own.key, clients_show_certificate=mtls)
        server = stack.enter_context(RedisServer(folder / "data", tls=tls, acl_file=users))
        return SecureRedis(server.port, server, authority, passwords)
    server = stack.enter_context(RedisServer(folder / "data", acl_file=users))
    front = stack.enter_context(
        TlsFront(
            server.port,
            ca_file=authority.file,
            certificate_file=own.certificate,
            key_file=own.key,
            clients_show_certificate=mtls,
        )
    )
    return SecureRedis(front.port, server, authority, passwords)


@pytest.fixture(scope="session")
def secure_redis(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureRedis]:
    """A server with the users of the list, each with a password."""
    passwords = {name: secrets.token_urlsafe(16) for name in redis_users()}
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("secure-redis")
        yield serve_redis(stack, folder, authority, passwords=passwords, mtls=False)


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the developer's machine takes part."""
    for variable in list(os.environ):
        if variable.startswith(("LINEGATE_BUS", "LINEGATE_REDIS")) or variable in (
            "KAFKA_BOOTSTRAP_SERVERS",
            "REDIS_URL",
        ):
            monkeypatch.delenv(variable)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The search for needless rights is slow: it runs only where it is asked for (`make acl-minimal`)."""
    if "minimal" not in config.option.markexpr:
        slow = [item for item in items if item.get_closest_marker("minimal")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]

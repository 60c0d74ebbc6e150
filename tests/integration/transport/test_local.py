"""The local stack and `linegate acl --apply` on given servers that want to know who we are."""

from pathlib import Path

import pytest
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public, but not marked so
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from deploy.local.process import ServerFailedError
from deploy.local.redis import RedisServer, RedisTls, find_redis_server, speaks_tls
from deploy.local.stack import LocalStack
from deploy.security.cli import kafka as acl_kafka
from deploy.security.kafka_acls import kafka_principals
from shared.errors import LinegateError
from tests.integration.transport.authority import Authority
from tests.integration.transport.conftest import SecureKafka, SecureRedis

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def log_in(monkeypatch: pytest.MonkeyPatch, kafka: SecureKafka, user: str) -> None:
    """This process's settings name that user at Kafka."""
    monkeypatch.setenv("LINEGATE_BUS__BOOTSTRAP_SERVERS", kafka.broker.bootstrap_servers)
    monkeypatch.setenv("LINEGATE_BUS__SECURITY__PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("LINEGATE_BUS__SECURITY__CA_FILE", str(kafka.authority.file))
    monkeypatch.setenv("LINEGATE_BUS__SECURITY__USERNAME", user)
    monkeypatch.setenv("LINEGATE_BUS__SECURITY__PASSWORD", kafka.passwords[user])


def test_a_stack_of_given_servers_logs_in_by_the_settings(
    secure_kafka: SecureKafka, secure_redis: SecureRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is started, and both servers are reached over TLS."""
    log_in(monkeypatch, secure_kafka, "super")
    monkeypatch.setenv("LINEGATE_REDIS__USERNAME", "operator")
    monkeypatch.setenv("LINEGATE_REDIS__PASSWORD", secure_redis.passwords["operator"])
    monkeypatch.setenv("LINEGATE_REDIS__CA_FILE", str(secure_redis.authority.file))
    given = {
        "KAFKA_BOOTSTRAP_SERVERS": secure_kafka.broker.bootstrap_servers,
        "REDIS_URL": f"rediss://127.0.0.1:{secure_redis.port}/0",
    }
    # The field's own variable: a user and a certificate go with a URL.
    monkeypatch.setenv("LINEGATE_REDIS__URL", given["REDIS_URL"])
    with LocalStack(tmp_path, environment=given) as stack:
        assert stack.redis_version[0].isdigit()
        assert stack.bus.security.username == "super"
    assert list(tmp_path.iterdir()) == []


def test_acls_are_applied_to_the_cluster(secure_kafka: SecureKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an administrator; by nobody else, which is told in one line."""
    log_in(monkeypatch, secure_kafka, "super")
    acl_kafka(["crop"], principal="User:other-{}", apply=True)
    of_it = AclBindingFilter(
        ResourceType.ANY, None, ResourcePatternType.ANY, "User:other-crop", None, AclOperation.ANY,
        AclPermissionType.ANY,
    )  # fmt: skip
    admin = secure_kafka.broker.admin()
    wanted = {acl.binding("User:other-crop") for acl in kafka_principals()["crop"].acls}
    while (found := set(admin.describe_acls(of_it).result(30))) != wanted:
        assert found < wanted
    log_in(monkeypatch, secure_kafka, "crop")
    with pytest.raises(LinegateError, match="CLUSTER_AUTHORIZATION_FAILED") as caught:
        acl_kafka(["score"], principal="User:{}", apply=True)
    assert "ALTER the cluster" in caught.value.line


def test_no_secret_lies_open_beside_the_broker(secure_kafka: SecureKafka) -> None:
    """Its key is for its owner alone, and no password is in its properties nor on a command line."""
    folder = secure_kafka.broker.directory
    assert (folder / "keystore.pem").stat().st_mode & 0o077 == 0
    written = (folder / "server.properties").read_text() + repr(secure_kafka.broker.security) + repr(secure_kafka)
    assert not [password for password in secure_kafka.passwords.values() if password in written]


def test_a_redis_without_tls_says_so(tmp_path: Path, authority: Authority) -> None:
    """Instead of listening in plain text."""
    own = authority.issue("redis")
    tls = RedisTls(authority.file, own.certificate, own.key)
    if not speaks_tls(find_redis_server()):
        with pytest.raises(ServerFailedError, match="without TLS"):
            RedisServer(tmp_path, tls=tls)
        return
    with RedisServer(tmp_path, tls=tls) as server:
        assert server.url.startswith("rediss://")
        assert server.version[0].isdigit()

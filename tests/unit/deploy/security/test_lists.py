"""The lists of rights: they name what there is, and are printed as the servers' tools take them."""

import hashlib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy.security.cli import app
from deploy.security.kafka_acls import KafkaAcl, kafka_principals
from deploy.security.redis_users import redis_users
from shared.alerts import outbox_scripts
from shared.alerts import scripts as alert_scripts
from shared.bus.topics import all_topics
from shared.errors import LinegateError
from shared.registry import scripts

KEYS = {
    scripts.REVISION,
    scripts.VERSIONS,
    scripts.AUDIT,
    *scripts.TABLES.values(),
    "{linegate}:jobs:*",
    "{linegate}:alerts:*",
}
OUTBOX_KEYS = {
    alert_scripts.SUBSCRIPTIONS,
    alert_scripts.SECRETS,
    alert_scripts.MESSAGES,
    alert_scripts.LANES,
    alert_scripts.LANE + "*",
    outbox_scripts.LEASES,
    outbox_scripts.ATTEMPTS,
    outbox_scripts.PROGRESS,
    outbox_scripts.DELIVERIES + "*",
    outbox_scripts.LOGGED,
    outbox_scripts.DISABLED,
    outbox_scripts.FAILED,
    outbox_scripts.FAILED_TIMES,
}


def run(*words: str) -> tuple[str, str]:
    """What `linegate acl` says, and what beside."""
    result = CliRunner().invoke(app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout, result.stderr


def test_kafkas_list_names_topics_that_there_are() -> None:
    """A topic that is renamed must be renamed there too."""
    acls = [acl for entry in kafka_principals().values() for acl in entry.acls]
    assert {acl.name for acl in acls if acl.resource == "topic" and not acl.prefixed} == set(all_topics())
    assert all(topic.startswith("linegate.") for topic in all_topics())


def test_kafkas_list_gives_each_resource_one_writer() -> None:
    """Only the score worker gives verdicts, and only people at the dead-letter desk write beside a service."""
    writers: dict[str, set[str]] = {}
    for entry in kafka_principals().values():
        for acl in entry.acls:
            assert acl.resource in {"topic", "group", "transactional_id"}
            assert acl.operation in {"READ", "WRITE", "DESCRIBE", "CREATE"}
            if acl.operation == "WRITE":
                writers.setdefault(acl.name, set()).add(entry.name)
    assert writers.pop("linegate.images") == {"camera", "gateway", "dlq"}
    faults = {"crop", "score", "labels", "notify", "rollout", "trainer", "archive", "alert"}
    assert writers.pop("linegate.faults") == faults
    assert writers.pop("linegate.verdicts.dlq") == {"archive", "alert"}
    assert writers.pop("linegate.feedback") == {"gateway", "console", "rework", "dlq"}
    assert writers.pop("linegate.training.requests") == {"engineer", "dlq"}
    assert writers.pop("linegate.crops") == {"crop", "dlq"}
    assert writers.pop("linegate.dlq.stops") == {"crop", "score", "labels", "trainer", "archive", "alert", "dlq"}
    assert all(len(names) == 1 for names in writers.values()), writers
    assert writers["linegate.verdicts"] == {"score"}


def test_the_lines_for_kafka_acls_sh() -> None:
    """By the letter."""
    acl = KafkaAcl("transactional_id", "crop-", True, "WRITE")
    assert acl.shell("User:crop") == (
        "--add --allow-principal User:crop --operation Write --transactional-id crop- --resource-pattern-type prefixed"
    )
    told, _ = run("kafka", "camera", "--principal", "User:CN={},O=Plant 1", "--command", "acls")
    assert told == (
        "# camera: a camera or an MES that speaks Kafka itself: photos in, nothing out\n"
        "acls --add --allow-principal 'User:CN=camera,O=Plant 1' --operation Write --topic linegate.images "
        "--resource-pattern-type literal\n"
    )


def test_all_of_kafkas_list_is_printed_by_default() -> None:
    """One line a right."""
    told, _ = run("kafka")
    lines = [line for line in told.splitlines() if not line.startswith("#")]
    assert len(lines) == sum(len(entry.acls) for entry in kafka_principals().values())
    assert all(line.startswith("kafka-acls.sh --bootstrap-server ") for line in lines)


@pytest.mark.parametrize("words", [("kafka", "krop"), ("redis", "krop"), ("kafka", "--principal", "User:crop")])
def test_a_name_that_is_not_there_is_told(words: tuple[str, ...]) -> None:
    """And a pattern without a place for the name."""
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 2
    assert "camera" in result.output or "trainer" in result.output or "{}" in result.output


def test_redis_list_reaches_the_registrys_keys_only() -> None:
    """And nobody but the administrator has more than single commands."""
    for user in redis_users().values():
        if user.name == "admin":
            continue
        assert all(key == "{linegate}:*" or key in KEYS | OUTBOX_KEYS for key in user.keys)
        assert all(command.isalpha() for command in user.commands)
    assert all(key.startswith("{linegate}:") for key in KEYS | OUTBOX_KEYS)


def test_whoever_needs_no_webhook_secret_cannot_read_one() -> None:
    """Who knows a secret can send messages in our name."""
    wide = {user.name for user in redis_users().values() if "{linegate}:*" in user.keys}
    assert wide == {"gateway", "console", "restore"}


@pytest.mark.parametrize("worker", ["crop", "score"])
def test_workers_only_read(worker: str) -> None:
    """No command that writes, no script."""
    assert not {"eval", "set", "hset", "hdel", "incr", "xadd", "del"} & set(redis_users()[worker].commands)


def test_the_acl_file_of_redis(tmp_path: Path) -> None:
    """The default user off; passwords as their SHA-256; without one nobody logs in, and that is said."""
    (tmp_path / "crop").write_text("hunter2\n")
    told, beside = run("redis", "crop", "operator", "--passwords", str(tmp_path))
    digest = hashlib.sha256(b"hunter2").hexdigest()
    registry = " ".join(
        f"~{{linegate}}:{name}" for name in ("revision", "versions", "assignments", "stations", "audit")
    )
    assert told == (
        "user default reset off\n"
        f"user crop reset on #{digest} {registry} resetchannels +multi +exec +get +hgetall +xrevrange +xread\n"
        "user operator reset on resetchannels +time +info\n"
    )
    assert "operator: `linegate doctor` by a person (without password: cannot log in)" in beside
    assert "hunter2" not in told + beside


def test_an_empty_password_is_refused(tmp_path: Path) -> None:
    """Its SHA-256 would be a password of no letters."""
    (tmp_path / "crop").write_text("\n")
    with pytest.raises(LinegateError, match="password of crop"):
        run("redis", "crop", "--passwords", str(tmp_path))

"""Redis over TLS: who gets in, what each user may do, and that it may do nothing else."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
import redis

from deploy.doctor import servers
from deploy.doctor.finding import Finding
from deploy.security.redis_users import RedisUser, redis_users
from shared.alerts import life, sample
from shared.alerts.book import AlertBook
from shared.alerts.channels import Email, Mqtt, Webhook
from shared.alerts.conditions import EachFail
from shared.alerts.delivery import Delivery
from shared.alerts.delivery_desk import DeliveryDesk
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.outbox import Outbox
from shared.alerts.records import Group, Silence, Trigger
from shared.alerts.subscription import Subscription
from shared.events import TrainingCancelled, new_event_id, now
from shared.registry import lifecycle, scripts
from shared.registry.archive import RegistryArchive
from shared.registry.client import Registry
from shared.registry.connection import connect
from shared.registry.errors import RegistryUnavailable
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, StationConfig, VersionRecord
from shared.registry.watcher import RegistryWatcher
from shared.settings import RedisSettings, Settings
from tests.integration.transport.alert_job import alert_redis_job
from tests.integration.transport.authority import Authority
from tests.integration.transport.conftest import SecureRedis, serve_redis
from tests.integration.transport.jobs import a_request
from tests.integration.transport.notify_job import fill_outboxes, notify_job
from training.worker.board import BoardUnavailable, JobBoard, Over

pytestmark = pytest.mark.redis
PATIENCE = 20.0
SUBSCRIPTION = Subscription(
    id="fails",
    scope=PlaceKey.parse("munich"),
    condition=EachFail(),
    channels=(Email(name="mail", to=("shift@example.com",)), Mqtt(name="lamp", topic="andon/line-1")),
)


def doctor(settings: RedisSettings) -> list[Finding]:
    """What the doctor says of Redis."""
    return list(servers.redis(Settings.model_validate({"redis": settings.model_dump()})))


def trainer_job(settings: RedisSettings) -> None:
    """Register a version, and once more; set a station; keep the board of jobs."""
    with Registry(settings) as registry:
        record = VersionRecord(version=f"munich-{time.monotonic_ns()}", digest="1" * 64, kind="padim")
        assert registry.register(record).digest == registry.register(record).digest
        assert record.version in {known.version for known in registry.versions()}
        key = PlaceKey.parse(f"plant-{time.monotonic_ns()}")
        registry.set_station(key, StationConfig(policy="full_frame"), expected=None, author="test")
        assert key.root in registry.stations()
    with JobBoard(settings) as board:
        board.filled()
        requests = [a_request() for _ in range(3)]
        for request in requests:
            board.add(request)
        for _ in requests:
            claim = board.claim("test", lease_s=60)
            assert claim is not None
            board.beat(claim, lease_s=60)
            board.put_back(claim, counted=True, reason="a crash")
            claim = board.claim("test", lease_s=60)
            assert claim is not None
            board.finish(claim, "failed")
        board.add(waiting := a_request())
        assert isinstance(board.cancel(TrainingCancelled(job=waiting.job, by="test")), Over)
        board.remember(a_request(), "done", attempts=1)


def rollout_job(settings: RedisSettings) -> None:
    """Everything that `linegate rollout` can do, and what its judge does beside."""
    key = PlaceKey.parse(f"plant-{time.monotonic_ns()}")
    with Registry(settings) as registry:
        registry.register(VersionRecord(version="munich-2", digest="2" * 64, kind="padim"))
        revision = registry.assign(key, Assignment(champion="munich-2"), expected=None, author="test")
        assert registry.snapshot().assignments[key.root].revision == revision
        registry.unassign(key, expected=revision, author="test")
        station = registry.set_station(key, StationConfig(policy="full_frame"), expected=None, author="test")
        registry.unset_station(key, expected=station, author="test")
        assert registry.versions()
        assert registry.history()
        position = registry.snapshot().position
        step = registry.advance(
            key, lambda held: lifecycle.promote(held, "munich-2"), action="promote", author="judge", expected=None
        )
        assert registry.assignment(key) is not None
        assert registry.wait_for_change(position, 1.0)
        assert [entry.revision for entry in registry.audit(position)] == [step.revision]


def gateway_job(settings: RedisSettings) -> None:
    """Everything that the routes of rollouts ask for."""
    key = PlaceKey.parse(f"plant-{time.monotonic_ns()}")
    with Registry(settings) as registry:
        # As `services/gateway/rollouts.py` takes a step; known_version registered one.
        version = registry.snapshot().versions[min(registry.snapshot().versions)]
        registry.advance(
            key, lambda held: lifecycle.promote(held, version.version), action="promote", author="test", expected=None
        )
        assert registry.assignment(key)
        assert registry.history(5, key, tables=("assignments",))
    alerts_job(settings)


def console_job(settings: RedisSettings) -> None:
    """What the gateway does for clients, and following the registry."""
    gateway_job(settings)
    worker_job(settings)


def alerts_job(settings: RedisSettings) -> None:
    """Everything that people do about alerts, by HTTP and on the command line; `an_alert` fired."""
    name = f"made-{time.monotonic_ns()}"
    hook = Webhook(name="hook", url="https://hooks.example/x")
    made = SUBSCRIPTION.model_copy(update={"id": name, "channels": (hook,)})
    with AlertBook(settings) as book, SubscriptionDesk(settings) as desk, DeliveryDesk(settings) as deliveries:
        revision = desk.put_subscription(made, expected=None, author="test")
        assert desk.subscription(name) is not None
        assert name in desk.subscriptions()
        assert desk.new_secret(name, "hook") == desk.secret(name, "hook")
        assert f"{name}/hook" in desk.with_secrets()
        begin = now()
        silence = Silence(id=name, scope=made.scope, begin=begin, end=begin + timedelta(hours=1), by="test")
        held = desk.put_silence(silence)
        assert desk.silence(name) is not None
        assert name in desk.silences()
        desk.remove_silence(name, expected=held, author="test")
        assert book.put_message(sample.sample_message(made, "hook", "test"))
        assert any(waits.subscription == name for waits in deliveries.waiting())
        desk.remove_subscription(name, expected=revision, author="test")
        (failed, *_) = deliveries.recent(SUBSCRIPTION.id)
        assert failed.kept
        assert deliveries.redrive(failed.message).id == failed.message
        assert deliveries.disabled(SUBSCRIPTION.id)
        assert deliveries.enable(SUBSCRIPTION.id, "mail")
        alert = book.open_alerts()[0].record.id
        since = book.latest_log_entry()
        assert int(since.split("-")[0]) <= int(book.moment().split("-")[0]) + 1
        book.take(alert, life.acknowledge("test"), SUBSCRIPTION, by="test")
        book.take(alert, life.resolve("test"), SUBSCRIPTION, by="test")
        assert book.wait_for_log(since, 1.0)
        assert [change.step for _, change in book.log(since)] == ["acknowledged", "resolved"]
        assert alert in {closed.record.id for closed in book.closed_alerts()}


def backup_job(settings: RedisSettings) -> None:
    """Read everything."""
    with RegistryArchive(settings) as archive:
        assert archive.read().versions


def restore_job(settings: RedisSettings) -> None:
    """Replace everything by itself, with an entry of each kind."""
    with RegistryArchive(settings) as archive:
        held = archive.read()
        assert archive.replace(held, held, above=0, author="test", note="") == held.revision + 1


def worker_job(settings: RedisSettings) -> None:
    """Follow the registry: its state, by a watcher too, and a change that comes through the audit stream."""
    with Registry(settings) as registry:
        revision = registry.snapshot().revision
        with RegistryWatcher(registry) as watcher:
            assert watcher.wait_first(PATIENCE), "the registry never answered"
            assert watcher.snapshot is not None
            assert not watcher.snapshot.stale
            assert watcher.snapshot.revision >= revision
        assert registry.wait_for_change("0-0", 1.0)


def operator_job(settings: RedisSettings) -> None:
    """The doctor finds all well."""
    assert [finding.level for finding in doctor(settings)] == ["OK", "OK", "OK"]


def admin_job(settings: RedisSettings) -> None:
    """Look after users."""
    with connect(settings) as client:
        assert len(list(client.acl_list())) == len(redis_users()) + 1


JOBS: dict[str, Callable[[RedisSettings], None]] = {
    "trainer": trainer_job,
    "rollout": rollout_job,
    "crop": worker_job,
    "score": worker_job,
    "gateway": gateway_job,
    "notify": notify_job,
    "console": console_job,
    "supervisor": alerts_job,
    "alert": alert_redis_job,
    "backup": backup_job,
    "restore": restore_job,
    "operator": operator_job,
    "admin": admin_job,
}


def test_every_user_has_a_job() -> None:
    """No list goes untested."""
    assert JOBS.keys() == redis_users().keys()


@pytest.fixture(scope="module")
def known_version(secure_redis: SecureRedis) -> None:
    """The registry holds something, so that there is something to read."""
    trainer_job(secure_redis.settings("trainer"))
    fill_outboxes(secure_redis.settings("admin"))


@pytest.fixture
def an_alert(secure_redis: SecureRedis) -> None:
    """An alert is open, a message was given up, and its channel is disabled: work of the workers that is done here."""
    settings = secure_redis.settings("admin")
    with AlertBook(settings) as book, Outbox(settings) as outbox:
        for held in book.open_alerts():
            book.take(held.record.id, life.resolve(), None)
        outbox.forget(SUBSCRIPTION.id)
        book.trigger(SUBSCRIPTION, Trigger(id=new_event_id(), group=Group(plant="munich"), summary="x", time=now()))
        claimed = outbox.claim(f"{SUBSCRIPTION.id}/mail", lease_s=60)
        assert claimed is not None
        assert claimed.message is not None
        outbox.give_up(
            claimed,
            Delivery(
                message=claimed.id,
                subscription=claimed.subscription,
                channel=claimed.channel,
                step="fired",
                alert=claimed.message.change.alert,
                attempt=1,
                outcome="failed",
                status="550 no such box",
                seconds=0.1,
                time=now(),
            ),
        )
        outbox.disable(SUBSCRIPTION.id, "mail", reason="no such box")


@pytest.mark.parametrize("user", list(JOBS))
@pytest.mark.usefixtures("known_version", "an_alert")
def test_the_list_is_enough(secure_redis: SecureRedis, user: str) -> None:
    """The whole job of each, over TLS; and the server kept no account of a refusal."""
    admin = connect(secure_redis.settings("admin"))
    admin.acl_log_reset()
    JOBS[user](secure_redis.settings(user))
    assert admin.acl_log() == []
    admin.close()


FOREIGN: list[tuple[str, tuple[Any, ...]]] = [
    ("crop", ("SET", "{linegate}:revision", "1")),
    ("crop", ("HSET", scripts.TABLES["assignments"], "munich/*/*/*/*", "1 {}")),
    ("crop", ("EVAL", "return redis.call('SET', KEYS[1], '1')", 1, scripts.REVISION)),
    ("crop", ("GET", "other:key")),
    ("crop", ("CONFIG", "GET", "*")),
    ("crop", ("FLUSHALL",)),
    ("score", ("DEL", scripts.VERSIONS)),
    ("score", ("XADD", scripts.AUDIT, "*", "author", "eve")),
    ("score", ("ACL", "LIST")),
    ("trainer", ("HSET", scripts.TABLES["assignments"], "munich/*/*/*/*", "1 {}")),
    ("trainer", ("EVAL", "return redis.call('HSET', KEYS[1], 'a', 'b')", 1, scripts.TABLES["assignments"])),
    ("trainer", ("HDEL", scripts.VERSIONS, "munich-1")),
    ("trainer", ("SET", scripts.VERSIONS, "gone")),
    ("trainer", ("DEL", scripts.TABLES["stations"])),
    ("rollout", ("DEL", scripts.AUDIT)),
    ("rollout", ("XTRIM", scripts.AUDIT, "MAXLEN", 0)),
    ("rollout", ("SET", "other:key", "1")),
    ("rollout", ("FLUSHDB",)),
    ("gateway", ("DEL", scripts.AUDIT)),
    ("notify", ("HSET", "{linegate}:alerts:held", "a", "1 {}")),
    ("notify", ("HDEL", "{linegate}:alerts:silences", "a")),
    ("notify", ("XADD", "{linegate}:alerts:log", "*", "change", "{}")),
    ("notify", ("SET", "{linegate}:alerts:lanes", "1")),
    ("notify", ("HSET", scripts.VERSIONS, "v1", "{}")),
    ("gateway", ("SET", "other:key", "1")),
    ("supervisor", ("HSET", scripts.TABLES["assignments"], "munich/*/*/*/*", "1 {}")),
    ("supervisor", ("HGETALL", scripts.VERSIONS)),
    ("supervisor", ("DEL", "{linegate}:alerts:audit")),
    ("supervisor", ("EVAL", "return redis.call('HSET', KEYS[1], 'a', 'b')", 1, scripts.TABLES["assignments"])),
    ("backup", ("HSET", scripts.VERSIONS, "v1", "{}")),
    ("backup", ("EVAL", "return redis.call('SET', KEYS[1], '1')", 1, scripts.REVISION)),
    ("restore", ("SET", "other:key", "1")),
    ("restore", ("FLUSHALL",)),
    ("operator", ("GET", scripts.REVISION)),
    ("operator", ("CONFIG", "SET", "appendonly", "no")),
    ("operator", ("SHUTDOWN",)),
]


@pytest.mark.parametrize(("user", "words"), FOREIGN, ids=lambda value: value if isinstance(value, str) else value[0])
def test_nobody_does_what_is_not_its_to_do(secure_redis: SecureRedis, user: str, words: tuple[Any, ...]) -> None:
    """A worker changes nothing; a trainer puts nothing in force; nobody erases the audit."""
    with connect(secure_redis.settings(user)) as client, pytest.raises(redis.ResponseError) as caught:
        client.execute_command(*words)
    assert "permission" in str(caught.value).lower()


def test_a_worker_that_would_change_the_registry_is_told_of_its_rights(secure_redis: SecureRedis) -> None:
    """One line with a hint."""
    with Registry(secure_redis.settings("crop")) as registry, pytest.raises(RegistryUnavailable) as caught:
        registry.register(VersionRecord(version="mine", digest="3" * 64, kind="padim"))
    assert "linegate acl redis" in caught.value.line
    assert "\n" not in caught.value.line


def _lines() -> Iterator[tuple[str, str]]:
    for user in redis_users().values():
        if user.name != "admin":  # whose list is everything
            yield from ((user.name, word) for word in (*user.keys, *user.commands))


@pytest.mark.parametrize(("user", "word"), list(_lines()))
@pytest.mark.usefixtures("known_version", "an_alert")
def test_no_word_of_the_list_is_too_many(secure_redis: SecureRedis, user: str, word: str) -> None:
    """Without it the job is not done."""
    whole = redis_users()[user]
    keys = tuple(key for key in whole.keys if key != word)
    commands = tuple(command for command in whole.commands if command != word)
    less = RedisUser(user, whole.does, keys, commands)
    admin = connect(secure_redis.settings("admin"))
    word_of = secure_redis.passwords[user]
    try:
        _set(admin, less, word_of)
        with pytest.raises((RegistryUnavailable, BoardUnavailable, AssertionError)):
            JOBS[user](secure_redis.settings(user))
    finally:
        _set(admin, whole, word_of)
        admin.close()


@pytest.mark.parametrize("command", redis_users()["restore"].commands)
@pytest.mark.usefixtures("known_version")
def test_a_restore_that_is_refused_halfway_changes_nothing(secure_redis: SecureRedis, command: str) -> None:
    """Redis undoes nothing of a script that fails: whichever right is missing, all is as it was."""
    whole = redis_users()["restore"]
    less = RedisUser("restore", whole.does, whole.keys, tuple(one for one in whole.commands if one != command))
    with RegistryArchive(secure_redis.settings("backup")) as archive, connect(secure_redis.settings("admin")) as admin:
        before = archive.read()
        assert before.versions
        try:
            _set(admin, less, secure_redis.passwords["restore"])
            with pytest.raises(RegistryUnavailable):
                restore_job(secure_redis.settings("restore"))
        finally:
            _set(admin, whole, secure_redis.passwords["restore"])
        assert archive.read() == before


def _set(admin: redis.Redis, user: RedisUser, password: str) -> None:
    admin.execute_command("ACL", "SETUSER", *user.line(password).split()[1:])


@pytest.fixture
def refused(secure_redis: SecureRedis, stranger: Authority) -> dict[str, tuple[RedisSettings, str, str]]:
    """Every way not to get in: settings, and what is said and advised."""
    port = secure_redis.port

    def settings(url: str | None = None, **more: Any) -> RedisSettings:
        good = secure_redis.settings("crop").model_dump() | {"timeout_s": 1.0}
        return RedisSettings.model_validate(good | ({"url": url} if url else {}) | more)

    nobody = {"username": None, "password": None}
    return {
        "wrong password": (settings(password=secrets.token_hex()), "invalid username-password", "password_file"),
        "unknown user": (settings(username="eve"), "invalid username-password", "redis.username"),
        "no user": (settings(**nobody), "Authentication required", "redis.username"),
        "wrong CA": (settings(ca_file=stranger.file), "certificate verify failed", "redis.ca_file must hold the CA"),
        "system's CAs": (settings(ca_file=None), "certificate verify failed", "redis.ca_file must hold the CA"),
        "other host name": (
            settings(f"rediss://localhost:{port}/0"), "certificate verify failed", "must name the host exactly",
        ),
        "plain text": (settings(f"redis://127.0.0.1:{port}/0", ca_file=None), "", "must begin with rediss://"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "case",
    ["wrong password", "unknown user", "no user", "wrong CA", "system's CAs", "other host name", "plain text"],
)
def test_whoever_is_refused_is_told_why_in_one_line(
    refused: dict[str, tuple[RedisSettings, str, str]], case: str
) -> None:
    """By the doctor, and by the worker's client."""
    settings, told, remedy = refused[case]
    (finding,) = doctor(settings)
    assert finding.level == "FAIL"
    assert told in finding.told
    assert remedy in str(finding.remedy)
    with Registry(settings) as registry, pytest.raises(RegistryUnavailable) as caught:
        registry.snapshot()
    assert told in str(caught.value)
    assert "redis." in str(caught.value.hint)
    assert "\n" not in f"{finding.told}{finding.remedy}{caught.value.line}"


def test_tls_to_a_plain_server_is_told(redis_url: str, secure_redis: SecureRedis) -> None:
    """The other way round."""
    settings = secure_redis.settings("crop", url=redis_url.replace("redis://", "rediss://"), timeout_s=1.0)
    (finding,) = doctor(settings)
    assert finding.level == "FAIL"
    assert "no TLS is spoken there" in str(finding.remedy)


@pytest.fixture(scope="module")
def mtls_redis(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureRedis]:
    """A server that takes only clients with a certificate."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("mtls-redis")
        yield serve_redis(stack, folder, authority, passwords={"crop": "pw", "admin": "pw"}, mtls=True)


def test_a_server_that_asks_for_certificates(mtls_redis: SecureRedis, stranger: Authority) -> None:
    """Ours gets in; none, a stranger's and an expired one do not."""
    own = mtls_redis.authority.issue("crop")
    evil, old = stranger.issue("crop"), mtls_redis.authority.issue("old", expired=True)
    with Registry(mtls_redis.settings("crop", certificate_file=own.certificate, key_file=own.key)) as registry:
        assert registry.snapshot().revision == 0
    for pair in (None, evil, old):
        files = {} if pair is None else {"certificate_file": pair.certificate, "key_file": pair.key}
        with Registry(mtls_redis.settings("crop", **files)) as registry, pytest.raises(RegistryUnavailable):
            registry.snapshot()

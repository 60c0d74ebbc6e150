"""The local stack: real servers that come up, come back on their data, and leave nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from confluent_kafka.admin import AdminClient

from deploy.local.process import ServerFailedError, ServerProcess
from deploy.local.stack import LocalStack
from deploy.local.supervisor import Supervisor
from shared.bus.topics import all_topics

pytestmark = [pytest.mark.kafka, pytest.mark.redis]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _wait_gone(pid: int) -> None:
    while _alive(pid):  # bounded by pytest's own time limit
        signal.sigtimedwait([], 0.05)


def test_a_stack_serves_the_topics_survives_kill_9_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Broker and Redis answer, keep what they were told through SIGKILL, and are gone after the block."""
    with LocalStack(tmp_path, partitions=3, environment={}) as stack:
        assert stack.kafka is not None
        assert stack.redis is not None
        assert stack.broker_version.startswith("Apache Kafka 4.")
        with redis.Redis.from_url(stack.redis_url) as client:
            client.set("written", "before")
        stack.redis.kill()
        stack.redis.start()
        with redis.Redis.from_url(stack.redis_url) as client:
            assert client.get("written") == b"before"
        stack.kafka.kill()
        stack.kafka.start()
        topics = AdminClient({"bootstrap.servers": stack.bootstrap_servers}).list_topics(timeout=20).topics
        assert set(all_topics()) <= set(topics)
        assert {len(topics[name].partitions) for name in all_topics()} == {3}
        pids = stack.kafka.pid, stack.redis.pid
        assert all(map(_alive, pids))
    assert not any(map(_alive, pids))


def test_a_program_that_ends_by_itself_is_started_again_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Killed, it comes back as another process under the same guard's care."""
    process = ServerProcess("a program", ["sleep", "1000"], log=tmp_path / "log")
    told: list[str] = []
    supervisor = Supervisor({"program": process}, told=told.append)
    first = process.pid
    os.kill(first, signal.SIGKILL)
    while len(told) < 2:  # bounded by pytest's own time limit
        supervisor.look()
    second = process.pid
    assert second != first
    assert _alive(second)
    process.stop()
    assert not _alive(second)


def test_settings_reach_the_program_and_no_list_of_processes(tmp_path: Path) -> None:
    """A URL of Redis may hold a password."""
    program = "import os; print(os.environ['SECRET_URL'], flush=True); import time; time.sleep(1000)"
    log = tmp_path / "log"
    process = ServerProcess(
        "a worker", [sys.executable, "-c", program], log=log, settings={"SECRET_URL": "redis://:hidden@h"}
    )
    try:
        process.wait_ready(lambda: "hidden" in log.read_text(), timeout=60)
        listed = subprocess.run(["ps", "-eo", "args", "-ww"], capture_output=True, text=True, check=True).stdout
        assert "time.sleep(1000)" in listed
        assert "hidden" not in listed
    finally:
        process.stop()


def test_given_servers_are_used_and_nothing_is_started(kafka: object, redis_url: str, tmp_path: Path) -> None:
    """The two environment variables win over local servers."""
    given = {"KAFKA_BOOTSTRAP_SERVERS": getattr(kafka, "bootstrap_servers"), "REDIS_URL": redis_url}  # noqa: B009
    with LocalStack(tmp_path, environment=given) as stack:
        assert stack.kafka is None
        assert stack.redis is None
        assert stack.bootstrap_servers == given["KAFKA_BOOTSTRAP_SERVERS"]
        assert stack.redis_url == redis_url
    assert list(tmp_path.iterdir()) == []


def test_a_server_dies_with_a_killed_parent(tmp_path: Path) -> None:
    """SIGKILL of the process that started a server ends the server too."""
    program = (
        "import sys, time; from pathlib import Path; from deploy.local.process import ServerProcess;"
        f"p = ServerProcess('sleep', ['sleep', '600'], log=Path({str(tmp_path / 'log')!r}));"
        "print(p.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert _alive(pid)
        parent.kill()
    _wait_gone(pid)


def test_a_stubborn_server_is_killed_after_the_grace(tmp_path: Path) -> None:
    """A program that ignores SIGTERM does not hold up the end."""
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    server = ServerProcess("stubborn", [sys.executable, "-c", stubborn], log=tmp_path / "log", grace=0.2)
    server.wait_ready(lambda: "up" in server.tail(), timeout=30)
    server.stop()
    assert not _alive(server.pid)


def test_a_server_that_ends_while_starting_tells_its_log(tmp_path: Path) -> None:
    """The error shows why, from the server's own words."""
    server = ServerProcess("brief", [sys.executable, "-c", "print('no such disk')"], log=tmp_path / "log")
    with pytest.raises(ServerFailedError, match="no such disk"):
        server.wait_ready(lambda: False, timeout=30)

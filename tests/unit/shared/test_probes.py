"""Probes over real HTTP: what they answer, and that one which blocks holds up no other."""

import threading

import httpx
import pytest

from shared.errors import LinegateError
from shared.probes import probes
from shared.settings import ProbesSettings

SETTINGS = ProbesSettings(port=0)


def ask(url: str | None, path: str) -> tuple[int, dict[str, str]]:
    """Status and body."""
    assert url is not None
    answer = httpx.get(url + path, timeout=30)
    return answer.status_code, answer.json()


def test_alive_and_ready_are_told_apart() -> None:
    """A fault is 503 with its reason; a dead process is not ready either."""
    dead: list[str | None] = [None]
    unready: list[str | None] = ["Kafka does not answer"]
    with probes(SETTINGS, dead=lambda: dead[-1], unready=lambda: unready[-1]) as url:
        assert ask(url, "/healthz") == (200, {"status": "alive"})
        assert ask(url, "/readyz") == (503, {"status": "not ready", "reason": "Kafka does not answer"})
        unready.append(None)
        assert ask(url, "/readyz") == (200, {"status": "ready"})
        dead.append("the loop stands still")
        assert ask(url, "/healthz") == (503, {"status": "not alive", "reason": "the loop stands still"})
        assert ask(url, "/readyz")[0] == 503
        assert httpx.get(f"{url}/v1/images").status_code == 404
    with pytest.raises(httpx.ConnectError):
        ask(url, "/healthz")


def test_without_a_port_nothing_listens() -> None:
    """Which is the default: processes of one machine cannot share a port."""
    with probes(ProbesSettings(), dead=lambda: None, unready=lambda: None) as url:
        assert url is None


def test_readiness_that_blocks_does_not_hold_up_liveness() -> None:
    """An orchestrator must not kill a process because Kafka answers slowly."""
    go_on, asked = threading.Event(), threading.Event()

    def slow() -> str | None:
        asked.set()
        go_on.wait(60)
        return None

    with probes(SETTINGS, dead=lambda: None, unready=slow) as url:
        answers: list[int] = []
        waiting = threading.Thread(target=lambda: answers.append(ask(url, "/readyz")[0]))
        waiting.start()
        assert asked.wait(60)
        assert ask(url, "/healthz")[0] == 200
        assert answers == []
        go_on.set()
        waiting.join()
    assert answers == [200]


def test_a_taken_port_is_one_clear_error() -> None:
    """With the names of the settings."""
    with probes(SETTINGS, dead=lambda: None, unready=lambda: None) as url:
        assert url is not None
        taken = ProbesSettings(port=int(url.rpartition(":")[2]))
        with (
            pytest.raises(LinegateError, match="cannot listen") as caught,
            probes(taken, dead=lambda: None, unready=lambda: None),
        ):
            pass
    assert "probes.port" in str(caught.value.hint)

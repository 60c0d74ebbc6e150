"""What the pages show of Kafka: trials beside their champion, jobs of the training service."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final
from uuid import uuid4

import pytest

from shared.auth import Role
from shared.bus.publisher import EventPublisher
from shared.events import Event, TrainingProgress, TrainingRequest, TrainingResult, now
from shared.registry import lifecycle
from shared.settings import Settings
from tests.integration.conftest import Kafka
from tests.integration.console.rollouts.console import PATH, Console, Page
from tests.unit.shared.trials.opinions import opinion

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
PATIENCE_S: Final = 60.0
KEY: Final = "munich/line-1/*/*/*"


@pytest.fixture
def settings(settings: Settings, kafka: Kafka) -> Settings:
    """On the real Kafka."""
    bus = settings.bus.model_copy(update={"bootstrap_servers": kafka.bootstrap_servers})
    return settings.model_copy(update={"bus": bus})


@pytest.fixture
def publish(settings: Settings) -> Iterator[Callable[..., None]]:
    """Hands events to Kafka, and waits until it has them."""
    publisher = EventPublisher(settings.bus)

    def send(*events: Event) -> None:
        for future in [publisher.publish(event) for event in events]:
            future.result(timeout=PATIENCE_S)

    yield send
    publisher.close()


def until(look: Callable[[], Page], met: Callable[[Page], bool]) -> Page:
    """The page, once it shows what is waited for."""
    deadline = time.monotonic() + PATIENCE_S
    while not met(page := look()):
        assert time.monotonic() < deadline, page.text
        time.sleep(0.1)
    return page


def test_a_trial_beside_its_champion(console: Console, publish: Callable[..., None]) -> None:
    """Verdicts and shadow verdicts, counted, drawn and measured as the judge does."""
    run = uuid4().hex
    for name in ("v1", "v2", "v3"):
        console.version(name)
    console.champion("v1")
    console.advance(lambda held: lifecycle.canary(held, "v2", 20, at=now() - timedelta(minutes=10)))
    console.advance(lambda held: lifecycle.shadow(held, "v3"))
    at = now() - timedelta(minutes=1)
    with console.books:
        publish(
            *(opinion(f"{run}-c{n}", "v1", "champion", key=KEY, at=at, fails=n == 0) for n in range(8)),
            *(opinion(f"{run}-t{n}", "v2", "canary", key=KEY, at=at, fails=n < 2, score=3.0) for n in range(4)),
            *(opinion(f"{run}-c{n}", "v3", "shadow", key=KEY, at=at) for n in range(8)),
        )
        ada = console.visitor(Role.OPERATOR)
        page = until(
            lambda: ada.get(f"{PATH}/comparison"),
            lambda page: "2 of 4" in page.text and "of 8 seen by both" in page.text,
        )
        assert [found["data-arm"] for found in page.all("comparison")] == ["canary", "shadow"]
        assert len(page.all("comparison-rates")) == 2
        assert page.all("comparison-scores")
        assert "1 of 8" in page.text
        assert "87.5 %" in page.text  # the champion rejected one part, the shadow none of them
        assert ada.get(PATH).all("rollout-comparison")


def test_jobs_as_they_go(console: Console, publish: Callable[..., None]) -> None:
    """Asked for before the console began, on its way with a bar, done with a link to the version."""
    job = uuid4().hex
    made = f"v-{job[:8]}"
    console.version(made)
    publish(TrainingRequest(job=job, place="munich/line-1", data="tiles", author="ada", note="new lamp"))
    kim = console.visitor(Role.OPERATOR)

    def row(state: str) -> Callable[[Page], bool]:
        return lambda page: any(
            found["data-job"] == job and found["data-state"] == state for found in page.all("training-row")
        )

    with console.books:
        page = until(lambda: kim.get("/training"), row("asked"))
        assert "new lamp" in page.text
        publish(TrainingProgress(job=job, state="running", stage="features", done=1, total=4))
        page = until(lambda: kim.get("/training/jobs"), row("running"))
        assert any(found.get("aria-valuenow") == "25" for found in page.elements)
        publish(
            TrainingResult(
                job=job, place="munich/line-1", state="done", version=made, digest="0" * 64, metrics={"auroc": 0.9}
            )
        )
        page = until(lambda: kim.get("/training"), row("done"))
        assert page.one("training-version")["href"] == f"/rollouts/versions/{made}"
        assert not row("done")(console.visitor(Role.OPERATOR, "austin").get("/training"))

"""The loop on a real broker."""

import pytest

from tests.integration.bus.support import Scope, assert_exactly_once, running
from tests.integration.conftest import Kafka

pytestmark = pytest.mark.kafka


@pytest.fixture
def scope(kafka: Kafka) -> Scope:
    """Topics of this test's own."""
    return Scope(kafka.bootstrap_servers).create_topics()


def test_every_event_comes_out_once_and_in_order_per_part(scope: Scope) -> None:
    """Consume, transform, produce: one crop per image, in each part's order."""
    images = [scope.image(n, part=f"part-{n % 7}") for n in range(200)]
    scope.publish(images)
    with running(scope.worker()):
        crops = scope.read_crops(count=len(images))
    assert_exactly_once(crops, images)
    assert crops[0].pixels == images[0].pixels

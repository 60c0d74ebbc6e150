"""`linegate topics` on a cluster of its own."""

from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from typer import Typer
from typer.testing import CliRunner

from deploy.cli import topics
from deploy.local.kafka import KafkaBroker
from shared.bus.topics import all_topics
from shared.errors import LinegateError

app = Typer()
app.command()(topics)


@pytest.mark.kafka
def test_topics_are_created_once_as_linegate_needs_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them, with the limits and the cleanup they need; a second call changes nothing."""
    with KafkaBroker(tmp_path / "kafka") as broker:
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker.bootstrap_servers)
        first = CliRunner().invoke(app, ["--partitions", "2"], catch_exceptions=False).output
        assert {line.removeprefix("created ") for line in first.splitlines()[:-1]} == set(all_topics())
        again = CliRunner().invoke(app, ["--partitions", "3"], catch_exceptions=False).output
        assert again == f"{len(all_topics())} topic(s) were there already\n"
        admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
        known = admin.list_topics(timeout=10).topics
        assert {len(known[topic].partitions) for topic in all_topics()} == {2}
        asked = ConfigResource(ResourceType.TOPIC, "linegate.dlq.settled")
        (config,) = (future.result(10) for future in admin.describe_configs([asked]).values())
        assert config["cleanup.policy"].value == "compact"


def test_an_absent_cluster_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a hint, and no traceback."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr("shared.bus.topics.TIMEOUT_SECONDS", 1.0)
    with pytest.raises(LinegateError, match=r"127\.0\.0\.1:1 created no topics") as caught:
        CliRunner().invoke(app, [], catch_exceptions=False)
    assert caught.value.hint

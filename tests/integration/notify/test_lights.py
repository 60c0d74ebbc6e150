"""Andon lights: from the outbox to a real MQTT broker, and what a light then knows."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from amqtt.broker import Broker
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from deploy.local.process import free_port
from shared.alerts import life
from shared.alerts.book import AlertBook
from shared.alerts.channels import Mqtt
from shared.alerts.desk import SubscriptionDesk
from shared.alerts.outbox import Outbox
from shared.alerts.records import Group, Trigger
from shared.settings import Settings
from tests.integration.notify.conftest import PATIENCE, delivering, put, subscribe, until, with_settings
from tests.unit.faults import Told

pytestmark = pytest.mark.redis
LAMP = Mqtt(name="lamp", topic="plant/munich/line-1/andon")


@contextmanager
def broker(port: int) -> Iterator[None]:
    """A broker on this machine. It speaks MQTT 3.1.1."""
    ready, over = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        config = {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
        server = Broker(config)
        await server.start()
        ready.set()
        await over.wait()
        await server.shutdown()
        # It leaves the connections of those that it refused open.
        for transport in list(loops[0]._transports.values()):  # type: ignore[attr-defined]
            transport.abort()
        await asyncio.sleep(0)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join(PATIENCE)


@contextmanager
def light(port: int) -> Iterator[list[tuple[dict[str, Any], bool]]]:
    """A light that is switched on: the payloads it hears, and whether each was retained."""
    heard: list[tuple[dict[str, Any], bool]] = []
    listens = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: heard.append((json.loads(message.payload), message.retain))
    client.on_subscribe = lambda *_: listens.set()
    client.connect("127.0.0.1", port)
    client.subscribe(LAMP.topic, qos=1)
    client.loop_start()
    assert listens.wait(PATIENCE)
    try:
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def lit(settings: Settings, port: int) -> Settings:
    """With the broker at a port."""
    return with_settings(settings, mqtt={"host": "127.0.0.1", "port": port, "protocol": "3.1.1", "timeout_s": 1})


def outcomes(outbox: Outbox) -> list[str]:
    """Of each attempt, the first one first."""
    return [one.outcome for one in reversed(outbox.recent("fails"))]


def test_a_light_goes_on_and_off(settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox) -> None:
    """Also one that is switched on later; a test does not stay."""
    subscription = subscribe(desk, LAMP, severity="critical")
    now = datetime.now(UTC)
    group = Group(plant="munich", line="line-1")
    port = free_port()
    with broker(port), delivering(lit(settings, port)), light(port) as early:
        held = book.trigger(subscription, Trigger(id="i1", group=group, summary="part p-1 failed", time=now))
        assert held is not None
        until(lambda: early)
        with light(port) as late:
            until(lambda: late)
        book.take(held.record.id, life.acknowledge("kim"), subscription)
        book.take(held.record.id, life.resolve("kim"), subscription)
        until(lambda: len(early) == 3)
        test = put(book, subscription, "lamp")
        until(lambda: len(early) == 4)
        with light(port) as latest:
            until(lambda: latest)
        until(lambda: len(outcomes(outbox)) == 4)
    assert [told["state"] for told, _ in early] == ["firing", "acknowledged", "resolved", "test"]
    first, retained = early[0]
    assert (first["severity"], first["count"], first["summary"]) == ("critical", 1, "part p-1 failed")
    assert (first["title"], first["place"]) == ("Line 1", {"plant": "munich", "line": "line-1"})
    assert first["since"] == held.record.since.isoformat()
    assert not retained
    assert all(told == (first, True) for told in late)  # this broker tells what it keeps twice
    assert {(told["state"], kept) for told, kept in latest} == {("resolved", True)}
    assert early[3][0]["id"] == test.id


def test_a_broker_that_comes_back_gets_what_waited(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox
) -> None:
    """While it is away that is told as a fault; the connection is made again by itself."""
    port, faults = free_port(), Told()
    subscription = subscribe(desk, LAMP)
    with delivering(with_settings(lit(settings, port), away_after_s=0.01, longest_retry_s=0.2), faults):
        with broker(port):
            put(book, subscription, "lamp")
            until(lambda: outcomes(outbox) == ["delivered"])
        put(book, subscription, "lamp")
        until(lambda: faults.kinds == ["receiver_away"])
        assert f"MQTT broker 127.0.0.1:{port}" in outbox.recent("fails")[0].status
        with broker(port):
            until(lambda: outcomes(outbox)[-1] == "delivered")
        assert faults.kinds == []


def test_a_broker_of_another_version_is_told(
    settings: Settings, book: AlertBook, desk: SubscriptionDesk, outbox: Outbox
) -> None:
    """With the setting that is at fault."""
    port = free_port()
    five = lit(settings, port)
    five = with_settings(five, mqtt={**five.notify.mqtt.model_dump(), "protocol": "5"})
    with broker(port), delivering(five):
        put(book, subscribe(desk, LAMP), "lamp")
        until(lambda: any("notify.mqtt.protocol" in one.status for one in outbox.recent("fails")))

"""Andon lights by MQTT 5 or 3.1.1 (OASIS, 2019 and 2014): QoS 1, so that the broker says that it has the message."""

import ssl
import threading
import time
from types import TracebackType
from typing import Any, Final, Self

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from services.notify.away import Away
from services.notify.outcome import Again, Delivered, Outcome
from services.notify.render.andon import andon_payload
from shared.alerts.channels import Mqtt
from shared.alerts.records import Message
from shared.settings.notify import MqttSettings

PROTOCOLS: Final = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}
KEEPALIVE_SECONDS: Final = 30
RECONNECT_SECONDS: Final = (1, 30)
"""The first and the longest wait before another connection is tried."""
UNSUPPORTED: Final = "Unsupported protocol version"
_log = structlog.get_logger(__name__)


class MqttSender:
    """Publishes on one connection, which is made with the first message and made again whenever it breaks. Thread-safe.

    Args:
        settings: where the broker is.
        away: told whether it does its part.
    """

    def __init__(self, settings: MqttSettings, away: Away) -> None:
        self._settings = settings
        self._away = away
        self._lock = threading.Lock()
        self._client: Client | None = None
        self._connected = threading.Event()
        self._why = "it does not answer"
        self._replies: dict[int, ReasonCode] = {}
        self._late: set[int] = set()

    def send(self, message: Message, channel: Mqtt) -> Outcome:
        """Publish a message, and wait until the broker has it."""
        if self._settings.host is None:
            return Again("no MQTT broker is set: notify.mqtt.host", slowly=True)
        deadline = time.monotonic() + self._settings.timeout_s
        client = self._ready()
        if not self._connected.wait(self._settings.timeout_s):
            return self._failed(self._why)
        # A test must not stay: a light that is switched on later would show it.
        retain = channel.retain and not message.test
        info = client.publish(channel.topic, andon_payload(message), qos=1, retain=retain)
        info.wait_for_publish(max(0.0, deadline - time.monotonic()))
        with self._lock:
            reply = self._replies.pop(info.mid, None)
            if reply is None:
                self._late.add(info.mid)
        if reply is None:
            return self._failed("it does not confirm the message in time")
        if reply.is_failure:
            return Again(f"the broker refuses the message: {reply}", slowly=True)
        self._away.worked()
        return Delivered(f"the broker has it: {reply}")

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop_stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _ready(self) -> Client:
        with self._lock:
            if self._client is None:
                self._client = self._made()
            return self._client

    def _made(self) -> Client:
        settings = self._settings
        client = Client(CallbackAPIVersion.VERSION2, protocol=PROTOCOLS[settings.protocol])
        if settings.username is not None:
            password = settings.password
            client.username_pw_set(settings.username, None if password is None else password.get_secret_value())
        if settings.tls:
            client.tls_set_context(
                ssl.create_default_context(cafile=None if settings.ca_file is None else str(settings.ca_file))
            )
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.reconnect_delay_set(*RECONNECT_SECONDS)
        client.connect_async(str(settings.host), settings.port, keepalive=KEEPALIVE_SECONDS)
        client.loop_start()
        return client

    def _failed(self, detail: str) -> Again:
        self._away.failed(detail)
        return Again(f"MQTT broker {self._settings.host}:{self._settings.port}: {detail}")

    # The signatures are the library's.
    def _on_connect(
        self, _client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._why = f"it refuses us: {reason}"
            if reason == UNSUPPORTED:
                self._why += f' (notify.mqtt.protocol is "{self._settings.protocol}")'
            _log.warning("the MQTT broker refuses us", reason=str(reason))
        else:
            self._connected.set()
            _log.info("connected to the MQTT broker", host=self._settings.host, port=self._settings.port)

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if self._connected.is_set():
            self._connected.clear()
            self._why = f"the connection was lost: {reason}"
            _log.info("disconnected from the MQTT broker", reason=str(reason))

    def _on_publish(
        self, _client: Client, _data: Any, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        with self._lock:
            if mid in self._late:
                self._late.remove(mid)
            else:
                self._replies[mid] = reason

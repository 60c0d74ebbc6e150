"""Why Kafka does not let us in, in words that say what to do, and when waiting any longer is of no use."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException

from shared.bus.errors import KafkaFailedError
from shared.bus.settings import BusSettings

QUIET_SECONDS: Final = 30.0
"""The same trouble is logged once in this time: librdkafka tells it at every attempt, many times a second."""
ASK_SECONDS: Final = 5.0
_TEXT: Final = re.compile(r"^(?:(?:\w+://)?(?P<broker>[^/\s]+)/\S+: )?(?P<what>.*?)(?: \(after \d+ms in state .*)?$")
"""librdkafka's `protocol://host:port/name: what (after 4ms in state X)`."""
_NOT_OUR_CERTIFICATE: Final = re.compile(
    r"alert (bad certificate|certificate (unknown|required|expired|revoked)|unknown ca|unsupported certificate)"
)


_RIGHTS: Final = frozenset(
    {
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A broker that is there and does not let us in: it will not get better by itself."""

    told: str
    hint: str

    @property
    def line(self) -> str:
        """Both as one line."""
        return f"{self.told}; {self.hint}"


def refusal_in(error: KafkaError, settings: BusSettings) -> Refusal | None:
    """What `error` says of our credentials or certificates; None where it is something else, e.g. a broker away."""
    broker, what = _parts(error)
    where = f"Kafka at {broker or settings.bootstrap_servers}"
    if error.code() == KafkaError._AUTHENTICATION:  # noqa: SLF001 - librdkafka's own codes are spelt so
        who = "our login" if settings.security.username is None else f"the user {settings.security.username!r}"
        reason = what.removeprefix("SASL authentication error: ")
        hint = "check bus.security.username, its password (or password_file) and mechanism"
        return Refusal(f"{where} refuses {who}: {reason}", hint)
    if "certificate verify failed" in what:
        return Refusal(
            f"the certificate that {where} shows cannot be verified",
            "bus.security.ca_file must hold the CA that signed it, it must be in date, and it must name the host "
            "exactly as bus.bootstrap_servers does; `linegate doctor` tells which of these it is",
        )
    if alert := _NOT_OUR_CERTIFICATE.search(what):
        return Refusal(
            f"{where} does not accept our certificate ({alert[1]})",
            "bus.security.certificate_file and key_file: one that is in date, from a CA that the broker trusts",
        )
    if "PLAINTEXT broker listener" in what:
        return Refusal(
            f"{where} does not speak TLS", "is that the right port? bus.security.protocol says what we speak"
        )
    if error.code() == KafkaError._SSL:  # noqa: SLF001
        return Refusal(f"no TLS with {where}: {what}", "`linegate doctor` looks closer; see bus.security")
    return None


def rights_hint(error: KafkaError) -> str | None:
    """What to do where Kafka knows us but we may not do this; None for any other error."""
    return "`linegate acl kafka` prints the ACLs that each service needs" if error.code() in _RIGHTS else None


class Refusals:
    """An `error_cb` that keeps what Kafka holds against us, and says when to give up.

    A broker that is *away* is waited for: it comes back, and so do we. A broker that *refuses* us (wrong password,
    unknown certificate, a name or a CA that does not fit) may do so for a moment, e.g. while it restarts and has not
    read its users yet, or while secrets are being changed on both sides. So a refusal is logged, and tried again for
    `bus.call_budget_s`. After that the client is asked whether any broker answers it; if none does, this is an error
    that waiting does not mend, and `check` raises it, so that the process ends with one clear line and its supervisor
    shows it. One broker that refuses beside others that answer ends nothing.

    Args:
        settings: of the bus.
        log: takes a line.
    """

    def __init__(self, settings: BusSettings, log: Callable[[str], object]) -> None:
        self._settings: Final = settings
        self._log: Final = log
        self.latest: Refusal | None = None
        """What Kafka holds against us, since `since`; None where that is nothing."""
        self.since = 0.0
        """When it began, in monotonic seconds."""
        self._told: dict[str, float] = {}

    def __call__(self, error: KafkaError) -> None:
        """Take note of one of librdkafka's own troubles; it goes on trying by itself."""
        now = time.monotonic()
        refusal = refusal_in(error, self._settings)
        if refusal is not None:
            if self.latest is None:
                self.since = now
            self.latest = refusal
        broker, what = _parts(error)
        line = refusal.line if refusal else f"kafka: {f'{broker}: ' if broker else ''}{what}"
        if now - self._told.get(line, -QUIET_SECONDS) >= QUIET_SECONDS:
            self._told[line] = now
            self._log(line)

    def check(self, client: Any) -> None:
        """Give up where `client` (it has `list_topics`) was refused for the whole budget and no broker answers it.

        Raises:
            KafkaFailedError: that is so.
        """
        if self.latest is None or time.monotonic() - self.since < self._settings.call_budget_s:
            return
        try:
            client.list_topics(timeout=ASK_SECONDS)
        except KafkaException as error:
            raise self.failure(str(error.args[0].str())) from error
        self.latest = None

    def failure(self, told: str) -> KafkaFailedError:
        """The error that ends a client which got no answer: by the last refusal if there was one, else by `told`."""
        if self.latest is not None:
            return KafkaFailedError(self.latest.told, hint=self.latest.hint)
        spoken = self._settings.security.protocol
        return KafkaFailedError(
            f"Kafka at {self._settings.bootstrap_servers} does not answer: {told}",
            hint=f"is it running, and is that a {spoken} listener (bus.bootstrap_servers, bus.security.protocol)?",
        )


def _parts(error: KafkaError) -> tuple[str | None, str]:
    found = _TEXT.match(" ".join(str(error.str()).split()))
    return (found["broker"], found["what"]) if found else (None, str(error.str()))

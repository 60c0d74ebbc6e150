"""What librdkafka's words mean: refused, or merely away."""

import pytest
from confluent_kafka import KafkaError
from pydantic import SecretStr

from shared.bus.errors import KafkaFailedError
from shared.bus.refusals import Refusals, refusal_in, rights_hint
from shared.bus.security import BusSecurity
from shared.bus.settings import BusSettings

BUS = BusSettings(
    security=BusSecurity(protocol="SASL_SSL", username="crop", password=SecretStr("hunter2")), call_budget_s=0.001
)
REFUSED = (
    "sasl_ssl://broker:9093/bootstrap: SASL authentication error: Authentication failed during authentication due to "
    "invalid credentials with SASL mechanism SCRAM-SHA-512 (after 330ms in state AUTH_REQ)"
)


class Deaf:
    """A client that nobody answers."""

    def list_topics(self, *, timeout: float) -> object:
        """Fails as librdkafka does."""
        from confluent_kafka import KafkaException

        assert timeout > 0
        raise KafkaException(KafkaError(KafkaError._TRANSPORT, "Broker transport failure"))


def test_a_wrong_password_is_told_without_the_times_that_differ() -> None:
    """Broker, user, reason; the same line every time."""
    refusal = refusal_in(KafkaError(KafkaError._AUTHENTICATION, REFUSED), BUS)
    assert refusal is not None
    assert refusal.told == (
        "Kafka at broker:9093 refuses the user 'crop': Authentication failed during authentication due to invalid "
        "credentials with SASL mechanism SCRAM-SHA-512"
    )


@pytest.mark.parametrize(
    ("code", "text", "told"),
    [
        (
            KafkaError._SSL,
            "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: x",
            "verified",
        ),
        (
            KafkaError._TRANSPORT,
            "Receive failed: ssl/tls alert bad certificate: SSL alert number 42",
            "our certificate",
        ),
        (KafkaError._TRANSPORT, "SSL handshake failed: x: connecting to a PLAINTEXT broker listener?", "not speak TLS"),
        (KafkaError._SSL, "SSL handshake failed: no shared cipher", "no TLS with Kafka at broker:1"),
    ],
)
def test_each_refusal_is_told_with_its_broker(code: int, text: str, told: str) -> None:
    """By its words, since the codes do not tell them apart."""
    refusal = refusal_in(KafkaError(code, f"ssl://broker:1/bootstrap: {text} (after 4ms in state SSL_HANDSHAKE)"), BUS)
    assert refusal is not None
    assert told in refusal.told
    assert "broker:1" in refusal.told
    assert "bus." in refusal.hint


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            KafkaError._TRANSPORT,
            "broker:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused (after 0ms)",
        ),
        (KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"),
        (
            KafkaError._TRANSPORT,
            "ssl://broker:1/1: Disconnected: SSL connection closed by peer (after 9ms in state UP)",
        ),
        (KafkaError._RESOLVE, "broker:1/bootstrap: Failed to resolve 'broker:1': Name or service not known"),
    ],
)
def test_a_broker_that_is_away_is_no_refusal(code: int, text: str) -> None:
    """It comes back: nothing to give up for, however long it takes."""
    refusals = Refusals(BUS, lambda _line: None)
    refusals(KafkaError(code, text))
    refusals.since = float("-inf")
    refusals.check(Deaf())
    assert refusals.latest is None


def test_the_same_trouble_is_logged_once() -> None:
    """Though librdkafka tells it at every attempt, with another time in it."""
    lines: list[str] = []
    refusals = Refusals(BUS, lines.append)
    for milliseconds in range(20):
        text = REFUSED.replace("330ms", f"{milliseconds}ms")
        refusals(KafkaError(KafkaError._AUTHENTICATION, text))
    refusals(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert len(lines) == 2
    assert "check bus.security.username" in lines[0]
    assert lines[1] == "kafka: 1/1 brokers are down"


def test_giving_up_takes_the_whole_budget() -> None:
    """Refused a moment ago: try on. Refused for all of it and by everybody: an error with the reason."""
    patient = BUS.model_copy(update={"call_budget_s": 3600.0})
    refusals = Refusals(patient, lambda _line: None)
    refusals(KafkaError(KafkaError._AUTHENTICATION, REFUSED))
    refusals.check(Deaf())
    refusals.since -= 3601.0
    with pytest.raises(KafkaFailedError, match="refuses the user 'crop'"):
        refusals.check(Deaf())


def test_no_answer_without_a_refusal_names_the_listener() -> None:
    """What plain text to a TLS port looks like: silence."""
    failure = Refusals(BusSettings(), lambda _line: None).failure("timed out")
    assert str(failure) == "Kafka at localhost:9092 does not answer: timed out"
    assert "PLAINTEXT listener" in str(failure.hint)


def test_missing_rights_lead_to_the_lists() -> None:
    """And nothing else does."""
    assert "linegate acl kafka" in str(rights_hint(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)))
    assert rights_hint(KafkaError(KafkaError._TRANSPORT)) is None

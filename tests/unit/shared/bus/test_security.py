"""How clients reach Kafka: which options follow from the settings, and which settings are refused."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from shared.bus.clients import connection_options, open_admin
from shared.bus.errors import KafkaFailedError
from shared.bus.security import BusSecurity
from shared.bus.settings import BusSettings

SECRET = "hunter2"  # noqa: S105 - what must not be shown


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """A file that is there."""
    path = tmp_path / "some.pem"
    path.write_text("not read here")
    return path


def scram(**more: Any) -> BusSecurity:
    """A user with a password."""
    return BusSecurity.model_validate({"protocol": "SASL_SSL", "username": "crop", "password": SECRET} | more)


def test_plain_text_is_the_default_and_says_so() -> None:
    """Nothing of TLS, nothing of users."""
    assert connection_options(BusSettings()) == {
        "bootstrap.servers": "localhost:9092",
        "reconnect.backoff.max.ms": 2000,
        "security.protocol": "PLAINTEXT",
    }


def test_scram_over_tls(pem: Path) -> None:
    """Every option, and verification said aloud."""
    assert scram(ca_file=pem).options() == {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(pem),
        "enable.ssl.certificate.verification": "true",
        "ssl.endpoint.identification.algorithm": "https",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "crop",
        "sasl.password": SECRET,
    }


def test_a_certificate_of_our_own(pem: Path) -> None:
    """mTLS: certificate, key, and the key's password."""
    security = BusSecurity(protocol="SSL", certificate_file=pem, key_file=pem, key_password=SecretStr(SECRET))
    options = security.options()
    assert options["ssl.certificate.location"] == options["ssl.key.location"] == str(pem)
    assert options["ssl.key.password"] == SECRET
    assert "sasl.mechanism" not in options


def test_another_mechanism_by_extra_and_secrets() -> None:
    """OAUTHBEARER: what is no secret stands in `extra`, what is one in `secrets`."""
    settings = BusSettings(
        security=BusSecurity(protocol="SASL_SSL", secrets={"sasl.oauthbearer.client.secret": SecretStr(SECRET)}),
        extra={"sasl.mechanism": "OAUTHBEARER", "sasl.oauthbearer.method": "oidc"},
    )
    options = connection_options(settings)
    assert options["sasl.mechanism"] == "OAUTHBEARER"
    assert options["sasl.oauthbearer.client.secret"] == SECRET
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()


@pytest.mark.parametrize(
    ("security", "told"),
    [
        ({"protocol": "SASL_PLAINTEXT", "username": "crop"}, "username and password go together"),
        ({"protocol": "SSL", "username": "crop", "password": SECRET}, "set it to SASL_SSL"),
        ({"username": "crop", "password": SECRET}, "no use with protocol PLAINTEXT"),
        ({"protocol": "SSL", "ca_file": "/nowhere/ca.pem"}, "ca_file: there is no file /nowhere/ca.pem"),
        ({"protocol": "SSL", "certificate_file": __file__}, "certificate_file and key_file go together"),
        ({"protocol": "SSL", "key_password": SECRET}, "no use without key_file"),
        ({"ca_file": __file__}, "certificates are of no use with protocol PLAINTEXT"),
        ({"protocol": "SASL_SSL", "mechanism": "PLAIN"}, "mechanism"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(security: dict[str, Any], told: str) -> None:
    """Above all those that would leave somebody in the belief of being safe."""
    with pytest.raises(ValidationError) as caught:
        BusSecurity.model_validate(security)
    assert told in str(caught.value.errors(include_input=False))
    assert SECRET not in "".join(error["msg"] for error in caught.value.errors())


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ({"security.protocol": "SSL"}, "has a setting of its own, bus.security.protocol"),
        ({"sasl.password": SECRET}, "has a setting of its own, bus.security.password"),
        ({"ssl.key.password": SECRET}, "bus.security.key_password"),
        ({"enable.ssl.certificate.verification": False}, "brokers are always verified"),
        ({"ssl.endpoint.identification.algorithm": "none"}, "brokers are always verified"),
        ({"ssl.keystore.password": SECRET}, "is a secret"),
        ({"sasl.oauthbearer.client.secret": SECRET}, "is a secret"),
        ({"ssl.key.pem": SECRET}, "is a secret"),
        ({"sasl.oauthbearer.assertion.private.key.passphrase": SECRET}, "is a secret"),
    ],
)
def test_extra_holds_no_secret_and_weakens_nothing(extra: dict[str, Any], told: str) -> None:
    """Each refusal says where the thing belongs."""
    with pytest.raises(ValidationError) as caught:
        BusSettings(extra=extra)
    assert told in caught.value.errors()[0]["msg"]
    assert SECRET not in caught.value.errors()[0]["msg"]


def test_a_password_in_the_open_is_refused() -> None:
    """PLAIN is a password in clear: only inside TLS. SCRAM without TLS sends none, and may be."""
    open_line = scram(protocol="SASL_PLAINTEXT")
    BusSettings(security=open_line)
    BusSettings(security=scram(), extra={"sasl.mechanism": "PLAIN"})
    with pytest.raises(ValidationError, match="would send the password in the open"):
        BusSettings(security=open_line, extra={"sasl.mechanism": "PLAIN"})


def test_a_user_is_needed_for_scram() -> None:
    """Without one librdkafka would fail much later, and less clearly."""
    with pytest.raises(ValidationError, match=r"needs security\.username"):
        BusSettings(security=BusSecurity(protocol="SASL_SSL"))


def test_options_that_the_library_does_not_take_are_told_in_one_line(pem: Path) -> None:
    """A CA file that is none."""
    settings = BusSettings(security=scram(ca_file=pem))
    with pytest.raises(KafkaFailedError, match=r"ssl\.ca\.location failed") as caught:
        open_admin(settings)
    assert "\n" not in caught.value.line
    assert SECRET not in caught.value.line

"""Secrets are never shown: canaries through everything that prints, in the midst of connections that fail."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from rich.console import Console

from deploy.doctor import run_doctor, servers
from shared.settings import SettingsRejected, load_settings
from shared.settings.reference import reference
from tests.integration.transport.conftest import SecureKafka, SecureRedis

pytestmark = [pytest.mark.kafka, pytest.mark.redis]
ROOT = Path(__file__).parents[3]
CANARIES = [f"canary-{n}" for n in range(5)]
WORKER = """
import logging, structlog, threading
from shared.serving.serve import serve
from shared.serving.wiring import watched_registry
from shared.bus.clients import connection_options
from shared.bus.loop import Worker
from shared.events import PartImage
from shared.settings import load_settings

def main(settings, stop):
    options = connection_options(settings.bus)  # local variables of frames in tracebacks: all the secrets
    structlog.get_logger("x").info("settings", settings=settings, bus=settings.bus, options=options)
    logging.getLogger("y").warning("settings %s %r", settings, settings.redis)
    try:
        raise RuntimeError(f"with {settings!r}")
    except RuntimeError:
        structlog.get_logger("x").exception("failed")
    with watched_registry(settings, "crop"):
        return Worker(lambda batch: [], consumes=PartImage, name="crop", settings=settings.bus).run(stop)

serve("crop", main)
"""


@pytest.fixture
def environment(
    secure_kafka: SecureKafka, secure_redis: SecureRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """A worker's environment in which every secret is a wrong one, by variable and by file."""
    pair = secure_kafka.authority.issue("canary")
    key = serialization.load_pem_private_key(pair.key.read_bytes(), password=None)
    locked = tmp_path / "locked.key"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(CANARIES[1].encode()),
        )
    )
    (tmp_path / "password").write_text(CANARIES[0] + "\n")
    (tmp_path / "url").write_text(f"rediss://crop:{CANARIES[3]}@127.0.0.1:{secure_redis.port}/0")
    ca = str(secure_kafka.authority.file)
    variables = {
        "LINEGATE_BUS__BOOTSTRAP_SERVERS": secure_kafka.broker.bootstrap_servers,
        "LINEGATE_BUS__CALL_BUDGET_S": "1.5",
        "LINEGATE_BUS__SECURITY__PROTOCOL": "SASL_SSL",
        "LINEGATE_BUS__SECURITY__CA_FILE": ca,
        "LINEGATE_BUS__SECURITY__USERNAME": "crop",
        "LINEGATE_BUS__SECURITY__PASSWORD_FILE": str(tmp_path / "password"),
        "LINEGATE_BUS__SECURITY__CERTIFICATE_FILE": str(pair.certificate),
        "LINEGATE_BUS__SECURITY__KEY_FILE": str(locked),
        "LINEGATE_BUS__SECURITY__KEY_PASSWORD": CANARIES[1],
        "LINEGATE_BUS__SECURITY__SECRETS": f'{{"sasl.oauthbearer.client.secret": "{CANARIES[2]}"}}',
        # librdkafka's own words, which go to stderr past our logs.
        "LINEGATE_BUS__EXTRA": '{"debug": "conf,security,broker"}',
        "LINEGATE_REDIS__URL_FILE": str(tmp_path / "url"),
        "LINEGATE_REDIS__CA_FILE": ca,
        "LINEGATE_REDIS__TIMEOUT_S": "0.5",
        "LINEGATE_STORE__CACHE_DIR": str(tmp_path / "cache"),
        "LINEGATE_TELEMETRY__LOG_LEVEL": "debug",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return {**os.environ, **variables}


def assert_silent(told: str) -> None:
    """No canary sings."""
    assert [canary for canary in CANARIES if canary in told] == []


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_workers_log_of_failing_connections(environment: dict[str, str], log_format: str) -> None:
    """Settings logged outright, tracebacks, librdkafka's debug log, and the error that ends it."""
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        cwd=ROOT,
        env={**environment, "LINEGATE_TELEMETRY__LOG_FORMAT": log_format},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    told = done.stdout + done.stderr
    assert done.returncode == 1
    assert "refuses the user 'crop'" in told, told  # it did come to that
    assert "registry is away" in told
    assert "invalid username-password pair" in told
    assert "check redis.username and its password" in told
    assert "with Settings(" in told
    assert "sasl.password" in told  # librdkafka does tell its options
    assert_silent(told)


@pytest.mark.usefixtures("environment")
def test_the_doctor_the_settings_and_their_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """What people look at when something is wrong."""
    monkeypatch.setenv("LINEGATE_BUS__EXTRA", "{}")
    settings = load_settings()
    assert settings.redis.url.get_secret_value().count(CANARIES[3]) == 1  # they are there
    console = Console(file=io.StringIO(), width=300)
    assert run_doctor(console, [servers.kafka, servers.redis]) == 1
    assert isinstance(console.file, io.StringIO)
    told = console.file.getvalue()
    assert "refuses the user 'crop'" in told
    assert "Redis does not answer: invalid username-password pair" in told
    assert_silent(told + repr(settings) + str(settings) + settings.model_dump_json() + str(settings.model_dump()))
    assert_silent(reference() + repr(settings.bus.security) + str(settings.redis))


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LINEGATE_BUS__SECURITY__PASSWORD", CANARIES[4]),
        ("LINEGATE_BUS__SECURITY__PROTOCOL", "SSL"),
        ("LINEGATE_BUS__SECURITY__SECRETS", f'{{"a": "{CANARIES[4]}"'),
        ("LINEGATE_BUS__EXTRA", f'{{"sasl.password": "{CANARIES[4]}"}}'),
        ("LINEGATE_BUS__EXTRA", f'{{"ssl.keystore.password": "{CANARIES[4]}"}}'),
        ("LINEGATE_REDIS__PASSWORD", CANARIES[4]),
        ("LINEGATE_REDIS__TIMEOUT_S", "never"),
    ],
)
def test_settings_that_are_refused(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    """The message names what is wrong, not what stands there."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsRejected) as caught:
        load_settings()
    assert_silent(caught.value.line)

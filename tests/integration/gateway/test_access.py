"""Who may come in, of a real process: settings, log, and a key that is revoked while it runs."""

import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deploy.local.process import free_port
from services.keys.edit import add_key, remove_key
from services.keys.record import new_record
from shared.auth.key_file import token_id
from shared.bus.settings import BusSettings
from shared.images import encode_png
from tests.integration.gateway.conftest import SERVE

pytestmark = pytest.mark.kafka
NOWHERE = "127.0.0.1:9"
PNG = encode_png(np.zeros((24, 32, 3), dtype=np.uint8))


def serve(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A gateway that is expected to end by itself."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LINEGATE_")}
    return subprocess.run(
        [*SERVE, "gateway"],
        env=clean | {"KAFKA_BOOTSTRAP_SERVERS": NOWHERE, "LINEGATE_GATEWAY__PORT": "0", **environment},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_gateway_that_knows_of_no_one_does_not_start(tmp_path: Path) -> None:
    """One line that says what to set; likewise for a key file that is not there."""
    for environment, told in (
        ({}, "nothing says who may use this service"),
        ({"LINEGATE_AUTH__KEYS_FILE": "absent.toml"}, "cannot read the key file absent.toml"),
    ):
        ended = serve(tmp_path, **environment)
        assert ended.returncode == 1
        assert told in ended.stderr


def test_open_to_the_network_is_told_loudly(tmp_path: Path, start_gateway: Any) -> None:
    """`auth.mode = off` lets everybody in; where others can reach it, the log warns."""
    for host, warned in (("0.0.0.0", True), ("127.0.0.1", False)):  # noqa: S104 - that is what is warned of
        log = tmp_path / f"{host}.log"
        settings = {"LINEGATE_AUTH__MODE": "off", "LINEGATE_GATEWAY__HOST": host}
        gateway = start_gateway(f"127.0.0.1:{free_port()}", log, **settings)
        gateway.wait_until(lambda gateway: gateway.probes.get("/healthz").status_code == 200)
        gateway.wait_until(lambda gateway: gateway.http.get("/openapi.json", auth=None).status_code == 200)
        assert ("NOBODY IS ASKED" in log.read_text()) is warned


def test_a_key_is_revoked_while_the_gateway_runs(gateway: Any) -> None:
    """In from the request after `new`, out from the request after `revoke`; the log names its id and never the key."""
    token, record = new_record(roles=["operator"], plants=["munich"], expires=None, note="")
    headers = {"Authorization": f"Bearer {token}"}

    def status() -> int:
        return int(gateway.http.get("/v1/verdicts/nothing", headers=headers, auth=None).status_code)

    assert status() == 401
    add_key(gateway.access.keys_file, record)
    assert status() == 404
    posted = gateway.http.post("/v1/images?plant=munich", headers=headers, auth=None, content=b"x")
    assert posted.status_code == 403
    remove_key(gateway.access.keys_file, record.id)
    assert status() == 401
    log = gateway.log.read_text()
    assert f"key:{record.id}" in log
    assert token[12:] not in log
    own = gateway.access.token_file.read_text().strip()
    assert token_id(own) is not None
    assert own[12:] not in log


@pytest.mark.usefixtures("pipeline")
def test_a_dead_letter_is_its_plants_business(gateway: Any) -> None:
    """An operator of the photo's plant learns why it was set aside; one of another plant that there is no such id."""
    params = {"part": "dead-1", "plant": "munich", "line": "line-1"}
    posted = gateway.http.post("/v1/images", params=params, content=PNG, headers={"Content-Type": "image/png"})
    assert posted.status_code == 202, posted.text
    for plant, status in (("munich", 422), ("puebla", 404)):
        token, record = new_record(roles=["operator"], plants=[plant], expires=None, note="")
        add_key(gateway.access.keys_file, record)
        wait = {"wait": "30" if status == 422 else "0"}
        headers = {"Authorization": f"Bearer {token}"}
        answer = gateway.http.get(posted.json()["verdict"], params=wait, headers=headers, auth=None)
        assert answer.status_code == status, answer.text


def test_a_large_photo_of_a_stranger_is_answered_over_a_real_connection(gateway: Any) -> None:
    """The 401 arrives although forty megabytes were announced, and the next request of the same client works."""
    params = {"part": "1", "plant": "munich", "line": "line-1"}
    headers = {"Content-Type": "image/jpeg"}
    refused = gateway.http.post("/v1/images", params=params, content=b"\xff" * 40_000_000, headers=headers, auth=None)
    assert refused.status_code == 401
    assert refused.headers["connection"] == "close"
    assert gateway.http.get("/openapi.json").status_code == 200


def test_no_trace_holds_a_token(bus: BusSettings, tmp_path: Path, start_gateway: Any) -> None:
    """Neither one sent as it should be, nor one put into the query by mistake; what else was asked for is there."""
    received: list[bytes] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    gateway = start_gateway(bus.bootstrap_servers, tmp_path / "log", LINEGATE_TELEMETRY__OTLP_ENDPOINT=endpoint)
    gateway.wait_ready()
    own = gateway.access.token_file.read_text().strip()
    assert gateway.http.get("/v1/verdicts/traced-one").status_code == 404
    assert gateway.http.get(f"/v1/verdicts/traced-two?access_token={own}&kept=1", auth=None).status_code == 401
    assert gateway.terminate() == 0
    server.shutdown()
    server.server_close()
    thread.join()
    sent = b"".join(received)
    for expected in (b"traced-one", b"traced-two", b"kept=1"):
        assert expected in sent
    assert own[12:].encode() not in sent


def test_the_key_is_not_in_the_process_list(gateway: Any) -> None:
    """Neither as an argument nor as a variable."""
    own = gateway.access.token_file.read_text().strip()
    process = Path(f"/proc/{gateway.process.pid}")
    if not process.exists():
        pytest.skip("no /proc on this system")
    assert own[12:].encode() not in (process / "cmdline").read_bytes() + (process / "environ").read_bytes()

"""A gateway that asks who comes, with a client that can come as anybody, and a good request to each operation.

Tokens are real: static keys by a file, JWTs by an identity provider on a local port.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio.from_thread
import httpx
from structlog.testing import capture_logs

from services.gateway.alerts.desk import AlertDesk
from services.gateway.app import create_app
from services.gateway.rollout_desk import RolloutDesk
from services.gateway.verdict_cache import Judged, VerdictCache
from shared.auth import Permission, make_authenticator
from shared.auth.key_file import KeyRecord, as_toml, new_token, token_sha256
from shared.settings import AuthSettings, Settings
from tests.unit.services.gateway.test_app import (
    ADDRESS,
    JPEG,
    ListPublisher,
    no_alerts,
    no_registry,
    picture,
    problem,
    verdict,
)
from tests.unit.shared.auth.provider import AUDIENCE, ISSUER, Provider

HOME, ABROAD = "munich", "puebla"


@dataclass(frozen=True, slots=True)
class Asked:
    """A good request to one operation, what it needs, and what the gateway says to it."""

    method: str
    path: Callable[[str], str]
    """Given a plant."""
    arguments: Callable[[str], dict[str, Any]]
    """Likewise."""
    permission: Permission
    good: int
    abroad: int
    """Status for a caller of another plant."""


_ROLLOUT = "/v1/rollouts/{plant}/{line}/{station}/{layout}/{camera}"
READS = ("/v1/rollouts", "/v1/versions", _ROLLOUT, f"{_ROLLOUT}/history")
STEPS: dict[str, dict[str, Any]] = {
    "shadow": {"version": "v2"},
    "canary": {"version": "v2", "percent": 20},
    "promote": {},
    "rollback": {},
    "pause": {},
    "resume": {},
    "guard": {"max_psi": None},
}


def _at(path: str, plant: str) -> str:
    return path.replace(_ROLLOUT, f"/v1/rollouts/{plant}/line-1/*/*/*")


def _rollout_read(path: str) -> Asked:
    # Whoever is let in learns here that Redis is away; what it holds is another test's (integration/gateway).
    lists = _ROLLOUT not in path
    return Asked(
        "GET", lambda plant: _at(path, plant), lambda _: {}, Permission.READ_VERDICT, 503, 503 if lists else 403
    )


def _rollout_step(step: str, body: dict[str, Any]) -> Asked:
    return Asked(
        "POST",
        lambda plant: _at(f"{_ROLLOUT}/{step}", plant),
        lambda _: {"json": body, "headers": {"If-Match": '"1"'}},
        Permission.MANAGE_ROLLOUT,
        503,
        403,
    )


_IS = {"headers": {"If-Match": "*"}}
_CHANNEL = "/v1/subscriptions/{name}/channels/{channel}"
ALERTS: dict[tuple[str, str], tuple[Permission, dict[str, Any]]] = {
    **{
        ("get", path): (Permission.READ_VERDICT, {})
        for path in (
            "/v1/alerts",
            "/v1/alerts/stream",
            "/v1/alerts/{alert_id}",
            "/v1/subscriptions",
            "/v1/subscriptions/{name}",
            "/v1/subscriptions/{name}/deliveries",
            "/v1/silences",
            "/v1/silences/{name}",
        )
    },
    **{
        ("post", path): (Permission.MANAGE_ALERTS, {})
        for path in (
            "/v1/alerts/{alert_id}/acknowledge",
            "/v1/alerts/{alert_id}/resolve",
            f"{_CHANNEL}/secret",
            f"{_CHANNEL}/test",
            f"{_CHANNEL}/enable",
            "/v1/deliveries/{message}/redrive",
        )
    },
    **{
        (method, f"/v1/{table}/{{name}}"): (Permission.MANAGE_ALERTS, _IS | ({"json": {}} if method == "put" else {}))
        for table in ("subscriptions", "silences")
        for method in ("put", "delete")
    },
}


def _alert(operation: tuple[str, str], permission: Permission, arguments: dict[str, Any]) -> Asked:
    # As above: whoever is let in learns that Redis is away. Whose plant it is stands there as well.
    method, path = operation
    filled = re.sub(r"{[a-z_]+}", "one", path)
    return Asked(method.upper(), lambda _: filled, lambda _: dict(arguments), permission, 503, 503)


REQUESTS = {
    ("post", "/v1/images"): Asked(
        "POST",
        lambda _: "/v1/images",
        lambda plant: {"params": ADDRESS | {"plant": plant}, "content": picture(), "headers": JPEG},
        Permission.SUBMIT_PHOTO,
        good=202,
        abroad=403,
    ),
    ("get", "/v1/verdicts/{image_id}"): Asked(
        "GET",
        lambda plant: f"/v1/verdicts/judged-at-{plant}",
        lambda _: {},
        Permission.READ_VERDICT,
        good=200,
        abroad=404,
    ),
    ("post", "/v1/feedback"): Asked(
        "POST",
        lambda _: "/v1/feedback",
        lambda plant: {"json": {"image": f"judged-at-{plant}", "finding": "false_alarm"}},
        Permission.GIVE_FEEDBACK,
        good=202,
        abroad=404,
    ),
    **{("get", path): _rollout_read(path) for path in READS},
    **{("post", f"{_ROLLOUT}/{step}"): _rollout_step(step, body) for step, body in STEPS.items()},
    **{operation: _alert(operation, *asked) for operation, asked in ALERTS.items()},
}


class Door:
    """A gateway that asks who comes, with a client that can come as anybody."""

    def __init__(
        self,
        portal: anyio.from_thread.BlockingPortal,
        provider: Provider,
        folder: Path,
        rollouts: RolloutDesk | None = None,
        alerts: AlertDesk | None = None,
    ) -> None:
        self.provider = provider
        self.keys_file = folder / "keys.toml"
        self.keys_file.write_text("")
        self.publisher = ListPublisher()
        self.verdicts = VerdictCache(100)
        for plant in (HOME, ABROAD):
            image = f"judged-at-{plant}"
            self.verdicts.put(image, Judged.of(verdict(image).model_copy(update={"plant": plant})))
        settings = AuthSettings(keys_file=self.keys_file, issuer=ISSUER, audience=AUDIENCE, jwks=provider.url)
        self.app = create_app(
            Settings(auth=settings),
            self.publisher,
            self.verdicts,
            make_authenticator(settings),
            rollouts=rollouts or no_registry(),
            alerts=alerts or no_alerts(),
            reachable=lambda: True,
            current=lambda: True,
            acknowledge_s=0.2,
        )
        self._portal = portal
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://gateway")

    def key(self, *roles: str, plants: tuple[str, ...] = (HOME,), expires: datetime | None = None) -> str:
        """A new static key, in force."""
        identity, token = new_token()
        record = KeyRecord.model_validate(
            {"id": identity, "sha256": token_sha256(token), "roles": roles, "plants": plants, "expires": expires}
        )
        with self.keys_file.open("a") as file:
            file.write(as_toml(record))
        return token

    def request(self, method: str, path: str, token: str | None = None, **arguments: Any) -> httpx.Response:
        """Send one request and read its answer, in which no token may stand."""
        headers = dict(arguments.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"

        async def send() -> httpx.Response:
            return await self._http.request(method, path, headers=headers, **arguments)

        with capture_logs() as logs:
            response = self._portal.call(send)
        if token:
            told = response.text + str(response.headers) + repr(logs)
            assert all(part not in told for part in {token, *token.split("."), token[12:]} if len(part) > 5)
        return response

    def ask(self, operation: tuple[str, str], token: str | None, plant: str = HOME, **more: Any) -> httpx.Response:
        """A good request to an operation."""
        asked = REQUESTS[operation]
        return self.request(asked.method, asked.path(plant), token, **(asked.arguments(plant) | more))


def refused(door: Door, response: httpx.Response, status: int, kind: str) -> None:
    """The answer is this problem with its challenge, and nothing was published."""
    problem(response, status, kind)
    assert response.headers["www-authenticate"].startswith('Bearer realm="linegate"')
    assert door.publisher.events == []

"""Checks of the HTTP door: whom the gateway lets in, and whether our own token opens it."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx

from deploy.doctor.finding import Finding, fail, ok, warn
from shared.auth.client import client_auth
from shared.auth.errors import IdentityProviderAway
from shared.auth.jwks import JwksFile, JwksUrl
from shared.auth.key_file import parse_keys
from shared.auth.watched_file import WatchedFile
from shared.errors import LinegateError
from shared.settings import AuthSettings, Settings
from shared.settings.sections import is_loopback

_OTHERS_MAY_WRITE: Final = 0o022
_SECONDS: Final = 5.0


def who_may_come_in(settings: Settings) -> Iterator[Finding]:
    """The gateway knows keys or an identity provider, and these can be used."""
    auth = settings.auth
    if auth.mode == "off":
        told = "auth.mode is off: the gateway asks nobody who they are"
        remedy = "set auth.keys_file or auth.issuer, and remove auth.mode (docs/security-http.md)"
        yield warn(told, remedy) if is_loopback(settings.gateway.host) else fail(told, remedy)
    elif auth.keys_file is None and auth.issuer is None:
        yield warn(
            "nothing says who may use the gateway: it would not start here",
            "`linegate keys new` makes a key and its file (docs/security-http.md); only a gateway needs it",
        )
    if auth.keys_file is not None:
        yield from _keys(auth.keys_file)
    if auth.issuer is not None:
        yield _provider(auth)


def our_token(settings: Settings) -> Iterator[Finding]:
    """The gateway of the settings answers, and lets our own token in."""
    url = f"http://{settings.gateway.host}:{settings.gateway.port}"
    try:
        status = httpx.get(f"{url}/openapi.json", auth=client_auth(settings.client), timeout=_SECONDS).status_code
    except LinegateError as error:
        yield fail(str(error), error.hint or "check LINEGATE_TOKEN_FILE")
    except httpx.HTTPError as error:
        yield warn(f"no gateway answers at {url}: {error}", "start it (`linegate serve gateway`) if it belongs here")
    else:
        yield _answered(url, status)


def _answered(url: str, status: int) -> Finding:
    if status == httpx.codes.OK:
        return ok(f"the gateway at {url} lets us in")
    if status == httpx.codes.UNAUTHORIZED:
        return warn(
            f"the gateway at {url} does not know us",
            "set LINEGATE_TOKEN or LINEGATE_TOKEN_FILE; only `linegate submit --via http` needs it",
        )
    return fail(f"the gateway at {url} answers {status}", "its log tells why; is it a gateway of Linegate?")


def _keys(path: Path) -> Iterator[Finding]:
    try:
        keys = WatchedFile(path, parse_keys, what="key file").content
    except LinegateError as error:
        yield fail(str(error), error.hint or "set auth.keys_file; `linegate keys new` makes one")
        return
    moment = datetime.now(UTC)
    expired = sum(record.expired(moment) for record in keys.values())
    told = f"{path} holds {len(keys)} key(s), {expired} of them expired"
    if len(keys) > expired:
        yield ok(told)
    else:
        yield warn(told, "`linegate keys new` makes another; nobody can come in")
    if path.stat().st_mode & _OTHERS_MAY_WRITE:
        yield fail(f"others than its owner may write {path}: they can give themselves keys", f"chmod 600 {path}")


def _provider(auth: AuthSettings) -> Finding:
    remedy = "check auth.jwks, auth.jwks_ca and the way to the identity provider"
    try:
        if "://" in str(auth.jwks):
            # Any id will do: that it is not found is an answer, too.
            asyncio.run(JwksUrl(str(auth.jwks), ca=auth.jwks_ca).find("linegate-doctor"))
        else:
            JwksFile(auth.jwks_path)
    except IdentityProviderAway:
        return fail(f"the keys of {auth.issuer} cannot be had from {auth.jwks}", remedy)
    except LinegateError as error:
        return fail(str(error), error.hint or remedy)
    return ok(f"the keys of {auth.issuer} can be had from {auth.jwks}")

"""The sections of the settings. Every field has a unit, a safe default and a description; docs are made from them."""

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

ItemT = TypeVar("ItemT")


def _split(value: object) -> object:
    return tuple(item.strip() for item in value.split(",") if item.strip()) if isinstance(value, str) else value


CommaSeparated = Annotated[tuple[ItemT, ...], NoDecode, BeforeValidator(_split)]
"""A list; as text, e.g. in the environment, its items stand between commas."""
MIB = 1024 * 1024
Seconds = Annotated[float, Field(gt=0)]
Port = Annotated[int, Field(ge=0, le=65535)]
LogLevel = Literal["debug", "info", "warning", "error"]
MapPolicy = Literal["failed", "always", "never"]


class Section(BaseModel):
    """One section: immutable, and strict about keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class RedisSettings(Section):
    """Redis, which keeps the model versions, assignments and stations."""

    url: SecretStr = Field(
        SecretStr("redis://localhost:6379/0"),
        description="Address: `redis://`, `rediss://` (TLS) or `unix://`. May hold a password, so it is never printed.",
    )
    username: str | None = Field(None, description="User name, where the URL holds none.")
    password: SecretStr | None = Field(None, description="The user's password, where the URL holds none.")
    ca_file: Path | None = Field(
        None, description="With `rediss://`: PEM file of a CA to trust beside those of the system."
    )
    certificate_file: Path | None = Field(
        None, description="PEM file of our own certificate, for servers that ask for one."
    )
    key_file: Path | None = Field(None, description="PEM file of its private key.")
    key_password: SecretStr | None = Field(None, description="Password of an encrypted `key_file`.")
    timeout_s: Seconds = Field(2.0, description="Limit on every connect and every answer, in seconds.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        # Nothing of the URL may stand in a message: it may hold the password.
        url = urlsplit(self.url.get_secret_value())
        files = {"ca_file": self.ca_file, "certificate_file": self.certificate_file, "key_file": self.key_file}
        for name, path in files.items():
            if path is not None and not path.is_file():
                raise ValueError(f"{name}: there is no file {path}")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")
        if url.scheme != "rediss" and any(path is not None for path in files.values()):
            raise ValueError("certificates are of no use without TLS: the url must begin with rediss://")
        if self.password is not None and url.password:
            raise ValueError("there is a password in the url and another one beside it: keep one of them")
        if self.username is not None and (url.username or self.password is None):
            raise ValueError("username goes with password, and not with a user name in the url")
        if any(name.startswith("ssl_") for name in parse_qs(url.query)):
            raise ValueError(
                "url: TLS is not set in the query: servers are always verified; ca_file, certificate_file and "
                "key_file name the certificates"
            )
        return self


class StoreSettings(Section):
    """The artifact store, which keeps the model bundles by their sha256."""

    url: str = Field(
        "~/.local/share/linegate/store",
        description="A folder, or an fsspec URL such as `s3://bucket/linegate`. Cloud credentials come from that "
        "cloud's own environment variables, never from here.",
    )
    cache_dir: Path = Field(Path("~/.cache/linegate/artifacts"), description="Local folder for verified copies.")
    cache_max_mib: int = Field(
        20 * 1024,
        ge=1,
        description="Size of the local cache in MiB; the copies unused for longest go first.",
    )

    @field_validator("cache_dir")
    @classmethod
    def _home(cls, path: Path) -> Path:
        return path.expanduser()


class ImageSettings(Section):
    """Limits on pictures that come from outside."""

    max_bytes: int = Field(32 * MIB, ge=1, description="Largest encoded picture, in bytes.")
    max_pixels: int = Field(
        64_000_000,
        ge=1,
        le=178_000_000,
        description="Largest decoded picture, width x height; checked from its header, before decoding.",
    )
    dataref_roots: CommaSeparated[str] = Field(
        (),
        description="URL prefixes below which a `dataref` may point, e.g. `s3://photos/line-1/`; in the environment, "
        "comma-separated. None by default: pictures by reference are refused.",
    )
    fetch_timeout_s: Seconds = Field(10.0, description="Limit on fetching one referenced picture, in seconds.")

    @field_validator("dataref_roots")
    @classmethod
    def _are_urls(cls, roots: tuple[str, ...]) -> tuple[str, ...]:
        for root in roots:
            if "://" not in root:
                raise ValueError(f"{root!r} is no URL prefix; for a folder write file:///folder/")
        return roots


class NetworkSettings(Section):
    """HTTP to hosts that others name: pictures by `dataref`, webhooks (docs/network-guard.md)."""

    allow_private: CommaSeparated[str] = Field(
        (),
        description="Host names and IP networks that may lie in private or loopback address space, e.g. "
        "`photos.plant.example` or `10.3.0.0/16`; in the environment, comma-separated. Link-local and cloud metadata "
        "addresses only as networks. None by default: such targets are refused.",
    )

    @field_validator("allow_private")
    @classmethod
    def _are_hosts(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        for entry in entries:
            try:
                ipaddress.ip_network(entry)
            except ValueError as error:
                if entry.replace(".", "").isdecimal() or not entry or set(entry) & set("/:*@ []"):
                    raise ValueError(
                        f"{entry!r} is neither a host name nor an IP network: {error}; write photos.plant.example or "
                        "10.3.0.0/16, without scheme, port or wildcard"
                    ) from None
        return entries


class CropSettings(Section):
    """The crop worker: find the label, rectify it, turn it into reading direction."""

    weights: Path | None = Field(
        None, description="Detector weights (safetensors). Unset: the weights that ship with Linegate."
    )
    threads: int | None = Field(None, ge=1, description="CPU threads for the detector. Unset: one per core.")


class ScoreSettings(Section):
    """The score worker: judge crops with the models in force."""

    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="`auto` takes a GPU where one is seen.")
    threads: int | None = Field(None, ge=1, description="CPU threads for scoring. Unset: one per core.")
    cache_mib: int = Field(
        4096,
        ge=1,
        description="Memory for loaded models in MiB. What does not fit is dropped: first what nobody assigns, then "
        "former champions, then shadows, of each the one unused for longest.",
    )
    maps: MapPolicy = Field("failed", description="For which parts an anomaly map is published.")
    load_wait_s: Seconds = Field(
        20.0,
        description="After how many seconds the load of a newly assigned version counts as failed. Until then the "
        "entry that it is to replace stays in force; no part waits.",
    )
    check_s: Seconds = Field(
        30.0,
        description="Time between two looks whether the store answers and whether a version that could not be loaded "
        "can be by now, in seconds.",
    )


class SigningSettings(Section):
    """Signed model bundles (Ed25519): who signs them, and whose signatures are trusted."""

    public_keys: CommaSeparated[str] = Field(
        (),
        description="Trusted public keys: PEM files, or the PEM text itself; in the environment, comma-separated. A "
        "bundle must be signed by one of them, or it is not loaded. None by default: signatures are not asked for. "
        "Two at once while a key is replaced.",
    )
    private_key: Path | None = Field(
        None, description="PEM file of the key that `linegate train --register` and `linegate signing sign` sign with."
    )
    passphrase: SecretStr | None = Field(None, description="Of the private key. Never printed.")
    passphrase_file: Path | None = Field(None, description="File that holds the passphrase, instead of `passphrase`.")


class FaultSettings(Section):
    """Faults of our own, told on `linegate.faults`."""

    repeat_s: Seconds = Field(
        300.0,
        description="Time between two words about a fault that lasts, in seconds; one that was not repeated for three "
        "times as long counts as over.",
    )
    clock_skew_s: Seconds = Field(
        60.0, description="How far a camera's clock may be from the time its photo was sent, in seconds."
    )


class GatewaySettings(Section):
    """The HTTP gateway: photos in, verdicts out, for clients that do not speak Kafka."""

    host: str = Field("127.0.0.1", description="Address to listen on; `0.0.0.0` for every interface.")
    port: Port = Field(8080, description="Port to listen on; 0 picks a free one.")
    max_upload_bytes: int = Field(32 * MIB, ge=1, description="Largest request body, in bytes.")
    verdict_wait_max_s: Seconds = Field(
        30.0, description="Longest time a caller may ask to wait for the verdict, in seconds."
    )


class AuthSettings(Section):
    """Who may use the HTTP services: static keys, an identity provider's tokens, or both (security-http.md)."""

    mode: Literal["on", "off"] = Field(
        "on",
        description="`off` lets everybody do everything. With `on`, a service that knows of no one does not start.",
    )
    keys_file: Path | None = Field(None, description="File of static keys, which `linegate keys` writes.")
    issuer: str | None = Field(None, description="The identity provider: the only `iss` of a token that is taken.")
    audience: str | None = Field(None, description="The `aud` that a token must be for.")
    jwks: str | None = Field(
        None,
        description="The provider's public keys: an `https://` URL (`http://` on this machine only), or a file's path.",
    )
    jwks_ca: Path | None = Field(
        None, description="PEM file of the certificates to trust for `jwks`. Unset: those that this machine trusts."
    )
    roles_claim: str = Field(
        "roles", min_length=1, description="The token's claim that lists the roles; `a.b` means `b` inside `a`."
    )
    plants_claim: str = Field("plants", min_length=1, description="The claim that lists the plants; `*` is every one.")
    leeway_s: Annotated[float, Field(ge=0, le=300)] = Field(
        30.0, description="By how much the provider's clock may differ from ours, in seconds."
    )

    @field_validator("keys_file", "jwks_ca")
    @classmethod
    def _home(cls, path: Path | None) -> Path | None:
        return None if path is None else path.expanduser()

    @field_validator("jwks")
    @classmethod
    def _is_safe(cls, jwks: str | None) -> str | None:
        if jwks is None or "://" not in jwks:
            return jwks
        url = urlsplit(jwks)
        if url.hostname and (url.scheme == "https" or (url.scheme == "http" and is_loopback(url.hostname))):
            return jwks
        raise ValueError(
            "an https:// URL or a file's path is needed: whoever can change the keys on their way can make tokens"
        )

    @model_validator(mode="after")
    def _are_together(self) -> Self:
        given = {name: getattr(self, name) is not None for name in ("issuer", "audience", "jwks")}
        if any(given.values()) and not all(given.values()):
            missing = " and ".join(name for name, is_given in given.items() if not is_given)
            raise ValueError(f"issuer, audience and jwks belong together; {missing} is not set")
        return self

    @property
    def jwks_path(self) -> Path:
        """`jwks`, where it is a file."""
        return Path(self.jwks or "").expanduser()


class ClientSettings(Section):
    """What the commands show to a gateway."""

    token: SecretStr | None = Field(None, description="The bearer token; never printed.")


class ProbesSettings(Section):
    """Liveness and readiness of each process, for an orchestrator, on a port of their own (security-http.md)."""

    host: str = Field("127.0.0.1", description="Address to listen on. Probes ask nobody who they are.")
    port: int | None = Field(
        None, ge=0, le=65535, description="Port to listen on; 0 picks a free one. Unset: no probes."
    )
    max_tick_age_s: Seconds = Field(
        120.0, description="A process whose loop has not gone round for this long is not alive, in seconds."
    )
    max_step_s: Seconds = Field(
        600.0, description="A worker that has been on one batch for this long is not alive, in seconds."
    )


class TelemetrySettings(Section):
    """Logs, metrics and traces."""

    otlp_endpoint: str | None = Field(
        None,
        pattern=r"^https?://",
        description="Base URL of an OpenTelemetry collector (OTLP over HTTP), e.g. `http://localhost:4318`. Unset: "
        "metrics and traces stay in the process.",
    )
    export_interval_s: Seconds = Field(15.0, description="Time between two exports of metrics, in seconds.")
    log_level: LogLevel = Field("info", description="Least severe level that is logged.")
    log_format: Literal["json", "console"] = Field("console", description="`json` for machines, `console` for people.")
    instance: str | None = Field(
        None, description="Name of this process in logs and metrics. Unset: host name and process id."
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can be meant by `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

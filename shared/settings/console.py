"""The section of the console: pages for people at the line."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from shared.settings.sections import Port, Section


class ConsoleSettings(Section):
    """The console: pages for supervisors and engineers (docs/console.md). Who may use it: `auth`."""

    host: str = Field("127.0.0.1", description="Address to listen on; `0.0.0.0` for every interface.")
    port: Port = Field(8081, description="Port to listen on; 0 picks a free one.")
    public_url: str | None = Field(
        None,
        description="How browsers reach it where that differs, e.g. `https://linegate.plant.example` behind a proxy "
        "that speaks TLS: cookies are then marked for HTTPS only. Without a path.",
    )
    title: str = Field("Linegate", min_length=1, max_length=64, description="What stands at the top of each page.")
    language: Literal["en", "de"] = Field("en", description="For browsers that ask for no language that there is.")
    session_h: Annotated[float, Field(gt=0, le=720)] = Field(12.0, description="Hours until one must sign in again.")
    secret: SecretStr | None = Field(
        None,
        description="What session cookies are encrypted with: 32 characters or more. Unset: made up at the start, and "
        "everybody must sign in again after a restart; several consoles need the same one.",
    )
    history_h: Annotated[float, Field(gt=0, le=24)] = Field(
        1.0, description="Hours of the past that are read from Kafka at the start and kept in memory."
    )
    maps_mib: Annotated[int, Field(ge=1, le=16_384)] = Field(
        64, description="Memory for the latest anomaly maps, in MiB; older ones come from the store."
    )
    clients: Annotated[int, Field(ge=1, le=10_000)] = Field(
        200, description="Browser tabs that may follow live at once; the next one is told to come again."
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.secret is not None and len(self.secret.get_secret_value()) < 32:
            raise ValueError("secret: 32 characters or more, e.g. from `openssl rand -base64 32`")
        if self.public_url is not None:
            url = urlsplit(self.public_url)
            if url.scheme not in ("http", "https") or not url.hostname or url.path.strip("/") or url.query:
                raise ValueError("public_url is an http or https URL without a path")
        return self

    @property
    def origin(self) -> str | None:
        """Scheme, host and port of `public_url`; None where that is not set."""
        if self.public_url is None:
            return None
        url = urlsplit(self.public_url)
        return f"{url.scheme}://{url.netloc}".lower()

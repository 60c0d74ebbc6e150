"""The sections of the notify worker: where alerts are delivered from, and how patiently."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from shared.alerts.channels import EmailAddress
from shared.settings.sections import Port, Seconds, Section


def _base(url: str) -> str:
    if not re.fullmatch(r"https?://[^\s\"'<>]+", url):
        raise ValueError(f"{url!r} is no http or https URL")
    return url.rstrip("/")


class SmtpSettings(Section):
    """The mail server that alerts are sent by."""

    host: str | None = Field(None, description="Its name. Unset: mails wait, and their log says why.")
    port: Port = Field(587, description="Its port.")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls",
        description="`starttls` (usually port 587) and `tls` (465) verify the server's certificate; `none` only on "
        "networks that nobody else reads.",
    )
    ca_file: Path | None = Field(None, description="PEM file of the CA to trust. Unset: those of the system.")
    username: str | None = Field(None, description="User name, where the server wants one.")
    password: SecretStr | None = Field(None, description="The user's password.")
    sender: EmailAddress = Field("linegate@localhost.localdomain", description="The address in `From`.")
    timeout_s: Seconds = Field(15.0, description="Limit on each of the server's answers, in seconds.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if self.password is not None and self.security == "none":
            raise ValueError("a password is not sent in the clear: security must be starttls or tls")
        return self


class MqttSettings(Section):
    """The MQTT broker that andon lights listen to."""

    host: str | None = Field(None, description="Its name. Unset: such messages wait, and their log says why.")
    port: Port = Field(1883, description="Its port; with TLS usually 8883.")
    protocol: Literal["5", "3.1.1"] = Field("5", description="The version of MQTT that the broker speaks.")
    tls: bool = Field(False, description="Whether to speak TLS; the broker's certificate is verified.")
    ca_file: Path | None = Field(None, description="PEM file of the CA to trust. Unset: those of the system.")
    username: str | None = Field(None, description="User name, where the broker wants one.")
    password: SecretStr | None = Field(None, description="The user's password.")
    timeout_s: Seconds = Field(10.0, description="How long the broker may take for a message, in seconds.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.password is not None and self.username is None:
            raise ValueError("password goes with username")
        return self


class NotifySettings(Section):
    """The notify worker, which delivers alerts (docs/notifications.md)."""

    console_url: Annotated[str, AfterValidator(_base)] | None = Field(
        None, description="Where people reach the console, for the links in messages. Unset: no links."
    )
    threads: Annotated[int, Field(ge=2, le=1024)] = Field(
        64,
        description="Messages that are delivered at the same time, one per channel. At most half of them are "
        "repetitions, so that receivers that hang do not delay others.",
    )
    timeout_s: Seconds = Field(10.0, description="Limit on a webhook's whole exchange, in seconds.")
    lease_s: Annotated[float, Field(ge=1)] = Field(
        30.0, description="After so many seconds without a sign of life another worker takes a message over."
    )
    first_retry_s: Seconds = Field(
        5.0, description="The longest wait before the second attempt, in seconds; it doubles with each further one."
    )
    longest_retry_s: Seconds = Field(21_600.0, description="The longest wait between two attempts, in seconds.")
    give_up_after_s: Seconds = Field(
        259_200.0, description="A message that nobody took for so long is given up, in seconds; it can be put back."
    )
    picture_wait_s: Annotated[float, Field(ge=0)] = Field(
        20.0, description="How long a mail waits for its picture to be in the store, in seconds."
    )
    away_after_s: Seconds = Field(
        120.0, description="A mail server or broker that fails for so long is told as the fault `receiver_away`."
    )
    smtp: SmtpSettings = Field(default_factory=SmtpSettings)
    mqtt: MqttSettings = Field(default_factory=MqttSettings)

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.longest_retry_s < self.first_retry_s:
            raise ValueError("longest_retry_s is at least first_retry_s")
        return self

"""How clients reach Kafka: TLS, a user name by SCRAM, or a certificate. Brokers are always verified."""

import re
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256"]

_OWN_FIELD: Final = {
    "bootstrap.servers": "bus.bootstrap_servers",
    "security.protocol": "bus.security.protocol",
    "ssl.ca.location": "bus.security.ca_file",
    "ssl.certificate.location": "bus.security.certificate_file",
    "ssl.key.location": "bus.security.key_file",
    "ssl.key.password": "bus.security.key_password",
    "sasl.username": "bus.security.username",
    "sasl.password": "bus.security.password",
}
"""librdkafka options that have a field of their own: one way to say a thing."""
_VERIFICATION: Final = frozenset({"enable.ssl.certificate.verification", "ssl.endpoint.identification.algorithm"})
_SECRET: Final = re.compile(r"password|passphrase|secret|key\.pem|oauthbearer\.config")
"""Names of librdkafka's options that hold secrets, besides those with a field."""


class BusSecurity(BaseModel):
    """Who Kafka is, and who we are to it. With TLS the broker's certificate and its host name are always verified.
    PLAIN and OAUTHBEARER are for those who must: `bus.extra` names the mechanism (`sasl.mechanism`), `secrets` holds
    what goes with it.
    """  # noqa: D205 - one paragraph, which the reference prints whole

    model_config = ConfigDict(extra="forbid", frozen=True)

    protocol: Protocol = Field(
        "PLAINTEXT", description="`SSL`: TLS; `SASL_SSL`: TLS and a user name. The two others encrypt nothing."
    )
    ca_file: Path | None = Field(
        None, description="PEM file of the CAs that may sign brokers' certificates. Unset: those of the system."
    )
    certificate_file: Path | None = Field(
        None, description="PEM file of our own certificate, for brokers that ask for one (mTLS)."
    )
    key_file: Path | None = Field(None, description="PEM file of its private key.")
    key_password: SecretStr | None = Field(None, description="Password of an encrypted `key_file`.")
    mechanism: Mechanism = Field("SCRAM-SHA-512", description="How the password is proven, with `SASL_*`.")
    username: str | None = Field(None, description="User name at Kafka, with `SASL_*`.")
    password: SecretStr | None = Field(None, description="The user's password.")
    secrets: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="More librdkafka options that are secret, e.g. `sasl.oauthbearer.client.secret`.",
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        files = {"ca_file": self.ca_file, "certificate_file": self.certificate_file, "key_file": self.key_file}
        for name, path in files.items():
            if path is not None and not path.is_file():
                raise ValueError(f"{name}: there is no file {path}")
        if (self.certificate_file is None) != (self.key_file is None):
            raise ValueError("certificate_file and key_file go together")
        if self.key_password is not None and self.key_file is None:
            raise ValueError("key_password is of no use without key_file")
        if not self.encrypted and any(path is not None for path in files.values()):
            raise ValueError(f"certificates are of no use with protocol {self.protocol}: set it to SSL or SASL_SSL")
        if not self.logs_in and (self.username is not None or self.password is not None):
            raise ValueError(f"a user name is of no use with protocol {self.protocol}: set it to SASL_SSL")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        return self

    @property
    def encrypted(self) -> bool:
        """Whether TLS is spoken."""
        return self.protocol in {"SSL", "SASL_SSL"}

    @property
    def logs_in(self) -> bool:
        """Whether we show a user name."""
        return self.protocol in {"SASL_SSL", "SASL_PLAINTEXT"}

    def options(self) -> dict[str, str]:
        """The client options of librdkafka. They hold secrets: for the client only, never to be shown."""
        options: dict[str, str | Path | None] = {
            "security.protocol": self.protocol,
            "ssl.ca.location": self.ca_file,
            "ssl.certificate.location": self.certificate_file,
            "ssl.key.location": self.key_file,
            "ssl.key.password": _plain(self.key_password),
        }
        if self.encrypted:
            # librdkafka's defaults, said aloud: nothing else may be meant.
            options |= {"enable.ssl.certificate.verification": "true", "ssl.endpoint.identification.algorithm": "https"}
        if self.logs_in:
            options |= {
                "sasl.mechanism": self.mechanism,
                "sasl.username": self.username,
                "sasl.password": _plain(self.password),
            }
        options |= {name: secret.get_secret_value() for name, secret in self.secrets.items()}
        return {name: str(value) for name, value in options.items() if value is not None}


def check_extra(extra: dict[str, str | int | float | bool], security: BusSecurity) -> None:
    """Refuse in `bus.extra` what is said elsewhere, what would be a secret in the open, and what weakens TLS.

    Raises:
        ValueError: says which option, and where it belongs.
    """
    for name in extra:
        if name in _OWN_FIELD:
            raise ValueError(f"extra: {name} has a setting of its own, {_OWN_FIELD[name]}")
        if name in _VERIFICATION:
            raise ValueError(
                f"extra: {name} may not be set: brokers are always verified. A test system's own CA goes into "
                "bus.security.ca_file"
            )
        if _SECRET.search(name):
            raise ValueError(f"extra: {name} is a secret: put it into bus.security.secrets, which is never shown")
    mechanism = str(extra.get("sasl.mechanism", extra.get("sasl.mechanisms", security.mechanism)))
    if mechanism == "PLAIN" and security.protocol == "SASL_PLAINTEXT":
        raise ValueError("extra: PLAIN over SASL_PLAINTEXT would send the password in the open: use SASL_SSL")
    if security.logs_in and security.username is None and (mechanism.startswith("SCRAM") or mechanism == "PLAIN"):
        raise ValueError(f"security.protocol {security.protocol} with {mechanism} needs security.username and password")


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()

"""A broker that lets in whom it knows: TLS, SCRAM users, client certificates, and ACLs for everybody.

Three listeners, all in TLS: one for clients that log in with a user name (SASL_SSL, SCRAM), one for clients that show
a certificate (SSL, also between brokers), and the controller's, which takes the broker's certificate. Whoever has no
ACL may do nothing; the principal of the broker's own certificate may do everything.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public, but not marked as such
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

ITERATIONS: Final = 4096
"""Of SCRAM's PBKDF2, Kafka's default and least: the machine of a test has better things to do."""
CALL_SECONDS: Final = 30.0
PRINCIPAL_RULE: Final = r"RULE:^CN=([A-Za-z0-9_-]+)(,.*)?$/$1/"
"""A certificate's principal is its common name. Only where that stands first: `O="x,CN=admin"` is no admin."""
_MECHANISMS: Final = {
    "SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256,
    "SCRAM-SHA-512": ScramMechanism.SCRAM_SHA_512,
}
_LOGIN: Final = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


@dataclass(frozen=True, slots=True)
class BrokerSecurity:
    """Whom a broker lets in, and what it shows of itself."""

    ca_file: Path
    """PEM: who signs the certificates of clients, and of the broker itself."""
    certificate_file: Path
    """PEM: the broker's certificate for 127.0.0.1, with what lies between it and the CA."""
    key_file: Path
    """PEM: its private key, not encrypted."""
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Password by user name, for SCRAM."""

    def super_user(self) -> str:
        """Who may do everything: the common name of the broker's certificate."""
        certificate = x509.load_pem_x509_certificates(self.certificate_file.read_bytes())[0]
        return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)

    def super_user_options(self) -> dict[str, str]:
        """Client options of librdkafka for one that is the super user."""
        return {
            "security.protocol": "SSL",
            "ssl.ca.location": str(self.ca_file),
            "ssl.certificate.location": str(self.certificate_file),
            "ssl.key.location": str(self.key_file),
        }


def secure_listeners(
    security: BrokerSecurity, directory: Path, *, scram: str, advertised_scram: str, mtls: str, controller: str
) -> dict[str, object]:
    """The broker's properties for its listeners, certificates and authorizer; writes its keystore into `directory`.

    Args:
        security: whom it lets in.
        directory: of the broker.
        scram: `host:port` to listen on for clients with a user name.
        advertised_scram: where those are told to connect.
        mtls: `host:port` for clients with a certificate, and for the broker itself.
        controller: `host:port` of the controller.
    """
    keystore = directory / "keystore.pem"
    _write_secret(keystore, _pkcs8(security.key_file.read_bytes()) + security.certificate_file.read_bytes())
    scram_logins = {f"listener.name.scram.{mechanism.lower()}.sasl.jaas.config": _LOGIN for mechanism in _MECHANISMS}
    return {
        "listeners": f"SCRAM://{scram},MTLS://{mtls},CONTROLLER://{controller}",
        "advertised.listeners": f"SCRAM://{advertised_scram},MTLS://{mtls},CONTROLLER://{controller}",
        "listener.security.protocol.map": "SCRAM:SASL_SSL,MTLS:SSL,CONTROLLER:SSL",
        "inter.broker.listener.name": "MTLS",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": keystore,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": security.ca_file,
        "listener.name.mtls.ssl.client.auth": "required",
        "listener.name.controller.ssl.client.auth": "required",
        "ssl.principal.mapping.rules": PRINCIPAL_RULE.replace("\\", "\\\\"),
        "listener.name.scram.sasl.enabled.mechanisms": ",".join(_MECHANISMS),
        **scram_logins,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{security.super_user()}",
        "allow.everyone.if.no.acl.found": "false",
    }


def set_scram_users(admin: AdminClient, users: Mapping[str, str]) -> None:
    """Give each user its password, for both of Kafka's SCRAM mechanisms.

    Over TLS rather than by `StorageTool format --add-scram`, whose command line everybody on the machine could read.

    Raises:
        KafkaException: the broker refused.
    """
    for mechanism in _MECHANISMS.values():  # Kafka alters a user once per request
        credential = ScramCredentialInfo(mechanism, ITERATIONS)
        changes: list[UserScramCredentialAlteration] = [
            UserScramCredentialUpsertion(user, credential, word.encode()) for user, word in users.items()
        ]
        for future in admin.alter_user_scram_credentials(changes).values():
            future.result(CALL_SECONDS)


def _pkcs8(key: bytes) -> bytes:
    """Kafka reads no other form of private key."""
    return serialization.load_pem_private_key(key, password=None).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_secret(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)

"""Look at a TLS listener with Python's own eyes: it says what librdkafka and Redis' client only call a failure."""

import socket
import ssl
from pathlib import Path
from typing import Final

_SECONDS: Final = 2.0


def look(host: str, port: int, *, ca_file: Path | None) -> str | None:
    """What is wrong with the certificate that a server shows, or with the server altogether; None where it is well.

    Shows no certificate of ours and no password: whom the server lets in, is not looked at.

    Args:
        host: as the settings name it; the certificate must name the same.
        port: of the listener.
        ca_file: who may sign; those of the system by default.
    """
    context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    try:
        connection = socket.create_connection((host, port), timeout=_SECONDS)
    except OSError as error:
        return f"{error.strerror or error}"
    try:
        with connection, context.wrap_socket(connection, server_hostname=host):
            return None
    except ssl.SSLCertVerificationError as error:
        return f"{error.verify_message}".rstrip(".")
    except OSError as error:
        return f"no TLS is spoken there ({getattr(error, 'reason', None) or error})"


def mend(seen: str, *, ca: str, address: str) -> str:
    """What to do about what `look` saw.

    Args:
        seen: its words.
        ca: the setting that names the CAs.
        address: the setting that names the host.
    """
    if "mismatch" in seen:
        return f"{seen}: {address} must name the host exactly as the certificate does"
    if "expired" in seen or "not yet valid" in seen:
        return f"{seen}: renew the server's certificate, and look at both clocks"
    if "issuer" in seen or "self-signed" in seen:
        return f"{seen}: {ca} must hold the CA that signed the server's certificate"
    return f"{seen}: {address} says where the server is"


def speaks_tls(host: str, port: int) -> bool:
    """Whether a server answers a TLS greeting, whatever certificate it shows."""
    context = ssl.create_default_context()
    context.check_hostname = False  # nothing is sent over this connection: it only asks which language is spoken
    context.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), timeout=_SECONDS) as connection,
            context.wrap_socket(connection, server_hostname=host),
        ):
            return True
    except OSError:
        return False

"""Certificates for the tests: one authority, and what it signs."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme

HERE: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with its chain, and its private key: two PEM files."""

    certificate: Path
    key: Path


class Authority:
    """A CA of its own in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._ca: Final = trustme.CA()
        self._folder: Final = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.file: Final = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def issue(self, name: str, *, host: str = HERE, expired: bool = False) -> Pair:
        """A certificate for `host`, whose common name is `name`."""
        now = dt.datetime.now(dt.UTC)
        day = dt.timedelta(days=1)
        until = {"not_before": now - 2 * day, "not_after": now - day} if expired else {}
        made = self._ca.issue_cert(host, common_name=name, **until)
        pair = Pair(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        pair.certificate.write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
        made.private_key_pem.write_to_path(str(pair.key))
        return pair

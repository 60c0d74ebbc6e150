"""Static keys for a small plant: who a key belongs to, by the file that keeps the keys' hashes.

A slow hash (argon2, bcrypt) protects secrets that people choose, since those can be guessed. These keys are 256 random
bits, which cannot: one sha256 each is enough, and a fast one keeps a flood of wrong keys from costing us the processor
(NIST SP 800-63B 5.1.2.2 asks for a slow hash below 112 bits of entropy only).
"""

import hmac
from datetime import UTC, datetime
from pathlib import Path

from shared.auth.errors import TokenRejected
from shared.auth.key_file import parse_keys, token_id, token_sha256
from shared.auth.principal import Principal
from shared.auth.watched_file import WatchedFile


class StaticKeys:
    """The keys of a file that may change at any time: a key that is taken out of it is refused from then on.

    Args:
        path: of the file.

    Raises:
        LinegateError: the file cannot be read or is wrong.
    """

    def __init__(self, path: Path) -> None:
        self._file = WatchedFile(path, parse_keys, what="key file")

    def principal(self, token: str) -> Principal:
        """Whose key `token` is. Any thread.

        Raises:
            TokenRejected: it is no key of ours, or it has expired.
        """
        identity = token_id(token)
        record = None if identity is None else self._file.content.get(identity)
        # The id is no secret, so that an unknown one may be answered sooner; the comparison itself tells nothing.
        if record is None or not hmac.compare_digest(token_sha256(token), record.sha256):
            raise TokenRejected("the key is not known here, or was revoked")
        if record.expired(datetime.now(UTC)):
            raise TokenRejected(f"the key {record.id} has expired", hint="`linegate keys new` makes another")
        return Principal(f"key:{record.id}", record.roles, frozenset(record.plants))

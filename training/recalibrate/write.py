"""Write a bundle's bytes."""

import hashlib
from pathlib import Path

from shared.files import write_atomically
from training.arguments import ArgumentRejected


def write_version(path: Path, bundle: bytes) -> str:
    """Write `bundle` to `path`, whole or not at all; its sha256, hex.

    Raises:
        ArgumentRejected: the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, bundle)
    except OSError as error:
        raise ArgumentRejected(f"cannot write to {path.parent}: {error.strerror}") from None
    return hashlib.sha256(bundle).hexdigest()

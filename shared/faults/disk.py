"""A local file that could not be written: never a reason to stop, always one to tell."""

import errno
from typing import Final

from shared.faults.report import FaultSink, Report

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def tell_disk(faults: FaultSink, subject: str, error: OSError | None) -> None:
    """Tell how the last write went.

    Args:
        faults: whom.
        subject: which file or folder, e.g. `artifact cache /var/cache/linegate`.
        error: what went wrong; None where nothing did.
    """
    full = error is not None and error.errno in _NO_ROOM
    if error is None or full:
        faults.cleared("disk_failed", subject)
    if not full:
        faults.cleared("disk_full", subject)
    if error is not None:
        faults.raised(
            Report(
                "disk_full" if full else "disk_failed",
                "warning",
                f"the {subject} cannot be written: {error.strerror or error}",
                subject=subject,
                hint="make room there" if full else "see that the folder is there and this process may write to it",
            )
        )

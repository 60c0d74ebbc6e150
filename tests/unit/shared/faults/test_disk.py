"""A write that fails is told by its kind, and cleared by the next one that goes well."""

import errno

import pytest

from shared.faults import Report
from shared.faults.disk import tell_disk
from tests.unit.faults import Told


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, "disk_full"),
        (errno.EDQUOT, "disk_full"),
        (errno.EFBIG, "disk_full"),
        (errno.EROFS, "disk_failed"),
        (errno.EACCES, "disk_failed"),
    ],
)
def test_by_kind(number: int, kind: str) -> None:
    """No room is one thing, no permission another."""
    told = Told()
    tell_disk(told, "artifact cache /c", OSError(number, "says no"))
    assert [(report.kind, report.subject) for report in told.open] == [(kind, "artifact cache /c")]
    tell_disk(told, "artifact cache /c", None)
    assert told.open == []


def test_one_reason_replaces_the_other() -> None:
    """Never both at once for one folder."""
    told = Told()
    for number, kind in ((errno.EROFS, "disk_failed"), (errno.ENOSPC, "disk_full"), (errno.EROFS, "disk_failed")):
        tell_disk(told, "cache", OSError(number, "says no"))
        assert [report.kind for report in told.open] == [kind]
    assert isinstance(told.open[0], Report)

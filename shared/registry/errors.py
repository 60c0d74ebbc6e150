"""What can go wrong with the registry."""

from shared.errors import LinegateError


class RegistryError(LinegateError):
    """Any fault of the registry."""


class RegistryUnavailable(RegistryError):
    """Redis cannot be reached, refuses, or holds what this version of Linegate does not understand."""


class RevisionConflict(RegistryError):
    """Somebody else changed the entry since it was read.

    Attributes:
        expected: the revision the change was based on; None for "no entry".
        found: the revision there is; None where there is no entry.
    """

    def __init__(self, what: str, *, expected: int | None, found: int | None) -> None:
        super().__init__(
            f"{what} was changed by somebody else: expected {_told(expected)}, found {_told(found)}",
            hint="look at it again (`linegate rollout history`), then repeat the change if it still makes sense",
        )
        self.expected = expected
        self.found = found


class VersionExists(RegistryError):
    """A version name is taken by another bundle. Names are never used twice."""


class UnknownVersion(RegistryError):
    """An assignment names a version that is not registered."""


class TransitionRejected(RegistryError):
    """A rollout's step does not follow from where it stands."""


def _told(revision: int | None) -> str:
    return "no entry" if revision is None else f"revision {revision}"

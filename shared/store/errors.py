"""What can go wrong with the artifact store."""

from shared.errors import LinegateError


class StoreError(LinegateError):
    """Any fault of the artifact store."""


class ArtifactMissing(StoreError):
    """The store answered, and does not have it."""


class ArtifactCorrupt(StoreError):
    """What the store holds is not what its digest says. Never used."""


class StoreUnavailable(StoreError):
    """The store cannot be reached, or the local copy cannot be written; try again later."""

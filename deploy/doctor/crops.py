"""Do the stations make the crops that the models assigned there expect, and can they?"""

from collections.abc import Iterator

from deploy.doctor.finding import Finding, fail, ok, warn
from shared.registry.client import Registry
from shared.registry.coupling import mismatches
from shared.registry.errors import RegistryUnavailable
from shared.settings import Settings
from shared.store import ArtifactStore, StoreError


def crops(settings: Settings) -> Iterator[Finding]:
    """Crop recipes agree, and every reference is in the store. Redis and store themselves are other checks."""
    try:
        with Registry(settings.redis) as registry:
            snapshot = registry.snapshot()
        store = ArtifactStore(settings.store)
        wanted = {key: held.record.reference for key, held in sorted(snapshot.stations.items())}
        absent = {key: digest for key, digest in wanted.items() if digest is not None and not store.exists(digest)}
    except (RegistryUnavailable, StoreError):
        return
    for key, digest in absent.items():
        yield fail(
            f"the crop reference {digest[:12]} of station {key} is not in the store: its photos wait",
            "`linegate rollout station KEY --reference FILE` puts it there, or `--reference none`",
        )
    lines = mismatches(snapshot)
    for line in lines:
        yield warn(
            line, "set the station as the model wants it (`linegate rollout station`), or assign another version"
        )
    if not absent and not lines:
        yield ok("stations make the crops that the assigned models were made for")

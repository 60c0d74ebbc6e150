"""What a registry names and the artifact store may lack."""

from shared.registry.snapshot import Snapshot
from shared.store import ArtifactStore, StoreError


def lacking(snapshot: Snapshot, store: ArtifactStore) -> list[str]:
    """One line for each bundle and crop reference that is not in the store, those that judge first."""
    at_work = {version for held in snapshot.assignments.values() for version in held.record.warm()}
    try:
        bundles = [record for record in snapshot.versions.values() if not store.exists(record.digest)]
        stations = {key: held.record.reference for key, held in sorted(snapshot.stations.items())}
        references = {
            key: digest for key, digest in stations.items() if digest is not None and not store.exists(digest)
        }
    except StoreError as error:
        return [f"whether the store has every bundle is not known: {error}"]
    bundles.sort(key=lambda record: (record.version not in at_work, record.version))
    return [
        *(
            f"the store {store.url} lacks the bundle {record.digest[:12]} of version {record.version}"
            f"{', which is assigned: workers cannot load it' if record.version in at_work else ''}"
            for record in bundles
        ),
        *(
            f"the store {store.url} lacks the crop reference {digest[:12]} of station {key}: its photos wait"
            for key, digest in references.items()
        ),
    ]

"""Hand a model version over: the bundle to the artifact store, its name to the registry, and perhaps into force."""

from pathlib import Path

from shared.errors import LinegateError
from shared.registry.client import Registry
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, StationConfig, VersionRecord
from shared.settings import Settings
from shared.signing import sign_artifact
from shared.signing.keys import signing_key
from shared.store import ArtifactStore
from training.data.crops import CropPolicy


class PublishRejected(LinegateError):
    """The version cannot be put in force as asked."""


def able_to_sign(settings: Settings, *, wanted: bool) -> Settings:
    """The settings as they are, once it is known that their signing key, if any, can be used.

    Raises:
        KeyRejected: it cannot, and signing is wanted.
    """
    if wanted:
        signing_key(settings.signing)
    return settings


def register(bundle: Path, record: VersionRecord, papers: list[Path], settings: Settings) -> None:
    """Store the bundle with its papers (report, card) beside it, sign it where a key is set, then register the version.

    In this order, so that no registered version lacks its bundle or its signature.

    Raises:
        KeyRejected: the signing key cannot be used.
        StoreError: the store cannot be written.
        RegistryUnavailable: Redis does not answer.
        VersionExists: the name belongs to another bundle.
    """
    key = signing_key(settings.signing)
    store = ArtifactStore(settings.store)
    digest = store.put(bundle)
    if digest != record.digest:
        raise PublishRejected(f"{bundle} changed since it was written", hint="train again into a fresh folder")
    for paper in papers:
        store.put_named(digest, paper.name, paper)
    if key is not None:
        sign_artifact(store, digest, key)
    with Registry(settings.redis) as registry:
        registry.register(record)


def assign(key: PlaceKey, version: str, *, author: str, settings: Settings) -> int:
    """Make a registered version the champion at `key`; returns the revision.

    Raises:
        PublishRejected: a canary or shadow is under way there, which a plain assignment would end.
        RegistryUnavailable: Redis does not answer.
        RevisionConflict: somebody else changed the entry meanwhile.
    """
    with Registry(settings.redis) as registry:
        held = registry.snapshot().assignment(key)
        if held is not None and (held.record.canary is not None or held.record.shadow is not None):
            raise PublishRejected(
                f"a rollout is under way at {key}", hint="finish it, or use `linegate rollout` for this version"
            )
        expected = None if held is None else held.revision
        return registry.assign(key, Assignment(champion=version), expected=expected, author=author)


def set_station(
    key: PlaceKey, crop: CropPolicy, station: StationConfig, *, author: str, settings: Settings
) -> str | None:
    """Have the line crop at `key` as training did, where nothing is set there yet.

    Returns:
        None, or one line for people when the line will crop differently from the training.

    Raises:
        RegistryUnavailable: Redis does not answer.
        RevisionConflict: somebody else changed the entry meanwhile.
    """
    if crop == "none":
        return f"training took finished crops: see that the station of {key} makes the same"
    # Ground-truth corners stand for a perfect detector.
    wanted = station.model_copy(update={"policy": "mask_rcnn"}) if crop == "polygon" else station
    with Registry(settings.redis) as registry:
        held = registry.snapshot().stations.get(key.root)
        if held is None:
            registry.set_station(key, wanted, expected=None, author=author)
            return None
    if held.record == wanted:
        return None
    return f"the station of {key} crops differently ({held.record.policy}, {held.record.width} x {held.record.height})"

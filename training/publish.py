"""Hand a model version over: the bundle to the artifact store, its name to the registry, and perhaps into force."""

from collections.abc import Callable
from typing import Literal, TypeAlias

from shared.crop_recipe import CropRecipe
from shared.errors import LinegateError
from shared.events import TrainingSpec
from shared.registration_reference import unpack
from shared.registry import lifecycle
from shared.registry.client import Registry
from shared.registry.coupling import stations_at
from shared.registry.place_key import PlaceKey
from shared.registry.records import StationConfig, VersionRecord
from shared.settings import Settings
from shared.signing import sign_artifact
from shared.signing.keys import signing_key
from shared.store import ArtifactStore
from training.order import Made

Reference: TypeAlias = bytes | Literal["learn"] | None
"""What crops are registered to: content of a reference's file, one to be learnt, or nothing."""


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


def publish_version(
    made: Made, settings: Settings, *, before_register: Callable[[], None] = lambda: None
) -> VersionRecord:
    """Store the bundle with its papers (report, card) beside it, sign it where a key is set, then register the version.

    The reference that its crops were registered to is stored too. In this order, so that no registered version lacks
    its bundle or its signature.

    Args:
        made: by `training.make_version.make_version`.
        settings: of the store, the key and the registry.
        before_register: called right before the version is made known; what it raises keeps that from happening.

    Returns:
        The record that the registry holds.

    Raises:
        KeyRejected: the signing key cannot be used.
        StoreError: the store cannot be written.
        RegistryUnavailable: Redis does not answer.
        VersionExists: the name belongs to another bundle.
    """
    signing_key(settings.signing)
    store_version(made, ArtifactStore(settings.store))
    return make_known(made.record, settings, before_register=before_register)


def store_version(made: Made, store: ArtifactStore) -> None:
    """Store the bundle with its papers beside it, and the reference that its crops were registered to. No secret but
    the store's own is needed, so a machine that only fits can do it.

    Raises:
        PublishRejected: the bundle is not the one that was made.
        StoreError: the store cannot be written.
    """  # noqa: D205 - one sentence
    if (reference := made.papers.get("reference")) is not None:
        store.put(reference)
    digest = store.put(made.bundle)
    if digest != made.record.digest:
        raise PublishRejected(f"{made.bundle} changed since it was written", hint="train again into a fresh folder")
    for paper in made.papers.values():
        if paper != reference:
            store.put_named(digest, paper.name, paper)


def make_known(
    record: VersionRecord, settings: Settings, *, before_register: Callable[[], None] = lambda: None
) -> VersionRecord:
    """Sign a stored bundle where a key is set, then register its version. Doing it again is harmless.

    Args:
        record: of the version.
        settings: of the store, the key and the registry.
        before_register: see `publish_version`.

    Raises:
        KeyRejected, StoreError, RegistryUnavailable, VersionExists: see `publish_version`.
    """
    if (key := signing_key(settings.signing)) is not None:
        sign_artifact(ArtifactStore(settings.store), record.digest, key)
    with Registry(settings.redis) as registry:
        before_register()
        return registry.register(record)


def assign(key: PlaceKey, version: str, *, author: str, settings: Settings) -> int:
    """Make a registered version the champion at `key`, without a trial; returns the revision.

    The champion before stays warm: `linegate rollout rollback` puts it in force again.

    Raises:
        TransitionRejected: another version is on trial there.
        RegistryUnavailable: Redis does not answer.
        RevisionConflict: somebody else changed the entry meanwhile.
    """
    with Registry(settings.redis) as registry:
        held = registry.assignment(key)
        if held is not None and held.record.champion == version:
            return held.revision
        done = registry.advance(
            key,
            lambda held: lifecycle.promote(held, version, direct=True),
            action="promote",
            author=author,
            note="linegate train --assign",
            expected=None if held is None else held.revision,
        )
        return done.revision


def reference_of(spec: TrainingSpec, place: PlaceKey | None, settings: Settings) -> Reference:
    """What a spec's `reference` comes to; `auto` asks the registry for the station of exactly `place`.

    Raises:
        PublishRejected: a reference is asked for with a crop policy that takes none.
        ReferenceRejected: the artifact is no reference.
        StoreError: the store does not have it, or does not answer.
        RegistryUnavailable: Redis does not answer.
    """
    if spec.crop != "mask_rcnn":
        if spec.reference in ("auto", "none"):
            return None
        raise PublishRejected(f"a reference ({spec.reference[:12]}) goes with crop mask_rcnn only")
    match spec.reference:
        case "none":
            return None
        case "learn":
            return "learn"
        case "auto":
            return (None if place is None else reference_at(place, settings)) or "learn"
    content = ArtifactStore(settings.store).fetch(spec.reference).read_bytes()
    unpack(content)
    return content


def reference_at(key: PlaceKey, settings: Settings) -> bytes | None:
    """Content of the reference that the station of exactly `key` has its crops registered to; None: it has none.

    Raises:
        RegistryUnavailable: Redis does not answer.
        StoreError: the store does not have it, or does not answer.
    """
    with Registry(settings.redis) as registry:
        held = registry.stations().get(key.root)
    if held is None or held.record.reference is None:
        return None
    return ArtifactStore(settings.store).fetch(held.record.reference).read_bytes()


def set_station(
    key: PlaceKey, recipe: CropRecipe | None, presence: float, *, author: str, settings: Settings
) -> list[str]:
    """Have the line crop at `key` as training did, where nothing is set there yet, or all but the reference is.

    Returns:
        Lines for people: what was changed, and whether the line will crop differently from the training.

    Raises:
        RegistryUnavailable: Redis does not answer.
        RevisionConflict: somebody else changed the entry meanwhile.
    """
    if recipe is None:
        return [f"training took finished crops: see that the station of {key} makes the same"]
    with Registry(settings.redis) as registry:
        held = registry.stations().get(key.root)
        before = StationConfig(**recipe.model_dump(), presence=presence) if held is None else held.record
        wanted = before if recipe.reference is None else before.model_copy(update={"reference": recipe.reference})
        if held is not None and (wanted == before or recipe.differences(wanted.recipe())):
            differences = recipe.differences(before.recipe())
            told = "; ".join(differences)
            return (
                [f"warning: the station of {key} crops differently (training, station): {told}"] if differences else []
            )
        revision = registry.set_station(key, wanted, expected=None if held is None else held.revision, author=author)
    if wanted.reference is None:
        return []
    return [f"crops at {key} are registered to reference {wanted.reference[:12]} since revision {revision}"]


def settle_station(record: VersionRecord, *, author: str, settings: Settings) -> list[str]:
    """Have the line crop as a candidate's training did, at its place, where nothing says how it crops. What is set
    stays: other versions may judge by it.

    Args:
        record: of the candidate, registered.
        author: who, for the audit.
        settings: of the registry.

    Returns:
        Warnings for people: where the line crops otherwise than this version needs it.

    Raises:
        RegistryUnavailable: Redis does not answer.
        RevisionConflict: somebody set the station at the same moment; call again.
    """  # noqa: D205 - one sentence
    key, recipe = record.place, record.crop
    if key is None:
        return []
    if recipe is None:
        return [f"training took finished crops: see that the station of {key} makes the same"]
    with Registry(settings.redis) as registry:
        stations = registry.stations()
        if any(PlaceKey(text).overlaps(key) for text in stations):
            return [
                f"station {entry} makes other crops than this version needs (version, station): "
                f"{'; '.join(differences)}"
                for entry, station in stations_at(stations, key)
                if (differences := recipe.differences(station.recipe()))
            ]
        # A version that judges there without an entry does so on crops of the default kind.
        others = [other.version for other in registry.versions() if _may_judge(other, record)]
        if others:
            told = f"no station is set at {key}, where {', '.join(others[:3])}, made for other crops, may judge"
            return [f"{told}: it was left so; `linegate rollout station {key}` sets it"]
        registry.set_station(key, StationConfig(**recipe.model_dump()), expected=None, author=author)
    return []


def _may_judge(other: VersionRecord, candidate: VersionRecord) -> bool:
    """Whether another version may be at work at a candidate's place, on crops of another kind."""
    if other.version == candidate.version or candidate.place is None:
        return False
    there = other.place is None or other.place.overlaps(candidate.place)
    return there and other.crop != candidate.crop

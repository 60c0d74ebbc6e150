"""Hand a model version over: the bundle to the artifact store, its name to the registry, and perhaps into force."""

from collections.abc import Callable
from pathlib import Path

from shared.crop_recipe import CropRecipe
from shared.errors import LinegateError
from shared.registry.client import Registry
from shared.registry.place_key import PlaceKey
from shared.registry.records import Assignment, StationConfig, VersionRecord
from shared.settings import Settings
from shared.signing import sign_artifact
from shared.signing.keys import signing_key
from shared.store import ArtifactStore


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


def register(
    bundle: Path,
    record: VersionRecord,
    papers: list[Path],
    settings: Settings,
    *,
    reference: bytes | None = None,
    before_register: Callable[[], None] = lambda: None,
) -> VersionRecord:
    """Store the bundle with its papers (report, card) beside it, sign it where a key is set, then register the version.

    The reference that its crops were registered to is stored too.

    In this order, so that no registered version lacks its bundle or its signature. What `before_register` raises keeps
    the version from being made known.

    Returns:
        The record that the registry holds.

    Raises:
        KeyRejected: the signing key cannot be used.
        StoreError: the store cannot be written.
        RegistryUnavailable: Redis does not answer.
        VersionExists: the name belongs to another bundle.
    """
    key = signing_key(settings.signing)
    store = ArtifactStore(settings.store)
    if reference is not None:
        store.put_bytes(reference)
    digest = store.put(bundle)
    if digest != record.digest:
        raise PublishRejected(f"{bundle} changed since it was written", hint="train again into a fresh folder")
    for paper in papers:
        store.put_named(digest, paper.name, paper)
    if key is not None:
        sign_artifact(store, digest, key)
    with Registry(settings.redis) as registry:
        before_register()
        return registry.register(record)


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


def reference_at(key: PlaceKey, settings: Settings) -> bytes | None:
    """Content of the reference that the station of exactly `key` has its crops registered to; None: it has none.

    Raises:
        RegistryUnavailable: Redis does not answer.
        StoreError: the store does not have it, or does not answer.
    """
    with Registry(settings.redis) as registry:
        held = registry.snapshot().stations.get(key.root)
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
        held = registry.snapshot().stations.get(key.root)
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

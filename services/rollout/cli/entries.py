"""`linegate rollout assign|unassign|station`: entries of the registry as a whole."""

from typing import Annotated, Any, Literal

import typer

from services.rollout.cli.options import Expect, based_on, expected, open_registry, valid
from shared.cli.options import Author, Key, Note, place_key, who


def assign(  # noqa: PLR0917 - Typer reads the command line from the signature
    key: Key,
    champion: Annotated[str, typer.Option(help="The version that judges.")],
    canary: Annotated[str | None, typer.Option(help="A version on trial; needs --percent.")] = None,
    percent: Annotated[float | None, typer.Option(min=0, max=100, help="Share of the parts the canary judges.")] = None,
    shadow: Annotated[str | None, typer.Option(help="A version that only watches.")] = None,
    expect: Expect = None,
    author: Author = None,
    note: Note = "",
) -> None:
    """Set all roles of a key at once, whatever they were; the guard stays. For setting up, and for repair."""
    from services.rollout.cli import tables
    from shared.cli.tables import show
    from shared.registry import lifecycle
    from shared.registry.records import Assignment, Canary

    if (canary is None) != (percent is None):
        raise typer.BadParameter("--canary and --percent go together")
    trial = None if canary is None or percent is None else valid(Canary, version=canary, percent=percent)
    wanted = valid(Assignment, champion=champion, canary=trial, shadow=shadow)
    with open_registry() as registry:
        place = place_key(key)
        registry.advance(
            place,
            lambda held: lifecycle.assigned(held, wanted.champion, canary=wanted.canary, shadow=wanted.shadow),
            action="assign",
            author=who(author),
            note=note,
            expected=based_on(expect),
        )
        show(*tables.in_force(registry.snapshot(), place))


def unassign(key: Key, expect: Expect = None, author: Author = None, note: Note = "") -> None:
    """Remove an assignment; the next less specific one takes its place."""
    from services.rollout.cli import tables
    from shared.cli.tables import show
    from shared.errors import LinegateError

    with open_registry() as registry:
        place = place_key(key)
        held = registry.snapshot().assignment(place)
        if held is None:
            raise LinegateError(f"there is no assignment of {place}", hint="`linegate rollout list` shows all")
        registry.unassign(place, expected=held.revision if expect is None else expect, author=who(author), note=note)
        show(*tables.in_force(registry.snapshot(), place))


def station(  # noqa: PLR0917 - Typer reads the command line from the signature
    key: Key,
    policy: Annotated[
        Literal["mask_rcnn", "roi", "full_frame"] | None, typer.Option(help="How the part is found in the photo.")
    ] = None,
    polygon: Annotated[
        str | None,
        typer.Option(help="For roi: x,y x,y x,y x,y as fractions of the photo, from the label's top left, clockwise."),
    ] = None,
    height: Annotated[int | None, typer.Option(help="Largest crop height, in pixels.")] = None,
    width: Annotated[int | None, typer.Option(help="Largest crop width, in pixels.")] = None,
    presence: Annotated[float | None, typer.Option(help="Least confidence that counts as a found label.")] = None,
    orient: Annotated[bool | None, typer.Option("--orient/--no-orient", help="Turn into reading direction.")] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|SHA256|none",
            help="For mask_rcnn: what crops are registered to, a file that `linegate train` wrote or its sha256 in the "
            "store; none takes it away.",
        ),
    ] = None,
    expect: Expect = None,
    author: Author = None,
    note: Note = "",
) -> None:
    """Set how photos of a place are cropped; what is not named stays as the entry has it."""
    from services.rollout.cli import tables
    from shared.cli.tables import show
    from shared.registry.records import StationConfig

    named = {"policy": policy, "height": height, "width": width, "presence": presence, "orient": orient}
    changes: dict[str, Any] = {name: value for name, value in named.items() if value is not None}
    if polygon is not None:
        changes["polygon"] = _corners(polygon)
    elif policy in ("mask_rcnn", "full_frame"):
        changes["polygon"] = None
    if reference is not None:
        changes["reference"] = None if reference == "none" else _reference(reference)
    elif policy in ("roi", "full_frame"):
        changes["reference"] = None
    with open_registry() as registry:
        place = place_key(key)
        held = registry.snapshot().stations.get(str(place))
        before = held.record.model_dump() if held else {}
        changed = valid(StationConfig, **(before | changes))
        based = expected(expect, held.revision if held else None)
        registry.set_station(place, changed, expected=based, author=who(author), note=note)
        show(*tables.in_force(registry.snapshot(), place))


def _reference(text: str) -> str:
    """The sha256 of a reference that is in the store and can be read; a file is put there first."""
    import re
    from pathlib import Path

    from shared.registration_reference import unpack
    from shared.settings import load_settings
    from shared.store import ArtifactStore

    store = ArtifactStore(load_settings().store)
    if re.fullmatch(r"[0-9a-f]{64}", text):
        # Asked of the store itself: what only this machine's cache has would never reach the workers.
        if not store.exists(text):
            raise typer.BadParameter(f"the artifact store {store.url} has no {text}", param_hint="--reference")
        unpack(store.fetch(text).read_bytes())
        return text
    try:
        content = Path(text).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"cannot read {text}: {error.strerror}", param_hint="--reference") from None
    unpack(content)
    return store.put_bytes(content)


def _corners(text: str) -> tuple[tuple[float, ...], ...]:
    try:
        return tuple(tuple(float(number) for number in corner.split(",")) for corner in text.split())
    except ValueError:
        raise typer.BadParameter(
            "four corners such as '0.1,0.2 0.9,0.2 0.9,0.8 0.1,0.8'", param_hint="--polygon"
        ) from None

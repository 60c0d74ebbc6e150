"""`linegate rollout`: say and change which model version judges where."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

from services.rollout.judge_cli import judge

if TYPE_CHECKING:
    from shared.registry.client import Registry
    from shared.registry.place_key import PlaceKey

ModelT = TypeVar("ModelT")
app = typer.Typer(help="Say and change which model version judges where.", no_args_is_help=True)
app.command()(judge)

Key = Annotated[
    str,
    typer.Argument(
        help="plant/line/station/layout/camera; * or nothing stands for any, e.g. munich/line-1.", metavar="KEY"
    ),
]
Expect = Annotated[
    int | None,
    typer.Option(help="Change only if the entry still has this revision (0: only if there is none). See `show`."),
]
Author = Annotated[str | None, typer.Option(help="Who changes it; your user name by default.")]


@app.command("list")
def list_() -> None:
    """Every assignment and every station configuration."""
    from services.rollout import tables

    with _registry() as registry:
        snapshot = registry.snapshot()
    tables.show(tables.assignments(snapshot), tables.stations(snapshot))


@app.command()
def show(key: Key) -> None:
    """What is in force at a place, and by which entry."""
    from services.rollout import tables

    with _registry() as registry:
        tables.show(*tables.in_force(registry.snapshot(), _key(key)))


@app.command()
def assign(  # noqa: PLR0917 - Typer reads the command line from the signature
    key: Key,
    champion: Annotated[str, typer.Option(help="The version that judges.")],
    canary: Annotated[str | None, typer.Option(help="A version on trial; needs --percent.")] = None,
    percent: Annotated[float | None, typer.Option(min=0, max=100, help="Share of the parts the canary judges.")] = None,
    shadow: Annotated[str | None, typer.Option(help="A version that only watches.")] = None,
    expect: Expect = None,
    author: Author = None,
) -> None:
    """Put an assignment in force; it replaces the entry of that key as a whole."""
    from services.rollout import tables
    from shared.registry.records import Assignment, Canary

    if (canary is None) != (percent is None):
        raise typer.BadParameter("--canary and --percent go together")
    trial = None if canary is None or percent is None else _valid(Canary, version=canary, percent=percent)
    assignment = _valid(Assignment, champion=champion, canary=trial, shadow=shadow)
    with _registry() as registry:
        place = _key(key)
        held = registry.snapshot().assignment(place)
        expected = _expected(expect, held.revision if held else None)
        registry.assign(place, assignment, expected=expected, author=author or getpass.getuser())
        tables.show(*tables.in_force(registry.snapshot(), place))


@app.command()
def unassign(key: Key, expect: Expect = None, author: Author = None) -> None:
    """Remove an assignment; the next less specific one takes its place."""
    from services.rollout import tables
    from shared.errors import LinegateError

    with _registry() as registry:
        place = _key(key)
        held = registry.snapshot().assignment(place)
        if held is None:
            raise LinegateError(f"there is no assignment of {place}", hint="`linegate rollout list` shows all")
        expected = held.revision if expect is None else expect
        registry.unassign(place, expected=expected, author=author or getpass.getuser())
        tables.show(*tables.in_force(registry.snapshot(), place))


@app.command()
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
) -> None:
    """Set how photos of a place are cropped; what is not named stays as the entry has it."""
    from services.rollout import tables
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
    with _registry() as registry:
        place = _key(key)
        held = registry.snapshot().stations.get(str(place))
        before = held.record.model_dump() if held else {}
        changed = _valid(StationConfig, **(before | changes))
        expected = _expected(expect, held.revision if held else None)
        registry.set_station(place, changed, expected=expected, author=author or getpass.getuser())
        tables.show(*tables.in_force(registry.snapshot(), place))


@app.command()
def versions() -> None:
    """Every registered model version, newest first."""
    from services.rollout import tables

    with _registry() as registry:
        tables.show(tables.versions(registry.versions()))


@app.command()
def history(
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1000, help="How many changes.")] = 20,
) -> None:
    """The latest changes, newest first: who, what, before and after."""
    from services.rollout import tables

    with _registry() as registry:
        tables.show(tables.history(registry.history(count)))


@contextmanager
def _registry() -> Iterator["Registry"]:
    from shared.registry.client import Registry
    from shared.settings import load_settings

    with Registry(load_settings().redis) as registry:
        yield registry


def _key(text: str) -> "PlaceKey":
    from pydantic import ValidationError

    from shared.registry.place_key import PlaceKey

    try:
        return PlaceKey.parse(text)
    except ValidationError:
        raise typer.BadParameter(
            f"{text!r} is no key: plant/line/station/layout/camera, lower case, * for any, camera stationary or mobile"
        ) from None


def _valid(model: type[ModelT], **fields: object) -> ModelT:
    from pydantic import ValidationError

    try:
        return model(**fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        told = first["msg"].removeprefix("Value error, ")
        raise typer.BadParameter(f"{where}: {told}" if where else told) from None


def _expected(asked: int | None, held: int | None) -> int | None:
    """The revision a change is based on: what the caller saw, else what is there now. Revisions begin with 1."""
    return held if asked is None else (asked or None)


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

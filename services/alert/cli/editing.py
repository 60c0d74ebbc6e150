"""`linegate subscriptions add` and `edit`: by a file, or by options for the common cases."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from services.alert.cli.options import Name
from shared.cli.options import Author, who

if TYPE_CHECKING:
    from services.alert.cli.stores import Stores
    from shared.alerts.subscription import Subscription

_PLACE: Final = "Where"
_WHAT: Final = "What and when"
_WHOM: Final = "Whom to tell"
File = Annotated[
    Path | None,
    typer.Option("--file", exists=True, dir_okay=False, help="A whole subscription, TOML or JSON, instead of options."),
]
Plant = Annotated[str | None, typer.Option(help="The plant, e.g. munich; * for any.", rich_help_panel=_PLACE)]
Line = Annotated[str | None, typer.Option(help="Only this line.", rich_help_panel=_PLACE)]
Station = Annotated[str | None, typer.Option(help="Only this station.", rich_help_panel=_PLACE)]
Layout = Annotated[str | None, typer.Option(help="Only labels of this layout.", rich_help_panel=_PLACE)]
Camera = Annotated[str | None, typer.Option(help="stationary or mobile.", rich_help_panel=_PLACE)]
When = Annotated[
    str | None,
    typer.Option(
        metavar="CONDITION",
        help="each-fail, fails=3/10m, fail-rate=1h, same-region=3, no-photos=10m, no-verdicts=10m, "
        "dead-letters=5/10m, fault=drift|rollout|any.",
        rich_help_panel=_WHAT,
    ),
]
Title = Annotated[str | None, typer.Option(help="What people call it.", rich_help_panel=_WHAT)]
Severity = Annotated[
    Literal["warning", "error", "critical"] | None, typer.Option(help="How bad it is.", rich_help_panel=_WHAT)
]
GroupBy = Annotated[
    str | None,
    typer.Option(
        metavar="FIELDS",
        help="Places that differ in these have alerts of their own, e.g. line,station; part.",
        rich_help_panel=_WHAT,
    ),
]
Hours = Annotated[
    str | None,
    typer.Option(
        metavar="HOURS",
        help="When it is awake, e.g. 'mon-fri 06:00-14:00 Europe/Berlin'; none: always.",
        rich_help_panel=_WHAT,
    ),
]
Repeat = Annotated[
    str | None, typer.Option(metavar="DURATION", help="Tell again after this time; 0: never.", rich_help_panel=_WHAT)
]
ResolveAfter = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help="It is over when nothing came for so long.", rich_help_panel=_WHAT),
]
Enabled = Annotated[bool | None, typer.Option("--enabled/--disabled", help="Whether it works.", rich_help_panel=_WHAT)]
Webhooks = Annotated[
    list[str] | None, typer.Option("--webhook", metavar="URL|none", help="May be repeated.", rich_help_panel=_WHOM)
]
Emails = Annotated[
    list[str] | None, typer.Option("--email", metavar="ADDRESS|none", help="May be repeated.", rich_help_panel=_WHOM)
]
Topics = Annotated[
    list[str] | None,
    typer.Option("--mqtt", metavar="TOPIC|none", help="An andon light; may be repeated.", rich_help_panel=_WHOM),
]
EscalateAfter = Annotated[
    str | None,
    typer.Option(metavar="DURATION|none", help="Tell others where nobody acknowledges.", rich_help_panel=_WHOM),
]
EscalateEmails = Annotated[
    list[str] | None, typer.Option("--escalate-email", metavar="ADDRESS|none", rich_help_panel=_WHOM)
]
EscalateWebhooks = Annotated[
    list[str] | None, typer.Option("--escalate-webhook", metavar="URL|none", rich_help_panel=_WHOM)
]
EscalateTopics = Annotated[
    list[str] | None, typer.Option("--escalate-mqtt", metavar="TOPIC|none", rich_help_panel=_WHOM)
]
TellResolved = Annotated[
    bool | None,
    typer.Option("--tell-resolved/--no-tell-resolved", help="Tell the end too.", rich_help_panel=_WHOM),
]
Language = Annotated[Literal["en", "de"] | None, typer.Option(help="Of messages.", rich_help_panel=_WHOM)]
Expect = Annotated[int | None, typer.Option(min=1, help="Change only if it still has this revision. See `show`.")]


def add(  # noqa: PLR0917 - Typer reads the command line from the signature
    name: Name,
    file: File = None,
    plant: Plant = None,
    line: Line = None,
    station: Station = None,
    layout: Layout = None,
    camera: Camera = None,
    when: When = None,
    title: Title = None,
    severity: Severity = None,
    group_by: GroupBy = None,
    hours: Hours = None,
    repeat: Repeat = None,
    resolve_after: ResolveAfter = None,
    enabled: Enabled = None,
    webhook: Webhooks = None,
    email: Emails = None,
    mqtt: Topics = None,
    escalate_after: EscalateAfter = None,
    escalate_email: EscalateEmails = None,
    escalate_webhook: EscalateWebhooks = None,
    escalate_mqtt: EscalateTopics = None,
    tell_resolved: TellResolved = None,
    language: Language = None,
    author: Author = None,
) -> None:
    """Subscribe. The secrets of its webhooks are printed, this once."""
    options = {key: value for key, value in locals().items() if key not in ("name", "file", "author")}
    _put(name, file, options, None, author, new=True)


def edit(  # noqa: PLR0917 - as above
    name: Name,
    file: File = None,
    plant: Plant = None,
    line: Line = None,
    station: Station = None,
    layout: Layout = None,
    camera: Camera = None,
    when: When = None,
    title: Title = None,
    severity: Severity = None,
    group_by: GroupBy = None,
    hours: Hours = None,
    repeat: Repeat = None,
    resolve_after: ResolveAfter = None,
    enabled: Enabled = None,
    webhook: Webhooks = None,
    email: Emails = None,
    mqtt: Topics = None,
    escalate_after: EscalateAfter = None,
    escalate_email: EscalateEmails = None,
    escalate_webhook: EscalateWebhooks = None,
    escalate_mqtt: EscalateTopics = None,
    tell_resolved: TellResolved = None,
    language: Language = None,
    expect: Expect = None,
    author: Author = None,
) -> None:
    """Change a subscription: what is not named stays; a file replaces all of it. Webhooks keep their secrets."""
    options = {key: value for key, value in locals().items() if key not in ("name", "file", "expect", "author")}
    _put(name, file, options, expect, author, new=False)


def _put(
    name: str, file: Path | None, options: dict[str, Any], expect: int | None, author: str | None, *, new: bool
) -> None:
    from services.alert.cli import subscription_tables as tables
    from services.alert.cli.stores import known, open_stores
    from shared.errors import LinegateError
    from shared.registry.errors import RevisionConflict

    given = [option for option, value in options.items() if value is not None]
    if file is None and not given:
        raise typer.BadParameter("say what: --file, or e.g. --plant munich --when fails=3/10m --email a@example.com")
    if file is not None and given:
        raise typer.BadParameter(f"--file is the whole of it: --{given[0].replace('_', '-')} does not go with it")
    with open_stores() as stores:
        held = None if new else known(stores, name)
        before = (
            {} if held is None else {field: getattr(held.record, field) for field in type(held.record).model_fields}
        )
        wanted = _from_options(name, before, options) if file is None else _from_file(name, file)
        expected = None if held is None else held.revision if expect is None else expect
        try:
            stores.desk.put_subscription(wanted, expected=expected, author=who(author))
        except RevisionConflict as conflict:
            if new:
                raise LinegateError(
                    f"there is a subscription {name} already", hint="`linegate subscriptions edit` changes it"
                ) from None
            raise LinegateError(
                f"the subscription {name} was changed by somebody else: {_found(conflict)}",
                hint="`linegate subscriptions show` it, then repeat the change if it still makes sense",
            ) from None
        secrets = _new_secrets(stores, wanted)
        tables.show(*tables.one(stores, known(stores, name)), *tables.secrets(secrets))


def _found(conflict: Any) -> str:
    return "it was removed" if conflict.found is None else f"it is at revision {conflict.found}"


def _new_secrets(stores: "Stores", wanted: "Subscription") -> dict[str, str]:
    """Secrets for webhooks that have none yet, by channel."""
    kept = stores.desk.with_secrets()
    return {
        channel.name: stores.desk.new_secret(wanted.id, channel.name)
        for channel in wanted.all_channels()
        if channel.kind == "webhook" and f"{wanted.id}/{channel.name}" not in kept
    }


def _from_options(name: str, before: dict[str, Any], options: dict[str, Any]) -> "Subscription":
    from services.alert.cli.form import changed, plant_of
    from services.alert.cli.options import checked
    from shared.alerts.subscription import Subscription
    from shared.settings import load_settings

    for option in ("plant", "when"):
        if not before and options[option] is None:
            raise typer.BadParameter(f"a new subscription needs --{option}")
    zone = load_settings().plants.of(plant_of(before, options)).zone
    try:
        return checked(Subscription, changed(before, options, zone) | {"id": name})
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _from_file(name: str, file: Path) -> "Subscription":
    import json
    import tomllib

    from services.alert.cli.options import checked
    from shared.alerts.subscription import Subscription
    from shared.errors import LinegateError

    try:
        text = file.read_text(encoding="utf-8")
        fields = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        told = " ".join(str(getattr(error, "strerror", None) or error).split())
        raise LinegateError(f"cannot read {file}: {told}", hint="write TOML, or JSON in a file *.json") from None
    if not isinstance(fields, dict):
        raise LinegateError(f"{file} holds no subscription but a {type(fields).__name__}")
    if fields.get("id", name) != name:
        raise LinegateError(f"{file} is of the subscription {fields['id']}, not of {name}", hint="leave `id` out")
    wanted = {field: value for field, value in fields.items() if field not in ("owner", "revision")}
    try:
        return checked(Subscription, wanted | {"id": name})
    except ValueError as error:
        raise LinegateError(f"{file}: {error}", hint="docs/subscribe.md has an example") from None

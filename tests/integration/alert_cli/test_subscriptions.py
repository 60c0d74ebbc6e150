"""`linegate subscriptions` on a real Redis."""

import json
import re
import shlex
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from services.alert.cli.stores import Stores
from shared.alerts.channels import Email, Mqtt, Webhook
from shared.alerts.condition_text import parse_condition
from shared.alerts.conditions import CONDITIONS, FailsInWindow
from shared.alerts.delivery import Delivery
from shared.alerts.hours import ActiveHours
from shared.alerts.outbox import Outbox
from shared.alerts.records import Message
from shared.alerts.subscription import Subscription
from shared.errors import LinegateError
from shared.events import now
from shared.settings.sections import RedisSettings

pytestmark = pytest.mark.redis
Run = Callable[..., str]
PAGE = Path(__file__).parents[3] / "docs" / "subscribe.md"
COMMON = ("--plant", "munich", "--when", "fails=3/10m")


def held(stores: Stores, name: str = "damage") -> Subscription:
    """The subscription as Redis has it."""
    found = stores.desk.subscription(name)
    assert found is not None
    return found.record


def test_subscribing_by_options(subscriptions: Run, stores: Stores) -> None:
    """All of them; the secret is printed once, and `list` and `show` tell what was made."""
    said = subscriptions(
        "add", "damage", *COMMON, "--line", "line-1", "--title", "Damage", "--severity", "error",
        "--webhook", "https://hooks.example/x", "--email", "a@example.com", "--email", "b@example.com",
        "--mqtt", "andon/line-1", "--group-by", "line", "--repeat", "1h30m", "--resolve-after", "20m",
        "--hours", "mon-fri 06:00-14:00", "--escalate-after", "15m", "--escalate-email", "boss@example.com",
        "--tell-resolved", "--language", "de", "--author", "kim",
    )  # fmt: skip
    record = held(stores)
    assert str(record.scope) == "munich/line-1/*/*/*"
    assert record.condition == FailsInWindow(fails=3, minutes=10)
    assert record.channels == (
        Webhook(name="webhook", url="https://hooks.example/x"),
        Email(name="mail", to=("a@example.com", "b@example.com")),
        Mqtt(name="mqtt", topic="andon/line-1"),
    )
    assert record.hours == ActiveHours.model_validate(
        {"days": ("mon", "tue", "wed", "thu", "fri"), "begin": "06:00", "end": "14:00", "zone": "Europe/Berlin"}
    )
    assert record.escalation is not None
    assert (record.escalation.after_s, record.escalation.channels) == (
        900,
        (Email(name="escalation-mail", to=("boss@example.com",)),),
    )
    assert (record.severity, record.repeat_s, record.resolve_after_s, record.group_by) == (
        "error",
        5400,
        1200,
        ("line",),
    )
    assert (record.tell_resolved, record.language, record.owner, record.enabled) == (True, "de", "kim", True)
    secret = stores.desk.secret("damage", "webhook")
    assert secret is not None
    assert f"secret of webhook, shown only now: {secret}" in said
    assert "warning: group_by: its alerts name no plant" in said
    for told in (subscriptions("list"), subscriptions("show", "damage")):
        assert "munich/line-1/*/*/*" in told
        assert "fails=3/10m" in told
        assert "mon-fri 06:00-14:00 Europe/Berlin" in told
        assert secret not in told


def test_what_is_not_named_stays(subscriptions: Run, stores: Stores) -> None:
    """Field by field, channels by kind; a webhook keeps its name and with it its secret."""
    subscriptions("add", "damage", *COMMON, "--webhook", "https://a.example", "--email", "a@example.com")
    secret = stores.desk.secret("damage", "webhook")
    said = subscriptions("edit", "damage", "--webhook", "https://b.example", "--webhook", "https://c.example")
    assert "secret of webhook-2" in said
    assert "secret of webhook," not in said
    record = held(stores)
    assert [channel.name for channel in record.channels] == ["webhook", "webhook-2", "mail"]
    assert stores.desk.secret("damage", "webhook") == secret
    subscriptions("edit", "damage", "--line", "line-2", "--hours", "22:00-06:00")
    subscriptions("edit", "damage", "--station", "st-1", "--escalate-mqtt", "andon/boss", "--webhook", "none")
    record = held(stores)
    assert str(record.scope) == "munich/line-2/st-1/*/*"
    assert [channel.name for channel in record.channels] == ["mail"]
    assert record.hours is not None
    assert record.hours.zone == "Europe/Berlin"
    assert record.escalation is not None
    assert record.escalation.after_s == 900
    subscriptions("edit", "damage", "--escalate-after", "1h")
    assert held(stores).escalation == record.escalation.model_copy(update={"after_s": 3600})
    subscriptions("edit", "damage", "--escalate-after", "none", "--hours", "none", "--email", "none", "--disabled")
    record = held(stores)
    assert (record.escalation, record.hours, record.channels, record.enabled) == (None, None, (), False)
    assert record.condition == FailsInWindow(fails=3, minutes=10)


def test_subscribing_by_file(subscriptions: Run, stores: Stores, tmp_path: Path) -> None:
    """TOML or JSON; what `show --json` says may be given back."""
    file = tmp_path / "sub.toml"
    file.write_text(
        'scope = "munich"\nseverity = "critical"\n[condition]\nkind = "no_photos"\nminutes = 5\n'
        '[[channels]]\nkind = "mqtt"\nname = "lamp"\ntopic = "andon"\n[hours]\nbegin = 06:00:00\nend = 14:00:00\n'
    )
    subscriptions("add", "still", "--file", str(file))
    first = held(stores, "still")
    assert (first.severity, first.condition.kind, first.channels[0].name) == ("critical", "no_photos", "lamp")
    told = tmp_path / "sub.json"
    told.write_text(json.dumps({**json.loads(first.model_dump_json()), "title": "Still"}))
    subscriptions("edit", "still", "--file", str(told))
    assert held(stores, "still") == first.model_copy(update={"title": "Still", "owner": held(stores, "still").owner})
    wrong = {"scope": "munich", "condition": {"kind": "fails_in_window", "fails": 0}, "channels": [{"kind": "fax"}]}
    told.write_text(json.dumps(wrong))
    with pytest.raises(LinegateError) as caught:
        subscriptions("add", "more", "--file", str(told))
    assert str(caught.value) == (
        f"{told}: condition.fails: must be greater than or equal to 1; "
        "channels[0].kind: 'fax' is none of webhook, email, mqtt"
    )
    for text, reason in (
        ("{", "cannot read"),
        ("[]", "holds no subscription but a list"),
        ('{"id": "x"}', "is of the"),
    ):
        told.write_text(text)
        with pytest.raises(LinegateError, match=reason) as caught:
            subscriptions("add", "more", "--file", str(told))
        assert "\n" not in caught.value.line
    assert stores.desk.subscriptions().keys() == {"still"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("damage",), "say what: --file, or"),
        (("damage", "--plant", "munich"), "a new subscription needs --when"),
        (("damage", "--when", "each-fail"), "a new subscription needs --plant"),
        (("Damage", *COMMON), "lower-case letters"),
        (("damage", "--plant", "Munich", "--when", "each-fail"), "scope: 'Munich' is no plant"),
        (("damage", "--plant", "munich", "--when", "fails=3"), "--when: 'fails=3' is no condition"),
        (("damage", *COMMON, "--webhook", "ftp://x"), "channels[0].url: a webhook's address is an http or https URL"),
        (("damage", *COMMON, "--email", "nobody"), "'nobody' is no e-mail address"),
        (("damage", *COMMON, "--mqtt", "a/#"), "has no wildcard"),
        (("damage", *COMMON, "--hours", "soon"), "--hours: 'soon' are no hours"),
        (("damage", *COMMON, "--repeat", "often"), "--repeat: 'often' is no duration"),
        (("damage", *COMMON, "--repeat", "8d"), "repeat_s: must be less than or equal to"),
        (("damage", *COMMON, "--group-by", "part"), "only each_fail can group by part"),
        (("damage", *COMMON, "--escalate-after", "15m"), "nobody would be told"),
        (("damage", *COMMON, "--severity", "bad"), "'bad' is not one of"),
        (("damage", "--file", "pyproject.toml", "--plant", "munich"), "--plant does not go with it"),
        (("damage", "--file", "absent.toml"), "does not exist"),
    ],
)
def test_a_wrong_command_line_is_status_two(
    subscriptions: Run, stores: Stores, arguments: tuple[str, ...], told: str
) -> None:
    """With the reason; and nothing is made."""
    assert told in subscriptions("add", *arguments, status=2)
    assert stores.desk.subscriptions() == {}


def test_what_is_not_there_or_has_moved_is_told(subscriptions: Run) -> None:
    """One line with a hint."""
    for arguments in (("show",), ("edit", "--plant", "x"), ("remove",), ("deliveries",), ("secret", "c"), ("test",)):
        with pytest.raises(LinegateError, match="there is no subscription damage"):
            subscriptions(arguments[0], "damage", *arguments[1:])
    subscriptions("add", "damage", *COMMON, "--email", "a@example.com")
    with pytest.raises(LinegateError, match="there is a subscription damage already"):
        subscriptions("add", "damage", *COMMON)
    with pytest.raises(LinegateError, match="was changed by somebody else: it is at revision 1"):
        subscriptions("edit", "damage", "--line", "x", "--expect", "9")
    for command in ("secret", "test", "enable"):
        with pytest.raises(LinegateError, match=r"has no (webhook|channel) fax"):
            subscriptions(command, "damage", "fax")
    with pytest.raises(LinegateError, match="has no webhook mail"):
        subscriptions("secret", "damage", "mail")
    with pytest.raises(LinegateError, match="there is no message nothing"):
        subscriptions("redrive", "nothing")
    assert "is removed" in subscriptions("remove", "damage")
    assert "No subscriptions yet" in subscriptions("list")


def test_the_page_works_as_it_stands_there(subscriptions: Run, stores: Stores, tmp_path: Path) -> None:
    """The first command, the file, and every form of a condition."""
    page = PAGE.read_text(encoding="utf-8")
    (command,) = re.findall(r"^linegate subscriptions (add line-1-damage .*\\\n.*)$", page, flags=re.MULTILINE)
    subscriptions(*shlex.split(command.replace("\\\n", " ")))
    (text,) = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    file = tmp_path / "sub.toml"
    file.write_text(text)
    subscriptions("edit", "line-1-damage", "--file", str(file))
    assert [channel.name for channel in held(stores, "line-1-damage").all_channels()] == ["mes", "shift", "boss"]
    # Names are kept by options as well, and no name is given twice.
    hooks = ("--webhook", "https://a.example", "--webhook", "https://b.example")
    subscriptions("edit", "line-1-damage", *hooks, "--mqtt", "andon")
    names = [channel.name for channel in held(stores, "line-1-damage").all_channels()]
    assert names == ["mes", "webhook", "shift", "mqtt", "boss"]
    rows = re.findall(r"^\| (`.*`) \| (?:for|when) ", page, flags=re.MULTILINE)
    conditions = [parse_condition(told) for row in rows for told in re.findall(r"`([^`]*)`", row)]
    assert {condition.kind for condition in conditions} == set(CONDITIONS)


def test_a_new_secret(subscriptions: Run, stores: Stores) -> None:
    """Printed alone on a line, so that a pipe can take it; the former one is void."""
    subscriptions("add", "damage", *COMMON, "--webhook", "https://a.example")
    before = stores.desk.secret("damage", "webhook")
    (made,) = re.findall(r"whsec_\S+", subscriptions("secret", "damage", "webhook"))
    assert made == stores.desk.secret("damage", "webhook") != before


def test_a_test_waits_for_its_delivery(subscriptions: Run, settings: RedisSettings) -> None:
    """Delivered: status 0; given up, or not tried in time: status 1; what was given up is sent again."""
    subscriptions("add", "damage", *COMMON, "--email", "a@example.com")
    assert "does `linegate serve notify` run?" in subscriptions("test", "damage", "--wait", "0", status=1)
    outcomes = iter(["failed", "delivered"])
    stop = threading.Event()

    def deliver(outbox: Outbox) -> None:
        while not stop.wait(0.02):
            claimed = outbox.claim("damage/mail", lease_s=60)
            if claimed is not None and claimed.message is not None:
                outcome = next(outcomes)
                delivery = attempt(claimed.message, outcome)
                _ = outbox.give_up(claimed, delivery) if outcome == "failed" else outbox.done(claimed, delivery)
                if outcome == "delivered":
                    return

    with Outbox(settings) as outbox:
        first = outbox.claim("damage/mail", lease_s=60)
        assert first is not None
        assert first.message is not None
        outbox.done(first, attempt(first.message, "delivered"))
        worker = threading.Thread(target=deliver, args=(outbox,))
        worker.start()
        try:
            said = subscriptions("test", "damage", "mail", "--wait", "60s", status=1)
            assert "failed (kept) 550 no such box" in said
            assert "delivered" in subscriptions("test", "damage", "--wait", "60s")
        finally:
            stop.set()
            worker.join()
        (message,) = [one.message for one in outbox.recent("damage") if one.kept]
        assert f"{message} is in the outbox of damage/mail" in subscriptions("redrive", message)
        log = subscriptions("deliveries", "damage")
        assert message in log
        assert log.index("failed") > log.index("delivered")
        outbox.disable("damage", "mail", reason="410 Gone")
        shown = subscriptions("show", "damage")
        assert "disabled: 410 Gone; 1 waiting" in shown
        assert "gets messages again" in subscriptions("enable", "damage", "mail")
        assert "was not disabled" in subscriptions("enable", "damage", "mail")


def attempt(message: Message, outcome: str) -> Delivery:
    """An attempt at a message."""
    return Delivery.model_validate(
        {
            "message": message.id,
            "subscription": message.subscription,
            "channel": message.channel,
            "step": message.change.step,
            "alert": message.change.alert,
            "test": message.test,
            "attempt": 1,
            "outcome": outcome,
            "status": "250 OK" if outcome == "delivered" else "550 no such box",
            "seconds": 0.1,
            "time": now(),
        }
    )

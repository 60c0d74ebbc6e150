"""What is wrong with a subscription is told in one line for each field, whatever was written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.alerts.advice import warnings
from shared.alerts.channels import Webhook
from shared.alerts.conditions import CONDITIONS
from shared.alerts.findings import findings
from shared.alerts.subscription import Subscription
from shared.settings.sections import NetworkSettings

GOOD: dict[str, Any] = {"id": "x", "scope": "munich", "condition": {"kind": "each_fail"}}
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("a" * 5000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
kinds = st.sampled_from([*CONDITIONS, "webhook", "email", "mqtt", "none"])
tagged = st.dictionaries(
    st.sampled_from(["name", "url", "to", "topic", "fails", "minutes", "parts", "kinds", "\n"]), values, max_size=4
).flatmap(lambda fields: kinds.map(lambda kind: {**fields, "kind": kind}))
bodies = st.dictionaries(
    st.sampled_from([*Subscription.model_fields, "colour", "two\nlines", "\x1b[31m"]),
    values | tagged | st.lists(tagged, max_size=3) | st.fixed_dictionaries({"channels": st.lists(tagged, max_size=2)}),
    max_size=6,
)


@given(bodies)
def test_each_finding_is_one_line_about_a_field(body: dict[str, Any]) -> None:
    """No tag of a union, nothing a terminal would obey, and nothing endless; whatever is wrong is told."""
    try:
        Subscription.model_validate(GOOD | body)
    except ValidationError as error:
        found = findings(error)
        assert found
        for one in found:
            assert str(one).isprintable()
            assert len(str(one)) < 900
            assert one.message
            steps = one.field.replace("]", "").replace("[", ".").split(".")
            assert not set(steps) & {*CONDITIONS, "webhook", "email", "mqtt"}
            assert (
                steps[0] in {"", "scope", *body}
                or not steps[0].isprintable()
                or "\N{REPLACEMENT CHARACTER}" in one.field
            )


def test_an_address_that_failed_is_told_and_not_that_none_is_left() -> None:
    """Pydantic says both; a list that was empty is told as such."""
    mail = {"kind": "email", "name": "m", "to": ["nobody"]}
    for to, told in ((["nobody"], ["channels[0].to[0]"]), ([], ["channels[0].to"])):
        with pytest.raises(ValidationError) as caught:
            Subscription.model_validate(GOOD | {"channels": [mail | {"to": to}]})
        assert [one.field for one in findings(caught.value)] == told


@pytest.mark.parametrize(
    ("url", "allowed", "warned"),
    [
        ("https://hooks.example.com/x", (), False),
        ("https://8.8.8.8/", (), False),
        ("http://10.1.2.3/", (), True),
        ("http://10.1.2.3/", ("10.0.0.0/8",), False),
        ("http://localhost:8080/", (), True),
        ("http://localhost:8080/", ("localhost",), False),
        ("http://0x7f.1/", (), True),
        ("http://[fe80::1]/", (), True),
        ("http://[::ffff:169.254.169.254]/", (), True),
    ],
)
def test_addresses_that_nothing_is_delivered_to(url: str, allowed: tuple[str, ...], *, warned: bool) -> None:
    """As the network guard has it, without asking a name service."""
    hook = Webhook(name="hook", url=url)
    told = warnings(Subscription.model_validate(GOOD | {"channels": [hook]}), NetworkSettings(allow_private=allowed))
    assert bool(told) is warned
    assert all("nothing will be delivered there" in line for line in told)

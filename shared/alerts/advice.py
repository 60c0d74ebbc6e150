"""What is not wrong with a subscription, but will surprise whoever wrote it."""

from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlsplit

from shared.alerts.channels import Webhook
from shared.alerts.subscription import Subscription
from shared.network.guard import NetworkGuard, TargetRefused, TargetUnreachable
from shared.registry.place_key import WILDCARD
from shared.settings.sections import NetworkSettings

_LOOPBACK: Final = ("127.0.0.1", "::1")


def warnings(
    subscription: Subscription, network: NetworkSettings, *, has_secret: Callable[[str], bool] = lambda _: True
) -> list[str]:
    """One line each.

    Args:
        subscription: as it shall be.
        network: which private addresses may be delivered to.
        has_secret: whether the webhook of that name has its secret.
    """
    return list(_warnings(subscription, network, has_secret))


def _warnings(subscription: Subscription, network: NetworkSettings, has_secret: Callable[[str], bool]) -> Iterator[str]:
    guard = NetworkGuard(network, resolve=_without_asking)
    for channel in subscription.all_channels():
        if not isinstance(channel, Webhook):
            continue
        try:
            guard.addresses(urlsplit(channel.url).hostname or "", timeout_s=1.0)
        except TargetRefused as refused:
            hint = "" if refused.hint is None else f" ({refused.hint})"
            yield f"channel {channel.name}: nothing will be delivered there: {refused}{hint}"
        except TargetUnreachable:
            pass
        if not has_secret(channel.name):
            yield f"channel {channel.name}: it has no secret yet, so that nothing can be signed: make one"
    if subscription.scope.plant != WILDCARD and "plant" not in subscription.group_by:
        yield "group_by: its alerts name no plant, so that only those who may act at every plant will see them"


def _without_asking(host: str) -> tuple[str, ...]:
    """Only what every machine knows by itself (RFC 6761, 6.3): who writes a URL must not have us ask a name service."""
    if host == "localhost" or host.endswith(".localhost"):
        return _LOOPBACK
    raise OSError(f"{host} is not looked up here")

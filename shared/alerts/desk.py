"""Subscriptions, silences and webhook secrets in Redis, changed by compare-and-swap with an audit."""

import base64
import secrets
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, TypeVar

import structlog
from pydantic import BaseModel, ValidationError

from shared.alerts import scripts
from shared.alerts.records import Silence
from shared.alerts.subscription import Subscription
from shared.events import now
from shared.events.base import Model
from shared.registry.connection import Connected
from shared.registry.errors import RevisionConflict
from shared.registry.failures import faults

Table = Literal["subscriptions", "silences"]
_TABLES: Final[dict[Table, str]] = {"subscriptions": scripts.SUBSCRIPTIONS, "silences": scripts.SILENCES}
_SECRET_BYTES: Final = 32
RecordT = TypeVar("RecordT", Subscription, Silence)
_log = structlog.get_logger(__name__)


class HeldSubscription(Model):
    """A subscription as Redis holds it."""

    revision: int
    record: Subscription


class HeldSilence(Model):
    """A silence as Redis holds it."""

    revision: int
    record: Silence


class SubscriptionDesk(Connected):
    """Thread-safe. Every call is limited in time and raises `RegistryUnavailable` where Redis is away, refuses, or
    holds what is not understood.
    """  # noqa: D205 - the limits are the summary

    def position(self) -> str:
        """Changes with every change of a subscription or silence."""
        with faults():
            last: Any = self._redis.xrevrange(scripts.AUDIT, count=1)
            return last[0][0] if last else "0-0"

    def subscriptions(self) -> dict[str, HeldSubscription]:
        """All of them by id; one that is not understood (a newer version wrote it) is left out, and logged."""
        with faults():
            found: Any = self._redis.hgetall(scripts.SUBSCRIPTIONS)
        return {
            name: HeldSubscription(revision=revision, record=record)
            for name, revision, record in _understood(Subscription, found)
        }

    def subscription_names(self) -> frozenset[str]:
        """The ids of all that there are, understood or not."""
        with faults():
            found: Any = self._redis.hkeys(scripts.SUBSCRIPTIONS)
            return frozenset(found)

    def silences(self) -> dict[str, HeldSilence]:
        """All of them by id, also those that are over; one that is not understood is left out, and logged."""
        with faults():
            found: Any = self._redis.hgetall(scripts.SILENCES)
        return {
            name: HeldSilence(revision=revision, record=record)
            for name, revision, record in _understood(Silence, found)
        }

    def subscription(self, name: str) -> HeldSubscription | None:
        """One of them; None where there is none."""
        with faults():
            found: Any = self._redis.hget(scripts.SUBSCRIPTIONS, name)
            if found is None:
                return None
            revision, record = _entry(Subscription, found)
            return HeldSubscription(revision=revision, record=record)

    def silence(self, name: str) -> HeldSilence | None:
        """One of them; None where there is none."""
        with faults():
            found: Any = self._redis.hget(scripts.SILENCES, name)
            if found is None:
                return None
            revision, record = _entry(Silence, found)
            return HeldSilence(revision=revision, record=record)

    def put_subscription(self, record: Subscription, *, expected: int | None, author: str) -> int:
        """Make or change a subscription; answers its new revision.

        Args:
            record: as it shall be; its owner becomes `author`.
            expected: the revision that the change is based on; None where there is none yet.
            author: who.

        Raises:
            RevisionConflict: somebody else changed it meanwhile.
        """
        owned = record.model_copy(update={"owner": author})
        return self._configure("subscriptions", record.id, owned, expected=expected, author=author)

    def remove_subscription(self, name: str, *, expected: int, author: str) -> None:
        """Remove a subscription and its secrets. Raises as `put_subscription` does."""
        self._configure("subscriptions", name, None, expected=expected, author=author)
        with faults(changing=True):
            fields: Any = self._redis.hkeys(scripts.SECRETS)
            mine = [field for field in fields if field.startswith(f"{name}/")]
            if mine:
                self._redis.hdel(scripts.SECRETS, *mine)

    def put_silence(self, record: Silence, *, expected: int | None = None) -> int:
        """Make or change a silence. Raises as `put_subscription` does."""
        return self._configure("silences", record.id, record, expected=expected, author=record.by)

    def remove_silence(self, name: str, *, expected: int, author: str) -> None:
        """Remove a silence. Raises as `put_subscription` does."""
        self._configure("silences", name, None, expected=expected, author=author)

    def secret(self, subscription: str, channel: str) -> str | None:
        """The secret of a webhook, `whsec_...`; None where it has none yet."""
        with faults():
            found: Any = self._redis.hget(scripts.SECRETS, f"{subscription}/{channel}")
            return None if found is None else str(found)

    def with_secrets(self) -> frozenset[str]:
        """The webhooks that have a secret, each as `subscription/channel`."""
        with faults():
            found: Any = self._redis.hkeys(scripts.SECRETS)
            return frozenset(found)

    def new_secret(self, subscription: str, channel: str) -> str:
        """Make a secret for a webhook (Standard Webhooks: `whsec_` and 24 to 64 random bytes in base64).

        The receiver must be told: it is shown once, and the former one is no longer valid.
        """
        made = "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
        with faults(changing=True):
            self._redis.hset(scripts.SECRETS, f"{subscription}/{channel}", made)
        return made

    def first_secret(self, subscription: str, channel: str) -> str:
        """The secret of a webhook; one is made where it has none yet, and never in place of another's."""
        made = "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
        with faults(changing=True):
            self._redis.hsetnx(scripts.SECRETS, f"{subscription}/{channel}", made)
            found: Any = self._redis.hget(scripts.SECRETS, f"{subscription}/{channel}")
            return str(found)

    def _configure(
        self, table: Table, name: str, record: BaseModel | None, *, expected: int | None, author: str
    ) -> int:
        arguments = [
            table,
            name,
            "" if expected is None else str(expected),
            "" if record is None else record.model_dump_json(),
            author,
            now().isoformat(),
        ]
        keys = [scripts.REVISION, _TABLES[table], scripts.AUDIT]
        with faults(changing=True):
            answer: Any = self._redis.eval(scripts.CONFIGURE, len(keys), *keys, *arguments)
        outcome, value = str(answer[0]), str(answer[1])
        if outcome == "conflict":
            what = f"the {table.removesuffix('s')} {name}"
            raise RevisionConflict(what, expected=expected, found=int(value) if value else None)
        return int(value)


def _entry(kind: type[RecordT], text: str) -> tuple[int, RecordT]:
    revision, record = text.split(" ", 1)
    return int(revision), kind.model_validate_json(record)


def _understood(kind: type[RecordT], found: Mapping[str, str]) -> Iterator[tuple[str, int, RecordT]]:
    """What of a table is understood: one bad entry must not take the others away."""
    for name, text in sorted(found.items()):
        try:
            revision, record = _entry(kind, text)
            yield name, revision, record
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            _not_understood(kind, name, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
        except ValueError as error:
            _not_understood(kind, name, str(error))


def _not_understood(kind: type[BaseModel], name: str, reason: str) -> None:
    what = kind.__name__.lower()
    hint = "was it written by a newer version of Linegate? Until this one is updated, it is passed over"
    _log.error(f"a {what} is not understood", id=name, reason=reason, hint=hint)

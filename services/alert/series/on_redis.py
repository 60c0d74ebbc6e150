"""Series in Redis."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from services.alert import scripts
from services.alert.observation import Observation, milliseconds, moment
from services.alert.series.series import MOST_BEHIND, Addition, SeriesKey, Tallies, Tally
from shared.registry.connection import Connected
from shared.registry.failures import faults

_SPARE: Final = timedelta(hours=1)
"""How much longer than its horizon a series outlives its last observation."""


class RedisSeries(Connected):
    """See `Series`. Thread-safe; every call is limited in time."""

    def add(self, additions: Sequence[Addition]) -> None:
        """See `Series.add`; all in one round trip."""
        if not additions:
            return
        with faults(changing=True):
            pipeline = self._redis.pipeline(transaction=False)
            for key, seen, keep in additions:
                name = str(key)
                arguments = [
                    seen.member,
                    str(milliseconds(seen.time)),
                    "1" if seen.failed else "0",
                    str(_ms(keep.horizon)),
                    str(_ms(keep.horizon + _SPARE)),
                    "" if keep.fine is None else str(_ms(keep.fine)),
                    str(_ms(keep.coarse)),
                    str(_ms(keep.past + keep.horizon + _SPARE)),
                    name if keep.closes else "",
                    "0" if keep.newest else str(_ms(MOST_BEHIND)),
                ]
                prefixes = (scripts.SERIES, scripts.FINE, scripts.COARSE)
                keys = [*(prefix + name for prefix in prefixes), scripts.DUE, scripts.SETTLED]
                pipeline.eval(scripts.ADD, len(keys), *keys, *arguments)
            pipeline.execute()

    def settled(self, until: datetime) -> None:
        """See `Series.settled`."""
        with faults(changing=True):
            self._redis.eval(scripts.SETTLE, 1, scripts.SETTLED, str(milliseconds(until)))

    def latest(self, key: SeriesKey, before: datetime, count: int) -> list[Observation]:
        """See `Series.latest`."""
        if count <= 0:
            return []
        with faults():
            found: Any = self._redis.zrevrangebyscore(
                scripts.SERIES + str(key), f"({milliseconds(before)}", "-inf", start=0, num=count, withscores=True
            )
        return _observations(reversed(found))

    def between(self, key: SeriesKey, since: datetime, until: datetime) -> list[Observation]:
        """See `Series.between`."""
        with faults():
            found: Any = self._redis.zrangebyscore(
                scripts.SERIES + str(key), milliseconds(since), milliseconds(until), withscores=True
            )
        return _observations(found)

    def counts(self, key: SeriesKey) -> tuple[Tallies, Tallies]:
        """See `Series.counts`."""
        with faults():
            fine: Any = self._redis.hgetall(scripts.FINE + str(key))
            coarse: Any = self._redis.hgetall(scripts.COARSE + str(key))
        return _tallies(fine), _tallies(coarse)

    def due(self, before: datetime) -> list[SeriesKey]:
        """See `Series.due`."""
        with faults():
            names: Any = self._redis.zrangebyscore(scripts.DUE, "-inf", f"({milliseconds(before)}")
        return [SeriesKey.parse(name) for name in names]

    def decided_until(self, key: SeriesKey) -> datetime | None:
        """See `Series.decided_until`."""
        with faults():
            held: Any = self._redis.hget(scripts.DECIDED, str(key))
        return None if held is None else moment(int(held))

    def decided(
        self,
        key: SeriesKey,
        until: datetime,
        *,
        context: int | None = None,
        counts_from: tuple[int, int] | None = None,
    ) -> None:
        """See `Series.decided`."""
        name = str(key)
        keys = [scripts.SERIES + name, scripts.DECIDED, scripts.DUE]
        arguments = [name, str(milliseconds(until)), "" if context is None else str(context)]
        with faults(changing=True):
            self._redis.eval(scripts.DECIDE, len(keys), *keys, *arguments)
            if counts_from is not None:
                for prefix, first in zip((scripts.FINE, scripts.COARSE), counts_from, strict=True):
                    fields: Any = self._redis.hkeys(prefix + name)
                    if old := [field for field in fields if int(field.removesuffix("f")) < first]:
                        self._redis.hdel(prefix + name, *old)

    def forget(self, key: SeriesKey) -> None:
        """See `Series.forget`. What else there is of it expires."""
        with faults(changing=True):
            self._redis.zrem(scripts.DUE, str(key))
            self._redis.hdel(scripts.DECIDED, str(key))


def _observations(found: Iterable[tuple[str, float]]) -> list[Observation]:
    return [Observation.of_member(member, time) for member, time in found]


def _tallies(fields: dict[str, str]) -> dict[int, Tally]:
    return {
        int(name): Tally(int(parts), int(fields.get(name + "f", 0)))
        for name, parts in fields.items()
        if not name.endswith("f")
    }


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)

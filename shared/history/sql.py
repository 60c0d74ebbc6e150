"""Questions as SQL. Pure: what a person gave is a parameter, never a part of the text."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from shared.history.columns import CHECKS, COLUMNS
from shared.history.files import Files
from shared.history.question import Grouping, Scope
from shared.settings.plants import PlantsSettings, Shift

_EQUALS: Final = ("plant", "line", "station", "layout", "camera", "version", "decision", "part")
_PER_PLANT: Final = frozenset({"hour", "day", "shift", "shift_name", "plant", "line", "station"})
_NAMED: Final = frozenset({"line", "station", "layout", "camera", "version"})
_COUNTS: Final = """
    count(*) AS parts,
    count(*) FILTER (decision = 'fail') AS failed,
    count(*) FILTER (decision = 'fail' AND presence_result = 'fail') AS unfound,
    quantile_cont(latency_ms, [0.5, 0.95, 0.99]) FILTER (clock_skew_ms IS NULL) AS latency"""
_ONCE: Final = " QUALIFY row_number() OVER (PARTITION BY id ORDER BY judged, lies_at) = 1"
_COUNTED: Final = ("decision", "presence_result", "latency_ms", "clock_skew_ms")


@dataclass(slots=True)
class Query:
    """A statement that grows, with its parameters in the order of their question marks."""

    text: str = ""
    parameters: list[Any] = field(default_factory=list)

    def add(self, text: str, *parameters: Any) -> "Query":
        """More text, whose question marks stand for `parameters`."""
        self.text += text
        self.parameters.extend(parameters)
        return self

    def append(self, other: "Query") -> "Query":
        """Another statement's text and parameters."""
        return self.add(other.text, *other.parameters)


def summary(files: Files, by: Grouping, scope: Scope, plants: PlantsSettings) -> Query:
    """Counts by group: plant, line, name, begin, then the counts. The last row (`is_total`) is over all of them."""
    query = Query("WITH told AS (SELECT *, ").append(_local(plants)).add(" AS local FROM (")
    needed = {"plant", "captured", *_COUNTED, *({by} & _NAMED), *({"line"} if by == "station" else ())}
    query.append(_verdicts(files, scope, sorted(needed))).add(")), grouped AS (SELECT ")
    query.add("plant" if by in _PER_PLANT else "NULL::VARCHAR").add(" AS plant, ")
    query.add("line" if by == "station" else "NULL::VARCHAR").add(" AS line, ")
    query.append(_name(by, plants)).add(" AS name, ").append(_begin(by, plants)).add(" AS begin, ")
    query.add(", ".join(_COUNTED)).add(" FROM told) SELECT plant, line, name, begin, ")
    return query.add(
        f"GROUPING(plant, line, name, begin) > 0 AS is_total, {_COUNTS} FROM grouped "
        "GROUP BY GROUPING SETS ((plant, line, name, begin), ()) "
        "ORDER BY is_total, begin, plant NULLS LAST, line NULLS LAST, name NULLS LAST"
    )


def latest(files: Files, scope: Scope, *, limit: int) -> Query:
    """The newest rows by the shutter, `plant` first."""
    query = Query("SELECT * FROM (").append(_verdicts(files, scope, ["plant", *COLUMNS]))
    return query.add(") ORDER BY captured DESC, id LIMIT ?", limit)


def every(files: Files, scope: Scope, plants: PlantsSettings) -> Query:
    """All rows, oldest first by the shutter, with its time by the plant's clock as `local`."""
    query = Query("SELECT *, ").append(_local(plants)).add(" AS local FROM (")
    return query.append(_verdicts(files, scope, ["plant", *COLUMNS])).add(") ORDER BY captured, id")


def failed_checks(row: dict[str, Any]) -> tuple[str, ...]:
    """The checks that a row failed."""
    return tuple(check for check in CHECKS if row[f"{check}_result"] == "fail")


def _verdicts(files: Files, scope: Scope, columns: list[str]) -> Query:
    """The wanted columns of each verdict, each once."""
    names = ", ".join(columns)
    query = Query(f"SELECT {names} FROM (")  # noqa: S608 - our own names
    for kind, paths in (("whole", files.whole), ("pieces", files.pieces)):
        if paths:
            query.add("SELECT * FROM (").append(_rows(list(paths))).add(")").append(_where(scope))
            query.add(_ONCE if kind == "pieces" else "").add(" UNION ALL BY NAME ")
    # Columns that no file has, since all are of an earlier schema, are empty.
    empty = ", ".join(f"NULL::{kind} AS {name}" for name, kind in COLUMNS.items())
    return query.add(f"SELECT NULL::VARCHAR AS plant, {empty} WHERE false)")


def _rows(paths: list[str]) -> Query:
    return Query().add(
        "SELECT * FROM read_parquet(?, hive_partitioning = true, union_by_name = true, "
        "hive_types = {'plant': VARCHAR, 'date': DATE})",
        paths,
    )


def _where(scope: Scope) -> Query:
    query = Query(" WHERE true")
    for name in _EQUALS:
        value = getattr(scope, name)
        if value is not None:
            query.add(f" AND {name} = ?", value)
    if scope.plants is not None:
        query.add(" AND list_contains(?::VARCHAR[], plant)", list(scope.plants))
    if scope.since is not None:
        query.add(" AND captured >= ?::TIMESTAMPTZ", scope.since.isoformat())
    if scope.until is not None:
        query.add(" AND captured < ?::TIMESTAMPTZ", scope.until.isoformat())
    return query


def _local(plants: PlantsSettings) -> Query:
    """The clock of the plant when the photo was taken, without an offset."""
    return Query("timezone(").append(_zone(plants)).add(", captured)")


def _zone(plants: PlantsSettings) -> Query:
    query = Query("CASE plant")
    for name, plant in plants.named.items():
        query.add(" WHEN ? THEN ?", name, plant.zone)
    return query.add(" WHEN NULL THEN NULL ELSE ? END", plants.zone)


def _name(by: Grouping, plants: PlantsSettings) -> Query:
    if by in _NAMED:
        return Query(by)
    if by == "plant":
        return Query("plant")
    if by in {"shift", "shift_name"}:
        return Query("(").append(_shift(plants, "?", lambda shift, _: shift.name)).add(")::VARCHAR")
    return Query("NULL::VARCHAR")


def _begin(by: Grouping, plants: PlantsSettings) -> Query:
    """When the group begins, as an instant."""
    if by == "hour":
        # From the instant, not from the clock: the hour that comes twice in autumn is two hours.
        return Query("captured - (local - date_trunc('hour', local))")
    if by == "day":
        return Query("timezone(").append(_zone(plants)).add(", date_trunc('day', local))")
    if by == "shift":
        begin = _shift(plants, "date_trunc('day', local) + ?::INTERVAL", _after_midnight)
        return Query("timezone(").append(_zone(plants)).add(", (").append(begin).add(")::TIMESTAMP)")
    return Query("NULL::TIMESTAMPTZ")


def _shift(plants: PlantsSettings, value: str, of: Callable[[Shift, int], Any]) -> Query:
    """One value per shift: of the shift that the photo's local time lies in, by its plant.

    Args:
        plants: with their shifts.
        value: SQL with one question mark.
        of: its parameter, from the shift and the days by which it began earlier than the photo's day.
    """
    query = Query("CASE plant")
    for name, plant in plants.named.items():
        if not plant.shifts:
            continue
        query.add(" WHEN ? THEN CASE", name)
        for shift in reversed(plant.shifts):
            query.add(f" WHEN local::TIME >= ?::TIME THEN {value}", _clock(shift), of(shift, 0))
        # Before the first shift of the day it is still the last one of the day before.
        query.add(f" ELSE {value} END", of(plant.shifts[-1], 1))
    return query.add(" WHEN NULL THEN NULL END")  # a CASE without a branch is no SQL


def _clock(shift: Shift) -> str:
    return shift.begin.replace(tzinfo=None).isoformat()


def _after_midnight(shift: Shift, days_ago: int) -> str:
    begin = shift.begin
    return f"{begin.hour * 3600 + begin.minute * 60 + begin.second - days_ago * 86_400} seconds"

"""Rows: nothing of a verdict is lost in them, and no crash or redelivery loses or doubles one."""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.archive.metrics import ArchiveMetrics
from services.archive.parquet import merge
from services.archive.row import RowRejected, row_of
from services.archive.rows import RowWriter
from services.archive.tidy import Tidying
from shared.events import Check, Fallback, Timings, Verdict
from shared.evidence import EvidenceShelf
from shared.history import History, Scope
from shared.history.columns import COLUMNS, SCHEMA
from shared.history.files import HistoryFiles
from shared.settings import ArchiveSettings, StoreSettings
from shared.settings.plants import PlantsSettings
from tests.unit.services.archive.archived import LIMITS, NOON, archive, verdict
from tests.unit.services.labels.parts import STAMP


def rows_in(store: StoreSettings) -> list[dict[str, Any]]:
    """What the history answers, as the verdicts' rows are."""
    return list(History(store, PlantsSettings(), LIMITS).rows(Scope()))


def test_a_row_holds_what_the_verdict_says(tmp_path: Path) -> None:
    """Every column has its value after the way through Parquet; texts in any script, also with a null in them."""
    fallback = Fallback(assigned="us-2", arm="canary", reason="damaged")
    stamp = STAMP.model_copy(update={"fallback": fallback, "embedding": 1.5, "stale": True, "revision": 2**62})
    timings = Timings(
        fetch=1, decode=2, crop=3, score=4, model=5, batch=6, capture_to_verdict=-7.5, clock_skew=90_000
    )  # fmt: skip
    checks = tuple(
        Check.model_validate(
            {"name": name, "result": "skipped", "score": 1.25, "threshold": 2, "detail": f"läuft\0 {name} 標"}
        )
        for name in ("presence", "damage", "layout", "direction", "content")
    )
    checks = (checks[0].model_copy(update={"peak": (0.125, 1.0)}), *checks[1:])
    one = verdict("1", model=stamp, timings=timings, checks=checks, trace="0" * 32).lying_at(3, 12)
    archive(tmp_path, [one])
    (found,) = rows_in(StoreSettings(url=str(tmp_path)))
    assert found.keys() == {"plant", "local", *COLUMNS}
    expected = row_of(one, evidence=True)
    assert list(expected) == list(COLUMNS)
    assert None not in expected.values()
    assert expected["lies_at"] == "3@12"
    for name, value in expected.items():
        same = found[name].isoformat() if name in {"captured", "judged"} else found[name]
        assert same == value, name
    assert found["plant"] == "munich"


def test_each_file_says_its_schema(tmp_path: Path) -> None:
    """So that a later version can tell; and names where it came from."""
    archive(tmp_path, [verdict("1")])
    (path,) = tmp_path.rglob("*.parquet")
    assert path.parent.relative_to(tmp_path) == Path("history/plant=munich/date=2026-11-24")
    told = duckdb.execute("SELECT key::VARCHAR, value::VARCHAR FROM parquet_kv_metadata(?)", [str(path)]).fetchall()
    assert ("linegate_schema", str(SCHEMA)) in told
    assert not list(tmp_path.rglob("*.partial"))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"model": STAMP.model_copy(update={"revision": 2**63})}, "revision"),
        ({"timings": Timings.model_construct(batch=2**70)}, "batch"),
        ({"model": STAMP.model_copy(update={"kind": "\ud800"})}, "kind"),
    ],
)
def test_what_no_column_holds_is_told(more: dict[str, Any], told: str) -> None:
    """One such verdict must not hold up the others."""
    with pytest.raises(RowRejected, match=told):
        row_of(verdict("1").model_copy(update=more), evidence=False)


@given(
    text=st.text(max_size=30),
    score=st.floats(allow_nan=False, allow_infinity=False),
    latency=st.floats(allow_nan=False, allow_infinity=False),
)
def test_any_text_and_number_is_written_as_json(text: str, score: float, latency: float) -> None:
    """As DuckDB reads it."""
    check = Check(name="damage", result="skipped", score=score, detail=text)
    one = verdict("1", checks=(check,), timings=Timings(capture_to_verdict=latency))
    row = json.loads(json.dumps(row_of(one, evidence=False), ensure_ascii=False))
    assert (row["damage_score"], row["damage_detail"], row["latency_ms"]) == (score, text, latency)


class Broker:
    """Partitions of verdicts, what is committed of each, and a worker that may die."""

    def __init__(self, writer: RowWriter, partitions: Sequence[Sequence[Verdict]]) -> None:
        self._writer = writer
        self._partitions = partitions
        self._committed = [0] * len(partitions)

    @property
    def left(self) -> bool:
        """Whether something is not committed."""
        return any(done < len(part) for done, part in zip(self._committed, self._partitions, strict=True))

    def deliver(self, sizes: Sequence[int], *, dies: bool) -> None:
        """One batch of so many verdicts of each partition; it is committed unless the worker dies before."""
        ends = [
            min(done + size, len(p)) for done, size, p in zip(self._committed, sizes, self._partitions, strict=True)
        ]
        batch = [
            verdict
            for part, done, end in zip(self._partitions, self._committed, ends, strict=True)
            for verdict in part[done:end]
        ]
        self._writer.write((verdict, row_of(verdict, evidence=False)) for verdict in batch)
        if not dies:
            self._committed = ends


LIFE = st.tuples(
    st.lists(st.integers(0, 7), min_size=2, max_size=2),  # how many of each partition
    st.booleans(),  # whether the worker dies before it commits
    st.sampled_from(["nothing", "nothing", "merge", "merge, and die in it"]),
)


@settings(max_examples=8)
@given(life=st.lists(LIFE, max_size=4))
def test_any_batches_any_crashes_the_same_rows(life: list[Any]) -> None:
    """However the stream is cut, however often the worker dies, also while it merges: each verdict once."""
    store = StoreSettings(url=f"memory://rows/{uuid.uuid4().hex}")
    files, metrics = HistoryFiles(store), ArchiveMetrics()
    tidying = Tidying(files, EvidenceShelf(store), ArchiveSettings(), LIMITS, metrics)
    partitions = [
        [verdict(f"{p}-{n}", captured=NOON + timedelta(days=n % 2)).lying_at(p, n) for n in range(10)] for p in range(2)
    ]
    broker = Broker(RowWriter(files, LIMITS, metrics), partitions)
    for sizes, dies, then in life:
        broker.deliver(sizes, dies=dies)
        if then == "merge":
            tidying.merge(date(2026, 12, 1))
        elif then != "nothing":
            for day in list(files.days(Scope())):
                merge(files, day.path, files.of(day), LIMITS)
    while broker.left:
        broker.deliver([4, 4], dies=False)
    wanted = sorted((one.id, one.plant, one.captured) for part in partitions for one in part)
    for _ in range(2):
        found = sorted((row["id"], row["plant"], row["captured"].astimezone(UTC)) for row in rows_in(store))
        assert found == wanted
        tidying.merge(date(2026, 12, 1))
    assert all(len(files.of(day)) == 1 for day in files.days(Scope()))


def test_a_worker_thought_dead_takes_nothing_back(tmp_path: Path) -> None:
    """It wakes after another one has archived more from the same offset, and writes its shorter batch."""
    store = StoreSettings(url=str(tmp_path))
    writer = RowWriter(HistoryFiles(store), LIMITS, ArchiveMetrics())
    stream = [verdict(str(n)).lying_at(0, n) for n in range(9)]
    writer.write((one, row_of(one, evidence=False)) for one in stream)
    writer.write((one, row_of(one, evidence=False)) for one in stream[:2])
    assert len(rows_in(store)) == 9


def test_the_same_batch_again_is_the_same_file(tmp_path: Path) -> None:
    """Named by partition and offset of its first record."""
    writer = RowWriter(HistoryFiles(StoreSettings(url=str(tmp_path))), LIMITS, ArchiveMetrics())
    for _ in range(2):
        writer.write(
            (verdict(str(n)).lying_at(7, 40 + n), row_of(verdict(str(n)).lying_at(7, 40 + n), evidence=False))
            for n in range(3)
        )
    (path,) = tmp_path.rglob("*.parquet")
    assert path.name.startswith("p00007-0000000000000000040-")

"""What the history keeps of a verdict: one flat row, the same names in Parquet, in SQL and in CSV.

Columns may be added, and then `SCHEMA` grows; none is ever renamed or given another meaning. Files of an earlier schema
are read with the added columns empty.
"""

from typing import Final, get_args

from shared.events.verdict import CheckName

FOLDER: Final = "history"
"""Below the store's URL: `history/plant=<plant>/date=<YYYY-MM-DD>/*.parquet`, by the UTC day of the shutter."""
SCHEMA: Final = 1
"""Written into each file's metadata as `linegate_schema`."""
CHECKS: Final[tuple[CheckName, ...]] = get_args(CheckName)
_CHECK: Final = {"result": "VARCHAR", "score": "DOUBLE", "threshold": "DOUBLE", "detail": "VARCHAR"}
COLUMNS: Final[dict[str, str]] = {
    # The verdict and its part.
    "id": "VARCHAR",
    "image": "VARCHAR",
    "part": "VARCHAR",
    "line": "VARCHAR",
    "station": "VARCHAR",
    "layout": "VARCHAR",
    "camera": "VARCHAR",
    "captured": "TIMESTAMPTZ",
    "judged": "TIMESTAMPTZ",
    "decision": "VARCHAR",
    # Each check: pass, fail or skipped; empty where it was not made.
    **{f"{check}_{name}": kind for check in CHECKS for name, kind in _CHECK.items()},
    "peak_x": "DOUBLE",
    "peak_y": "DOUBLE",
    # The model that judged, and by whose order.
    "version": "VARCHAR",
    "digest": "VARCHAR",
    "kind": "VARCHAR",
    "arm": "VARCHAR",
    "assignment": "VARCHAR",
    "revision": "BIGINT",
    "stale": "BOOLEAN",
    "embedding": "DOUBLE",
    "fallback_assigned": "VARCHAR",
    "fallback_arm": "VARCHAR",
    "fallback_reason": "VARCHAR",
    # Where the time went, in milliseconds.
    "fetch_ms": "DOUBLE",
    "decode_ms": "DOUBLE",
    "crop_ms": "DOUBLE",
    "score_ms": "DOUBLE",
    "model_ms": "DOUBLE",
    "batch": "BIGINT",
    "latency_ms": "DOUBLE",
    "clock_skew_ms": "DOUBLE",
    # Where to look further.
    "trace": "VARCHAR",
    "photo": "VARCHAR",
    "crop": "VARCHAR",
    "evidence": "BOOLEAN",
    "lies_at": "VARCHAR",
}
"""Name -> DuckDB type of every column of a file. `plant` is not among them: it is in the path, and a column like these
when the file is read. `evidence`: the archive meant to keep the pictures. `lies_at`: the verdict's own record."""

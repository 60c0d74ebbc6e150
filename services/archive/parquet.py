"""Rows as Parquet files in the store, and several such files as one."""

import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from shared.history.columns import COLUMNS, SCHEMA
from shared.history.database import database
from shared.history.files import HistoryFiles
from shared.settings.archive import HistorySettings

_COPY: Final = f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA {{linegate_schema: '{SCHEMA}'}})"
_TYPES: Final = "{" + ", ".join(f"{name}: '{kind}'" for name, kind in COLUMNS.items()) + "}"


def write_rows(
    files: HistoryFiles, folder: str, stem: str, rows: Sequence[Mapping[str, Any]], limits: HistorySettings
) -> str:
    """Write rows as one file, whole or not at all; answers its path.

    Args:
        files: of the store.
        folder: the day's.
        stem: what the name begins with. The ids of the rows complete it, so that another set of rows is another file:
            nothing that was written is ever lost by what is written later, be it by a worker that was thought dead.
        rows: with every column.
        limits: on DuckDB.

    Raises:
        StoreUnavailable: the store cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="linegate-archive-", ignore_cleanup_errors=True) as work:
        lines = Path(work) / "rows.ndjson"
        with lines.open("w", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        made = Path(work) / "rows.parquet"
        with database(limits) as connection:
            connection.execute(
                f"COPY (SELECT * FROM read_json(?, format = 'newline_delimited', columns = {_TYPES}, "  # noqa: S608 - our own names
                f"maximum_object_size = 33554432)) TO ? {_COPY}",
                [str(lines), str(made)],
            )
        path = f"{folder}/{stem}-{_digest(row['id'] for row in rows)}.parquet"
        with files.store.faults():
            files.store.write(path, made.read_bytes())
        return path


def merge(files: HistoryFiles, folder: str, paths: Sequence[str], limits: HistorySettings) -> str:
    """Write one file with each verdict of `paths` once; answers its path, which may be one of them.

    Raises:
        StoreUnavailable: the store cannot be read or written, or another worker merged some of them meanwhile.
    """
    with tempfile.TemporaryDirectory(prefix="linegate-merge-", ignore_cleanup_errors=True) as work:
        local = [_local(files, path, Path(work) / f"{number}.parquet") for number, path in enumerate(paths)]
        made = Path(work) / "merged.parquet"
        with files.store.faults(), database(limits) as connection:
            # All columns, also those of a later schema than ours.
            connection.execute(
                "COPY (SELECT * FROM read_parquet(?, union_by_name = true, hive_partitioning = false) "  # noqa: S608 - ours
                "QUALIFY row_number() OVER (PARTITION BY id ORDER BY judged) = 1 "
                f"ORDER BY captured, id) TO ? {_COPY}",
                [local, str(made)],
            )
            ids = connection.execute("SELECT id FROM read_parquet(?) ORDER BY captured, id", [str(made)]).fetchall()
        path = f"{folder}/merged-{_digest(row[0] for row in ids)}.parquet"
        with files.store.faults():
            files.store.upload(made, path)
        return path


def _local(files: HistoryFiles, path: str, copy: Path) -> str:
    if files.store.local:
        return path
    with files.store.faults():
        files.store.system.get_file(path, str(copy))
    return str(copy)


def _digest(ids: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for id_ in ids:
        digest.update(id_.encode() + b"\n")
    return digest.hexdigest()[:16]

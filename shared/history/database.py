"""DuckDB, in this process and off the network: nothing is ever downloaded, memory has a limit."""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import duckdb

from shared.settings.archive import HistorySettings
from shared.store.files import StoreFiles

_OFFLINE: Final[dict[str, str | bool | int | float | list[str]]] = {
    # Parquet, JSON and time zones are built in; everything else would come from the network.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    # An extension that another user of this machine put in place is no business of ours.
    "allow_community_extensions": False,
}


@contextmanager
def database(settings: HistorySettings, store: StoreFiles | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database in memory, for one thread.

    Args:
        settings: memory and threads. What does not fit goes to a temporary folder, which is removed at the end.
        store: whose file system it is to read, where that is not local.
    """
    with tempfile.TemporaryDirectory(prefix="linegate-history-", ignore_cleanup_errors=True) as folder:
        connection = duckdb.connect(
            config={
                **_OFFLINE,
                "memory_limit": f"{settings.memory_mib}MiB",
                "threads": settings.threads,
                "temp_directory": folder,
            }
        )
        try:
            connection.execute("SET TimeZone = 'UTC'")
            if store is not None and not store.local:
                connection.register_filesystem(store.system)
            connection.execute("SET lock_configuration = true")
            yield connection
        finally:
            connection.close()


@contextmanager
def time_limit(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """What `connection` is asked inside ends with `duckdb.InterruptException` when it takes longer than `seconds`."""
    timer = threading.Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()

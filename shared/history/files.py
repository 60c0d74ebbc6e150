"""The files of the history, by plant and day."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.history.columns import FOLDER
from shared.history.question import Scope
from shared.settings.sections import StoreSettings
from shared.store.files import StoreFiles

SUFFIX: Final = ".parquet"
_PLANT: Final = re.compile(r"plant=([a-z0-9][a-z0-9._-]{0,62})")
_DATE: Final = re.compile(r"date=(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True, slots=True)
class Day:
    """One plant's folder of one day (of the shutter, in UTC)."""

    plant: str
    date: date
    path: str


@dataclass(frozen=True, slots=True)
class Files:
    """Addresses of files. One file holds no verdict twice, and neither do two of different plants or days."""

    whole: tuple[str, ...] = ()
    """Each the only one of its plant and day."""
    pieces: tuple[str, ...] = ()
    """Several of a plant and day: a verdict that was archived again is in two of them until they are merged."""

    def __bool__(self) -> bool:
        return bool(self.whole or self.pieces)


class HistoryFiles:
    """Finds the files. Thread-safe.

    Args:
        settings: where the store is.

    Raises:
        StoreUnavailable: the URL's file system has no driver installed.
    """

    def __init__(self, settings: StoreSettings) -> None:
        self.store: Final = StoreFiles(settings.url)

    def folder(self, plant: str, day: date) -> str:
        """Where the files of a plant's day lie."""
        return self.store.path(FOLDER, f"plant={plant}", f"date={day.isoformat()}")

    def days(self, scope: Scope) -> Iterator[Day]:
        """The folders that may hold verdicts of the scope, by plant and day; none in a store without history.

        Raises:
            StoreUnavailable: the store does not answer, or is not there.
        """
        top = self.store.path(FOLDER)
        for plant_folder in self.store.names(top):
            plant = _PLANT.fullmatch(plant_folder)
            if plant is None or not scope.covers_plant(plant[1]):
                continue
            for name in self.store.names(f"{top}/{plant_folder}"):
                found = _DATE.fullmatch(name)
                if found is not None and scope.covers_day(day := date.fromisoformat(found[1])):
                    yield Day(plant[1], day, f"{top}/{plant_folder}/{name}")

    def of(self, day: Day) -> list[str]:
        """The Parquet files of a day, sorted by name.

        Raises:
            StoreUnavailable: the store does not answer, or is not there.
        """
        return [f"{day.path}/{name}" for name in self.store.names(day.path) if name.endswith(SUFFIX)]

    def sizes(self, day: Day) -> dict[str, int]:
        """The Parquet files of a day, with their bytes.

        Raises:
            StoreUnavailable: the store does not answer, or is not there.
        """
        found: dict[str, int] = {}
        for path in self.of(day):
            with self.store.faults():
                try:
                    found[path] = int(self.store.system.info(path)["size"])
                except FileNotFoundError:  # merged by another worker
                    continue
        return found

    def remove(self, path: str) -> None:
        """Remove a file, or a folder with all that is in it, which may be gone already.

        Raises:
            StoreUnavailable: the store cannot be written.
        """
        with self.store.faults():
            try:
                self.store.system.rm(path, recursive=True)
            except FileNotFoundError:
                return

    def address(self, path: str) -> str:
        """A path as DuckDB opens it: plain where it is local, else the URL that fsspec knows."""
        return path if self.store.local else str(self.store.system.unstrip_protocol(path))

    def read(self, days: Iterable[Day]) -> Files:
        """The addresses of the files of some days.

        Raises:
            StoreUnavailable: the store does not answer, or is not there.
        """
        whole: list[str] = []
        pieces: list[str] = []
        for day in days:
            found = [self.address(path) for path in self.of(day)]
            (whole if len(found) == 1 else pieces).extend(found)
        return Files(tuple(whole), tuple(pieces))

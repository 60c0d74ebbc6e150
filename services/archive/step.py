"""Verdicts and maps in, nothing out on the bus: rows and pictures in the store."""

from collections.abc import Mapping, Sequence
from typing import Final

from services.archive.choice import Choice
from services.archive.pictures import PictureKeeper
from services.archive.row import RowRejected, row_of
from services.archive.rows import Row, RowWriter
from shared.bus.errors import KafkaFailedError
from shared.bus.step import DeadLetter, Emit, Result, Retry
from shared.errors import LinegateError
from shared.events import PartAnomalyMap, Verdict
from shared.faults import NO_FAULTS, FaultSink, Report
from shared.pixels import PixelsUnavailable
from shared.store import StoreUnavailable

DONE: Final = Emit(())


class ArchiveStep:
    """Writes each batch before its offsets are committed, so that nothing is lost; what comes again is harmless.

    Args:
        rows: the history.
        pictures: the evidence.
        choice: of which parts.
        faults: told when the store is away.
    """

    def __init__(
        self, rows: RowWriter, pictures: PictureKeeper, choice: Choice, *, faults: FaultSink = NO_FAULTS
    ) -> None:
        self._rows: Final = rows
        self._pictures: Final = pictures
        self._choice: Final = choice
        self._faults: Final = faults

    def __call__(self, batch: Sequence[Verdict | PartAnomalyMap]) -> list[Result]:
        """One result per event, in order."""
        rows: list[tuple[Verdict, Row]] = []
        rejected: dict[int, DeadLetter] = {}
        for place, event in enumerate(batch):
            if isinstance(event, Verdict):
                try:
                    rows.append((event, row_of(event, evidence=self._choice.keeps(event))))
                except RowRejected as reason:
                    rejected[place] = DeadLetter(str(reason))
        try:
            self._rows.write(rows)
        except StoreUnavailable as away:
            waits = self._wait(away)
            return [rejected.get(place, waits) for place in range(len(batch))]
        results = self._pictures_of(batch, rejected)
        if not any(isinstance(result, Retry) for result in results):
            self._faults.cleared("store_away")
        return results

    def _pictures_of(
        self, batch: Sequence[Verdict | PartAnomalyMap], rejected: Mapping[int, DeadLetter]
    ) -> list[Result]:
        results: list[Result] = []
        waits: Retry | None = None
        for place, event in enumerate(batch):
            result: Result | None = rejected.get(place) or waits
            if result is None:
                try:
                    result = self._picture(event)
                except (StoreUnavailable, KafkaFailedError, PixelsUnavailable) as away:
                    # The others would only wait as long for the same answer.
                    result = waits = self._wait(away)
            results.append(result)
        return results

    def _picture(self, event: Verdict | PartAnomalyMap) -> Result:
        if isinstance(event, PartAnomalyMap):
            kept = self._choice.keeps_map(event.plant, event.image)
            return (self._pictures.keep_map(event) if kept else None) or DONE
        if self._choice.keeps(event):
            self._pictures.keep(event)
        return DONE

    def _wait(self, away: LinegateError) -> Retry:
        if isinstance(away, StoreUnavailable):
            self._tell(away)
        return Retry(away.line)

    def _tell(self, away: StoreUnavailable) -> None:
        self._faults.raised(
            Report(
                "store_away",
                "error",
                f"verdicts wait to be archived: {away}",
                hint=away.hint or "store.url says where it is",
            )
        )

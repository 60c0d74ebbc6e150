"""Settle dead letters: each one once, whoever asks, however often, and however the asking ends.

What was decided about a letter is an event (`DeadLetterSettled`), written in one transaction with the record that is
sent again. All who settle do so under one transactional id: who comes later fences off who came before. So between
looking whether a letter is settled and settling it, nobody else can have settled it.
"""

from collections.abc import Sequence
from typing import Final, Literal, Self

from services.dlq.shelf import Settlements, settlements
from shared.bus.dead_letter import read_letter, revive
from shared.bus.envelope import encode
from shared.bus.errors import FencedError, TransactionAbortedError
from shared.bus.record import OutgoingRecord, Record
from shared.bus.settings import BusSettings
from shared.bus.transactions import Delivered, Follow, Transactions
from shared.errors import LinegateError
from shared.events import DeadLetterSettled, derived_event_id

TRANSACTIONAL_ID: Final = "linegate-dlq"
ATTEMPTS: Final = 3


class AlreadySettled(LinegateError):
    """Somebody has settled this letter before."""


class Desk:
    """Where letters are settled; one at a time in the whole cluster. A context manager.

    Args:
        settings: of the bus.
        by: who settles.
        note: why, or None.
    """

    def __init__(self, settings: BusSettings, *, by: str, note: str | None) -> None:
        self._settings: Final = settings
        self._by: Final = by
        self._note: Final = note
        self._transactions: Final = Transactions(settings, TRANSACTIONAL_ID)
        self._decided: Settlements = {}

    def __enter__(self) -> Self:
        """Take the desk; whoever sits at it is sent away.

        Raises:
            KafkaFailedError: Kafka does not answer.
        """
        self._transactions.start()
        # Not before: what the one before had under way is decided only now.
        self._decided = settlements(self._settings)
        return self

    def __exit__(self, *_: object) -> None:
        self._transactions.close()

    def replay(self, letter: Record) -> DeadLetterSettled:
        """Send the record of `letter` again, to the topic and partition it came from.

        Raises:
            AlreadySettled: it was sent again or given up before; nothing is done.
            LinegateError: Kafka did not take it, or somebody else has taken the desk.
            ValueError: `letter` is no dead letter of ours.
        """
        return self._settle(letter, "replayed", [revive(letter)])

    def drop(self, letter: Record) -> DeadLetterSettled:
        """Give `letter` up. Its bytes stay for the topic's retention time.

        Raises:
            AlreadySettled, LinegateError, ValueError: as for `replay`.
        """
        return self._settle(letter, "dropped", [])

    def _settle(
        self, record: Record, action: Literal["replayed", "dropped"], again: list[OutgoingRecord]
    ) -> DeadLetterSettled:
        letter = read_letter(record)
        place = str(letter.place)
        written: list[DeadLetterSettled] = []

        def settle(delivered: Sequence[Delivered]) -> Sequence[OutgoingRecord]:
            event = DeadLetterSettled(
                id=derived_event_id(place, "settled"),
                source="/linegate/dlq",
                letter=place,
                origin=str(letter.origin),
                action=action,
                by=self._by,
                note=self._note,
                replayed_to=str(delivered[0]) if delivered else None,
                attempt=letter.attempt,
            )
            written[:] = [event]
            return [encode(event)]

        for _ in range(ATTEMPTS):
            if (before := self._decided.get(place)) is not None:
                raise AlreadySettled(f"{place} was {before.action} by {before.by} on {before.time:%Y-%m-%d %H:%M %Z}")
            if self._published(again, settle):
                self._decided[place] = written[0]
                return written[0]
            # Aborted, or nobody knows: the next look tells, because the old transaction is decided by now.
            self._decided = settlements(self._settings)
            if self._decided.get(place) in written:
                return written[0]
        raise LinegateError(f"Kafka did not take {place} in {ATTEMPTS} attempts", hint="it is still open; try again")

    def _published(self, records: Sequence[OutgoingRecord], settle: Follow) -> bool:
        try:
            self._transactions.publish(records, {}, None, follow=settle)
        except TransactionAbortedError:
            return False
        except FencedError as error:
            raise LinegateError(
                "somebody else settles dead letters now", hint="what was settled stays settled; run it again"
            ) from error
        return True

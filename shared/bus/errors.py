"""What can end a worker. Each means: nothing uncommitted was published, start the process again."""

from shared.errors import LinegateError


class BusError(LinegateError):
    """The bus cannot go on in this process."""


class KafkaFailedError(BusError):
    """Kafka refused for good, fenced this worker off, or stayed away past the budget."""


class FencedError(KafkaFailedError):
    """Another process has taken the transactional id, or the broker has ended a transaction that took too long."""


class StepFailedError(BusError):
    """The step raised too often in a row."""


class DeadLetterFloodError(BusError):
    """More dead letters in a minute than allowed: somebody should look before a whole topic is set aside."""


class TransactionAbortedError(Exception):
    """One transaction did not happen, and the worker may go on from the committed offsets."""

"""Read all of the registry in Redis, and replace all of it, each as one step."""

import json
from typing import Any, Final

from shared.events.base import now
from shared.registry import scripts
from shared.registry.backup import Contents, contents_of, put_back
from shared.registry.connection import Connected
from shared.registry.errors import RevisionConflict
from shared.registry.failures import faults
from shared.settings.sections import RedisSettings

_SECONDS: Final = 60.0
"""For all of it at once; a worker's reading has `redis.timeout_s`."""


class RegistryArchive(Connected):
    """The registry behind one Redis URL, all at once.

    Args:
        settings: where Redis is.

    Raises:
        SettingsRejected: the URL is no Redis URL.
    """

    def __init__(self, settings: RedisSettings) -> None:
        super().__init__(settings, timeout_s=max(settings.timeout_s, _SECONDS))

    def read(self) -> Contents:
        """All of it, as it stands at one moment.

        Raises:
            RegistryUnavailable: Redis does not answer.
        """
        with faults():
            batch = self._redis.pipeline(transaction=True)
            batch.get(scripts.REVISION)
            batch.hgetall(scripts.VERSIONS)
            batch.hgetall(scripts.TABLES["assignments"])
            batch.hgetall(scripts.TABLES["stations"])
            batch.xrange(scripts.AUDIT)
            answers: Any = batch.execute()
            return contents_of(tuple(answers))

    def replace(self, there: Contents, source: Contents, *, above: int, author: str, note: str) -> int:
        """Put `source` in the place of `there`, with one more entry in the audit that says so.

        Args:
            there: what was read, and must still be there.
            source: what is to be in force; see that it is `understood` first.
            above: the new revision is greater than this one, too.
            author: who.
            note: why, and from where.

        Returns:
            The new revision.

        Raises:
            BackupRejected: the audits of the two do not fit together.
            RevisionConflict: the registry was changed since it was read. Nothing was replaced.
            RegistryUnavailable: Redis does not answer.
        """
        new = put_back(there, source, above=above)
        rows = [
            json.dumps([row.id, *(part for field in row.fields.items() for part in field)], ensure_ascii=False)
            for row in new.audit
        ]
        tables = (new.versions, new.assignments, new.stations)
        arguments = [
            str(there.revision),
            there.position,
            str(new.revision),
            author,
            now().isoformat(),
            note,
            *(part for table in tables for part in (str(len(table)), *(x for pair in table.items() for x in pair))),
            *rows,
        ]
        with faults(changing=True):
            answer: Any = self._redis.eval(scripts.REPLACE, len(scripts.REPLACED), *scripts.REPLACED, *arguments)
        if str(answer[0]) == "conflict":
            raise RevisionConflict("the registry", expected=there.revision, found=int(answer[1]))
        return new.revision

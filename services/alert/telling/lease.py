"""One of several workers does a thing: whoever holds the lease in Redis."""

from typing import Any, Final

from shared.registry.connection import Connected
from shared.registry.failures import faults
from shared.settings.sections import RedisSettings

HOLD_MS: Final = 5_000
_RENEW: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
_LET_GO: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], 0)
"""


class Lease(Connected):
    """A lease by name.

    Whoever was stopped for longer than `HOLD_MS` may believe for a moment that it still holds it: what must never be
    done twice needs a fence beside.

    Args:
        settings: where Redis is.
        key: of the lease.
        holder: who we are; the same name after a restart goes on at once.
    """

    def __init__(self, settings: RedisSettings, key: str, holder: str) -> None:
        self._key = key
        self._holder = holder
        super().__init__(settings)

    def hold(self) -> bool:
        """Take or keep it; False where somebody else has it.

        Raises:
            RegistryUnavailable: Redis is away.
        """
        with faults(changing=True):
            taken: Any = self._redis.set(self._key, self._holder, nx=True, px=HOLD_MS)
            return bool(taken) or bool(self._redis.eval(_RENEW, 1, self._key, self._holder, str(HOLD_MS)))

    def let_go(self) -> None:
        """Let another one take it at once.

        Raises:
            RegistryUnavailable: Redis is away.
        """
        with faults(changing=True):
            self._redis.eval(_LET_GO, 1, self._key, self._holder)

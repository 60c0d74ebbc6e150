"""Redis' failures as the registry's. Apart from its records, which bring the models and with them torch."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from pydantic import ValidationError

from shared.registry.connection import remedy
from shared.registry.errors import RegistryUnavailable


@contextmanager
def faults(*, changing: bool = False) -> Iterator[None]:
    """What Redis or its content fails with inside is raised as `RegistryUnavailable`.

    Args:
        changing: whether something may have been changed before it failed.
    """
    try:
        yield
    except redis.RedisError as error:
        told = " ".join(str(error).split()) or type(error).__name__
        raise RegistryUnavailable(
            f"the registry (Redis) does not answer: {told}",
            hint=f"{remedy(error)}{'; a change was interrupted: look before you repeat it' if changing else ''}",
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise RegistryUnavailable(
            f"the registry holds a {error.title} that is not understood: {first['loc']}: {first['msg']}",
            hint="was it written by a newer version of Linegate?",
        ) from error

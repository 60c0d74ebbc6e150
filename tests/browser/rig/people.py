"""Who signs in: each with a key of their own."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.keys.edit import add_key
from services.keys.record import new_record
from shared.auth.principal import ALL_PLANTS
from shared.auth.roles import Role
from tests.browser.rig.labels import MUNICH, SPARTANBURG


@dataclass(frozen=True, slots=True)
class Person:
    """One person, and where they may do what."""

    name: str
    role: Role
    plant: str


OPERATOR: Final = Person("operator", Role.OPERATOR, MUNICH.name)
SUPERVISOR: Final = Person("supervisor", Role.SUPERVISOR, MUNICH.name)
COLLEAGUE: Final = Person("colleague", Role.SUPERVISOR, MUNICH.name)
ELSEWHERE: Final = Person("elsewhere", Role.SUPERVISOR, SPARTANBURG.name)
ENGINEER: Final = Person("engineer", Role.ENGINEER, ALL_PLANTS)
PEOPLE: Final = (OPERATOR, SUPERVISOR, COLLEAGUE, ELSEWHERE, ENGINEER)


def give_keys(file: Path) -> dict[Person, str]:
    """A key for each in a service's file of keys."""
    keys = {}
    for person in PEOPLE:
        key, record = new_record(roles=[person.role], plants=[person.plant], expires=None, note=person.name)
        add_key(file, record)
        keys[person] = key
    return keys

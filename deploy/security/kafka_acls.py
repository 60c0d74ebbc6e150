"""The ACLs of Kafka: read from `kafka.toml`, told to `kafka-acls.sh` or to the cluster itself."""

import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public, but not marked as such
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

Resource = Literal["topic", "group", "transactional_id"]
LIST: Final = Path(__file__).with_name("kafka.toml")
CALL_SECONDS: Final = 30.0
_TYPES: Final = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional_id": ResourceType.TRANSACTIONAL_ID,
}


@dataclass(frozen=True, slots=True)
class KafkaAcl:
    """One right."""

    resource: Resource
    name: str
    """Of the resource; with `prefixed`, what its names begin with."""
    prefixed: bool
    operation: str
    """Kafka's own word, e.g. `READ`."""

    def shell(self, principal: str) -> str:
        """The arguments of `kafka-acls.sh` that add it."""
        option = "--" + self.resource.replace("_", "-")
        pattern = "prefixed" if self.prefixed else "literal"
        operation = "".join(word.capitalize() for word in self.operation.split("_"))
        return shlex.join([
            "--add", "--allow-principal", principal, "--operation", operation,
            option, self.name, "--resource-pattern-type", pattern,
        ])  # fmt: skip

    def binding(self, principal: str) -> AclBinding:
        """The same for an admin client."""
        pattern = ResourcePatternType.PREFIXED if self.prefixed else ResourcePatternType.LITERAL
        operation = AclOperation[self.operation]
        return AclBinding(_TYPES[self.resource], self.name, pattern, principal, "*", operation, AclPermissionType.ALLOW)


@dataclass(frozen=True, slots=True)
class KafkaPrincipal:
    """One service, or one kind of person, and all it may do."""

    name: str
    does: str
    acls: tuple[KafkaAcl, ...]


def kafka_principals() -> Mapping[str, KafkaPrincipal]:
    """All of them, by name."""
    written = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return {
        name: KafkaPrincipal(name, entry["does"], tuple(_acl(dict(right)) for right in entry["rights"]))
        for name, entry in written.items()
    }


def apply_kafka_acls(client: AdminClient, principal: str, acls: tuple[KafkaAcl, ...]) -> None:
    """Add `acls` for `principal` (e.g. `User:crop`); those it has already are left as they are.

    Raises:
        KafkaException: the cluster refused; the client's own principal needs ALTER on the cluster.
    """
    for future in client.create_acls([acl.binding(principal) for acl in acls]).values():
        future.result(CALL_SECONDS)


def _acl(right: dict[str, str]) -> KafkaAcl:
    operation = right.pop("may")
    ((resource, name),) = right.items()
    if resource not in _TYPES:
        raise ValueError(f"{LIST.name}: no such resource: {resource}")
    return KafkaAcl(resource, name.removesuffix("*"), name.endswith("*"), operation)  # type: ignore[arg-type]  # checked above

"""`linegate acl`: the least rights that each service needs, for Kafka's and Redis' own tools."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar

import typer

EntryT = TypeVar("EntryT")
app = typer.Typer(help="The least rights that each service needs, for the servers' own tools.", no_args_is_help=True)
Names = Annotated[list[str] | None, typer.Argument(help="Services; all by default.", metavar="[SERVICE]...")]


@app.command()
def kafka(
    services: Names = None,
    principal: Annotated[
        str,
        typer.Option(help="How Kafka names a service, {} is its name: e.g. 'User:CN={},O=Plant' for certificates."),
    ] = "User:{}",
    command: Annotated[str, typer.Option(help="What stands before each line.")] = (
        "kafka-acls.sh --bootstrap-server localhost:9092"
    ),
    apply: Annotated[
        bool, typer.Option("--apply", help="Add them to the cluster of the settings instead; removes nothing.")
    ] = False,
) -> None:
    """Print the ACLs as kafka-acls.sh commands, or add them to the cluster."""
    from deploy.security.kafka_acls import apply_kafka_acls, kafka_principals

    chosen = _chosen(services, kafka_principals())
    if "{}" not in principal:
        raise typer.BadParameter("--principal needs {} where the service's name goes")
    if not apply:
        for entry in chosen.values():
            typer.echo(f"# {entry.name}: {entry.does}")
            for acl in entry.acls:
                typer.echo(f"{command} {acl.shell(principal.replace('{}', entry.name))}")
        return

    from confluent_kafka import KafkaException

    from shared.bus.clients import open_admin
    from shared.errors import LinegateError
    from shared.settings import load_settings

    client = open_admin(load_settings().bus)
    for entry in chosen.values():
        try:
            apply_kafka_acls(client, principal.replace("{}", entry.name), entry.acls)
        except KafkaException as error:
            raise LinegateError(
                f"Kafka did not take the ACLs of {entry.name}: {error.args[0].name()}",
                hint="bus.security must name a user that may ALTER the cluster; `linegate doctor` tells of the rest",
            ) from None
        typer.echo(f"{entry.name}: {len(entry.acls)} ACL(s) in force")


@app.command()
def redis(
    services: Names = None,
    passwords: Annotated[
        Path | None,
        typer.Option(
            help="Folder with one file per user that holds its password; their SHA-256 goes into the lines.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
) -> None:
    """Print the users as the lines of an ACL file (redis.conf: `aclfile`)."""
    from deploy.security.redis_users import acl_file, redis_users

    chosen = _chosen(services, redis_users())
    known = {} if passwords is None else _passwords(passwords, chosen)
    for user in chosen.values():
        # An ACL file takes no comments.
        typer.echo(
            f"# {user.name}: {user.does}{'' if user.name in known else ' (without password: cannot log in)'}", err=True
        )
    typer.echo(acl_file(known, chosen), nl=False)


def _chosen(names: list[str] | None, known: Mapping[str, EntryT]) -> dict[str, EntryT]:
    if unknown := sorted(set(names or ()) - known.keys()):
        raise typer.BadParameter(f"no list for {', '.join(unknown)}; there are {', '.join(known)}")
    return {name: entry for name, entry in known.items() if not names or name in names}


def _passwords(folder: Path, users: Mapping[str, object]) -> dict[str, str]:
    from shared.settings.secret_files import read_secret

    return {name: read_secret(folder / name, f"password of {name}") for name in users if (folder / name).exists()}

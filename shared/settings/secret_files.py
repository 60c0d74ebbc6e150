"""Secrets from files, as Docker and Kubernetes mount them: every secret setting `x` may be given as `x_file`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from shared.errors import LinegateError

SUFFIX: Final = "_file"
MAX_BYTES: Final = 64 * 1024
"""More than any password or token: a larger file is not what was meant."""


class SecretFileRejected(LinegateError):
    """A file that should hold a secret cannot be used."""


class WithSecretFiles(PydanticBaseSettingsSource):
    """A source of settings in which `x_file` stands for the content of that file, wherever `x` is a secret.

    Resolved source by source, so that a file named in the environment wins over a value in the TOML file.
    """

    def __init__(self, settings_cls: type[BaseSettings], source: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._source = source

    def __call__(self) -> dict[str, Any]:
        """The values of the source, files read.

        Raises:
            SecretFileRejected: a file is missing, empty or no text.
        """
        return read_secret_files(self.settings_cls, self._source())

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        """As the source."""
        return self._source.get_field_value(field, field_name)


def read_secret_files(model: type[BaseModel], values: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """`values` with every `x_file` replaced by `x`, where `x` is a secret field of `model` or of a section within.

    Raises:
        SecretFileRejected: a file is missing, empty or no text, or both `x` and `x_file` are given.
    """
    read = dict(values)
    for name, field in model.model_fields.items():
        where = f"{path}{name}"
        section = _section(field.annotation)
        if section is not None and isinstance(read.get(name), Mapping):
            read[name] = read_secret_files(section, read[name], f"{where}.")
        elif is_secret(field.annotation) and (file := read.pop(name + SUFFIX, None)) is not None:
            if read.get(name) is not None:
                raise SecretFileRejected(f"{where} and {where}{SUFFIX} are both set", hint="keep one of them")
            read[name] = read_secret(Path(str(file)).expanduser(), f"{where}{SUFFIX}")
    return read


def is_secret(annotation: Any) -> bool:
    """Whether a field of this type is a secret text, perhaps an optional one."""
    return annotation is SecretStr or (
        get_origin(annotation) in (Union, UnionType) and SecretStr in get_args(annotation)
    )


def secret_names(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """The dotted name of every secret field of `model` and of the sections within."""
    for name, field in model.model_fields.items():
        if (section := _section(field.annotation)) is not None:
            yield from secret_names(section, f"{path}{name}.")
        elif is_secret(field.annotation):
            yield f"{path}{name}"


def _section(annotation: Any) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def read_secret(path: Path, setting: str) -> str:
    """The secret in a file, without the white space around it.

    Args:
        path: of the file.
        setting: whose value it is, for the message.

    Raises:
        SecretFileRejected: the file is missing, empty, too large or no text.
    """
    hint = "mount the secret there (Docker: /run/secrets/..., Kubernetes: a secret volume), or correct the path"
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SecretFileRejected(f"{setting}: cannot read {path}: {error.strerror}", hint=hint) from None
    if len(data) > MAX_BYTES:
        raise SecretFileRejected(f"{setting}: {path} is larger than {MAX_BYTES // 1024} KiB", hint=hint)
    try:
        secret = data.decode().strip()
    except UnicodeDecodeError:
        raise SecretFileRejected(f"{setting}: {path} is no UTF-8 text", hint=hint) from None
    if not secret:
        raise SecretFileRejected(f"{setting}: {path} is empty", hint=hint)
    return secret

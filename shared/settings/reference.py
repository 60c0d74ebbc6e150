"""Write the reference of all settings as Markdown, from the models themselves."""

from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from shared.settings.model import CONFIG_VARIABLE, DEFAULT_CONFIG, PLAIN_VARIABLES, Settings

INTRODUCTION = f"""\
# Settings

Made from the code by `python -m shared.settings docs/settings.md`; a test fails when the two drift apart.

Every setting can be given in one of these ways. The first that has it wins:

1. the environment variable `LINEGATE_<SECTION>__<FIELD>` (two underscores between section and field);
2. the plain variables {", ".join(f"`{name}` (for `{s}.{f}`)" for name, (s, f) in PLAIN_VARIABLES.items())};
3. the TOML file that `{CONFIG_VARIABLE}` names, else `./{DEFAULT_CONFIG}` where it exists;
4. the default.

An empty variable counts as not set. A key or section that does not exist is an error, in the file and in the
environment.

```toml
# {DEFAULT_CONFIG}
[redis]
url = "redis://registry.plant.example:6379/0"

[store]
url = "s3://linegate-models"

[images]
dataref_roots = ["s3://line-photos/"]
```
"""


def reference(settings: type[BaseModel] = Settings) -> str:
    """The reference page, Markdown."""
    return "\n".join([INTRODUCTION, *_sections(settings)])


def _sections(settings: type[BaseModel]) -> Iterator[str]:
    for name, field in settings.model_fields.items():
        section = field.annotation
        if not (isinstance(section, type) and issubclass(section, BaseModel)):
            raise TypeError(f"{name} is no section")
        yield f"## `[{name}]`\n\n{_prose(section.__doc__)}\n"
        yield "| Field | Variable | Type | Default | Meaning |\n|---|---|---|---|---|"
        for key, entry in section.model_fields.items():
            variable = f"`LINEGATE_{name.upper()}__{key.upper()}`"
            yield f"| `{key}` | {variable} | {_type(entry)} | {_default(entry)} | {_cell(entry.description or '')} |"
        yield ""


def _prose(docstring: str | None) -> str:
    first_paragraph = (docstring or "").strip().split("\n\n")[0]
    return " ".join(first_paragraph.split())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _type(field: FieldInfo) -> str:
    bounds = [_bound(constraint) for constraint in field.metadata]
    return ", ".join([_cell(_name(field.annotation)), *filter(None, bounds)])


def _bound(constraint: Any) -> str:
    for attribute, sign in (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<")):
        if (value := getattr(constraint, attribute, None)) is not None:
            return f"{sign} {value}"
    return ""


def _name(annotation: Any) -> str:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " | ".join(f"`{choice}`" for choice in args)
    if origin in (Union, UnionType):
        return " | ".join(_name(arg) for arg in args if arg is not NoneType)
    if origin in (tuple, list):
        return f"list of {_name(args[0])}"
    names = {
        str: "text",
        int: "integer",
        float: "number",
        bool: "true or false",
        Path: "path",
        SecretStr: "secret text",
    }
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value == ():
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"

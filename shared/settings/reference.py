"""Write the reference of all settings as Markdown, from the models themselves."""

from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from shared.settings.model import CONFIG_VARIABLE, DEFAULT_CONFIG, PLAIN_VARIABLES, Settings
from shared.settings.secret_files import SUFFIX, secret_names

SECRETS: Final = ", ".join(f"`{name}`" for name in secret_names(Settings))
INTRODUCTION = f"""\
# Settings

Made from the code by `python -m shared.settings docs/settings.md`; a test fails when the two drift apart.

Every setting can be given in one of these ways. The first that has it wins:

1. the environment variable `LINEGATE_<SECTION>__<FIELD>` (two underscores between section and field);
2. the plain variables {", ".join(f"`{name}` (for `{s}.{f}`)" for name, (s, f) in PLAIN_VARIABLES.items())};
3. the TOML file that `{CONFIG_VARIABLE}` names, else `./{DEFAULT_CONFIG}` where it exists;
4. the default.

Every secret can be given as a file (a Docker or Kubernetes secret): put `{SUFFIX}` behind its name, e.g.
`LINEGATE_REDIS__PASSWORD{SUFFIX.upper()}=/run/secrets/redis`, or `password{SUFFIX} = "/run/secrets/redis"`.
White space around the content is dropped. Secrets are never printed: not in logs, not in errors, not by
`linegate doctor`. They are {SECRETS}.

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
        yield from _section(section, (name,))


def _section(section: type[BaseModel], path: tuple[str, ...]) -> Iterator[str]:
    yield f"## `[{'.'.join(path)}]`\n\n{_prose(section.__doc__)}\n"
    yield "| Field | Variable | Type | Default | Meaning |\n|---|---|---|---|---|"
    inner = []
    for key, entry in section.model_fields.items():
        if isinstance(entry.annotation, type) and issubclass(entry.annotation, BaseModel):
            inner.append((entry.annotation, (*path, key)))
            continue
        variable = f"`LINEGATE_{'__'.join((*path, key)).upper()}`"
        yield f"| `{key}` | {variable} | {_type(entry)} | {_default(entry)} | {_cell(entry.description or '')} |"
    yield ""
    for model, place in inner:
        yield from _section(model, place)


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
    if origin is dict:
        return f"table of {_name(args[1])}"
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
    if value is None or value in ((), {}):
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"

"""Load the settings, and say in one line what is wrong with them."""

import difflib
import os
import tomllib
from collections.abc import Iterable

from pydantic import BaseModel, ValidationError
from pydantic_settings import SettingsError

from shared.errors import LinegateError
from shared.settings.model import Settings, config_file
from shared.settings.secret_files import SecretFileRejected


class SettingsRejected(LinegateError):
    """The settings are not usable; the message names every key that is wrong."""


def load_settings() -> Settings:
    """Read the settings of this process (see `docs/settings.md`).

    Raises:
        SettingsRejected: a key or a value is wrong, or the file cannot be read.
    """
    _reject_unknown_sections(os.environ)
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsRejected(
            " ".join("; ".join(_told(error)).split()), hint="docs/settings.md lists every setting"
        ) from None
    except SecretFileRejected as error:
        raise SettingsRejected(str(error), hint=error.hint) from None
    except SettingsError as error:
        raise SettingsRejected(f"settings: {error}", hint="lists and tables in a variable are JSON") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsRejected(f"{config_file()} is not TOML: {error}") from None
    except OSError as error:
        raise SettingsRejected(
            f"cannot read {config_file()}: {error.strerror}", hint="LINEGATE_CONFIG names the settings file"
        ) from None


def _reject_unknown_sections(variables: Iterable[str]) -> None:
    """pydantic-settings looks only for the sections it knows, so a misspelt section would be passed over."""
    for variable in variables:
        if not variable.upper().startswith("LINEGATE_") or "__" not in variable:
            continue
        section = variable[len("LINEGATE_") :].split("__")[0].lower()
        if section not in Settings.model_fields:
            raise SettingsRejected(
                f"{variable}: there is no section {section!r}{_did_you_mean(section, Settings.model_fields)}",
                hint="docs/settings.md lists every setting",
            )


def _told(error: ValidationError) -> Iterable[str]:
    for problem in error.errors(include_url=False, include_input=False):
        location = [str(step) for step in problem["loc"]]
        key = ".".join(location)
        if problem["type"] == "extra_forbidden":
            yield f"there is no setting {key}{_did_you_mean(location[-1], _fields_at(location[:-1]))}"
        else:
            yield f"{key}: {problem['msg'].removeprefix('Value error, ')}"


def _fields_at(location: list[str]) -> Iterable[str]:
    model: type[BaseModel] = Settings
    for step in location:
        annotation = model.model_fields[step].annotation if step in model.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return ()
        model = annotation
    return model.model_fields


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""

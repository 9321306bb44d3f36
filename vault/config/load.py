"""Reads the settings: defaults, one TOML file, DATAKLUIS_… in the environment, options of the command. Every mistake is
reported at once, and only this module reads the environment."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import get_origin, get_type_hints

from vault.config.settings import SECTIONS, ServerSettings, Settings, contradictions, setting_names
from vault.values import Secret

PREFIX = "DATAKLUIS_"
_FILE = "_file"  # a secret may stand in a file of its own, which the setting with this ending names


class SettingsError(Exception):
    """Every mistake in the settings, together; each line names its key and shows an example."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


def load_settings(
    *,
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    options: Mapping[str, object] | None = None,
) -> Settings:
    """Defaults, then the TOML file, then DATAKLUIS_… in the environment, then command-line options.

    `environment` is the process environment unless one is given; `file` may also come from DATAKLUIS_CONFIG.
    `options` maps field names to values; None means "not given". Raises SettingsError with all mistakes at once.
    """
    environment = os.environ if environment is None else environment
    mistakes: list[str] = []
    given: dict[str, object] = {}
    if file is None and (named := environment.get(PREFIX + "CONFIG")):
        file = Path(named)
    if file is not None:
        given.update(_from_file(file, mistakes))
    given.update(_from_environment(environment, mistakes))
    given.update({key: value for key, value in (options or {}).items() if value is not None})
    settings = _assemble(given, mistakes)
    mistakes.extend(contradictions(settings))
    if mistakes:
        raise SettingsError(mistakes)
    return settings


def _from_file(file: Path, mistakes: list[str]) -> dict[str, object]:
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError:
        mistakes.append(f"config: {file} cannot be read")
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        mistakes.append(f"config: {file} is not TOML: {error}")
        return {}
    known = setting_names()
    found: dict[str, object] = {}
    for section, values in tree.items():
        if section not in SECTIONS or not isinstance(values, dict):
            mistakes.append(f"{section}: unknown section; the sections are {', '.join(SECTIONS)}")
            continue
        for name, value in values.items():
            secret = _secret_of(name, known)
            if known.get(secret or name, ("",))[0] != section:
                mistakes.append(f"{section}.{name}: unknown setting{_hint(name, known)}")
            elif secret is not None:
                _from_secret_file(secret, str(value), f"{section}.{name}", found, mistakes)
            else:
                found[name] = value
    return found


def _from_environment(environment: Mapping[str, str], mistakes: list[str]) -> dict[str, object]:
    known = setting_names()
    found: dict[str, object] = {}
    for variable, text in environment.items():
        if not variable.startswith(PREFIX) or variable == PREFIX + "CONFIG":
            continue
        name = variable[len(PREFIX) :].lower()
        if (secret := _secret_of(name, known)) is not None:
            _from_secret_file(secret, text, variable, found, mistakes)
        elif name not in known:
            mistakes.append(f"{variable}: unknown setting{_hint(name, known)}")
        else:
            found[name] = text
    return found


def _secret_of(name: str, known: Mapping[str, tuple[str, type | object]]) -> str | None:
    """The secret that a setting such as `smtp_password_file` names the file of."""
    secret = name.removesuffix(_FILE)
    return secret if secret != name and known.get(secret, ("", None))[1] is Secret else None


def _from_secret_file(name: str, file: str, said: str, found: dict[str, object], mistakes: list[str]) -> None:
    try:
        found[name] = Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        mistakes.append(f"{said}: {file} cannot be read")


def _assemble(given: Mapping[str, object], mistakes: list[str]) -> Settings:
    known = setting_names()
    parts: dict[str, dict[str, object]] = {section: {} for section in SECTIONS}
    for name, value in given.items():
        section, annotation = known[name]
        try:
            parts[section][name] = _coerce(value, annotation)
        except (ValueError, TypeError, KeyError):
            shown = "it" if annotation is Secret else repr(value)
            mistakes.append(f"{section}.{name}: {shown} is not {_described(annotation)}")
    server = parts["server"]
    if "base_url" not in server:
        server["base_url"] = f"http://localhost:{server.get('port', ServerSettings().port)}/"
    elif not str(server["base_url"]).endswith("/"):
        server["base_url"] = f"{server['base_url']}/"
    kinds = get_type_hints(Settings)
    return Settings(**{section: kinds[section](**values) for section, values in parts.items()})


def _coerce(value: object, annotation: object) -> object:
    """One value from text (environment) or from TOML's own types."""
    if annotation is Path:
        return Path(str(value))
    if annotation is Secret and isinstance(value, str):
        return Secret(value)
    if annotation is bool:
        if isinstance(value, bool):
            return value
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[str(value).lower()]
    if annotation in (int, float) and not isinstance(value, bool):
        return float(str(value)) if annotation is float else int(str(value))
    if annotation is str and isinstance(value, str):
        return value
    if get_origin(annotation) is tuple:
        pieces = value.split(",") if isinstance(value, str) else value
        if not isinstance(pieces, (list, tuple)):
            raise TypeError("not a list")
        return tuple(str(piece).strip() for piece in pieces if str(piece).strip())
    raise TypeError("unexpected type")


def _described(annotation: object) -> str:
    return {int: "a whole number", float: "a number", bool: "true or false", str: "text", Path: "a path"}.get(
        annotation if isinstance(annotation, type) else str, "a list of texts"
    )


def _hint(name: str, known: Mapping[str, object]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""

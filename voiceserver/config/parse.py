"""Reads ``voiceserver.toml`` into the tree of settings, strictly by its types.

Whatever is wrong becomes a ``ConfigError`` that names the file, the key and what is
allowed there: an unknown key is never passed over, because a misspelt limit that is
silently ignored is a limit that is not there. Knows no setting by name; reads no
environment and starts nothing.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import GenericAlias
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from voiceserver.config.tree import Config
from voiceserver.errors import ConfigError

DEFAULT_FILE = Path("voiceserver.toml")
LONGEST_FILE = 1_000_000  # bytes
# No setting is negative, and none needs more; catches 1e300 before a timer does.
LARGEST = 10**9
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

T = TypeVar("T")


def load(path: Path | str | None = None) -> Config:
    """Read a configuration file.

    Args:
        path: The file; None reads ``voiceserver.toml`` of the working directory
            where there is one, and otherwise takes the defaults.

    Raises:
        ConfigError: If the file cannot be read or anything in it is wrong.
    """
    if path is None:
        if not DEFAULT_FILE.exists():
            return Config()
        path = DEFAULT_FILE
    file = Path(path)
    try:
        with file.open("rb") as stream:
            raw = stream.read(LONGEST_FILE + 1)
        text = raw.decode("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"{file}: no such file") from None
    except IsADirectoryError:
        raise ConfigError(f"{file}: is a folder, not a file") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{file}: not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ConfigError(f"{file}: cannot be read: {error}") from None
    if len(raw) > LONGEST_FILE:
        raise ConfigError(f"{file}: larger than {LONGEST_FILE} bytes")
    return parse(text, str(file), file.parent)


def parse(text: str, source: str = "configuration", folder: Path = Path()) -> Config:
    """Read the text of a configuration.

    Args:
        text: TOML.
        source: Name of the file, for messages.
        folder: What relative paths in it are relative to.

    Raises:
        ConfigError: If anything in it is wrong.
    """
    try:
        # RecursionError: arrays nested thousands deep; OverflowError: odd dates.
        content = tomllib.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError, OverflowError) as error:
        raise ConfigError(f"{source}: not valid TOML: {error}") from None
    return _Reader(source, folder).table(Config, content, "")


def from_table(content: Mapping[str, object], source: str = "settings") -> Config:
    """Read settings that are parsed already, as one process hands them to another.

    Raises:
        ConfigError: If anything in it is wrong.
    """
    return _Reader(source, Path()).table(Config, content, "")


def _settings_of(kind: Any) -> frozenset[str]:
    """Names in a table; of anything else none."""
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)):
        return frozenset()
    return frozenset(field.name for field in dataclasses.fields(kind))


class _Reader:
    """Reads tables of one file."""

    def __init__(self, source: str, folder: Path) -> None:
        self._source = source
        self._folder = folder

    def _wrong(self, key: str, message: str) -> ConfigError:
        return ConfigError(f"{self._source}: {key}: {message}")

    def table(self, kind: type[T], content: object, key: str) -> T:
        """Make ``kind``, a dataclass, of a TOML table."""
        if not isinstance(content, Mapping):
            raise self._wrong(key, f"must be a table, [{key}], not {_shown(content)}")
        hints = get_type_hints(kind)
        fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
        values: dict[str, Any] = {}
        for name, value in content.items():
            path = f"{key}.{name}" if key else name
            if name not in fields:
                raise self._wrong(path, self._unknown(name, hints, key))
            values[name] = self._value(hints[name], value, path)
            if values[name] and "path" in fields[name].metadata:
                values[name] = str(self._folder / values[name])
        for name, field in fields.items():
            needed = (
                field.default is dataclasses.MISSING
                and field.default_factory is dataclasses.MISSING
            )
            if needed and name not in values:
                raise self._wrong(f"{key}.{name}", "is missing and has no default")
        try:
            return kind(**values)
        except ValueError as error:
            raise self._wrong(f"[{key}]", str(error)) from None

    @staticmethod
    def _unknown(name: str, known: Mapping[str, Any], key: str) -> str:
        near = difflib.get_close_matches(name.lower(), known, n=1)
        # A setting that was written above the first table is the commonest of these.
        homes = [each for each, kind in known.items() if name in _settings_of(kind)]
        hint = f"; did you mean {near[0]}?" if near else ""
        if homes:
            hint = f"; it belongs under [{'] or ['.join(homes)}]"
        what = "setting" if key else "table"
        return f"no such {what}{hint} (there are: {', '.join(known)})"

    def _value(self, kind: Any, value: object, key: str) -> Any:
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            return self.table(kind, value, key)
        if get_origin(kind) is Literal:
            allowed = get_args(kind)
            if value not in allowed or not isinstance(value, str):
                choices = ", ".join(f'"{choice}"' for choice in allowed)
                raise self._wrong(key, f"must be one of {choices}, not {_shown(value)}")
            return value
        if get_origin(kind) is tuple:
            return self._array(kind, value, key)
        if get_origin(kind) is Mapping:
            if not isinstance(value, Mapping):
                message = f"must be a table, [{key}], not {_shown(value)}"
                raise self._wrong(key, message)
            item = get_args(kind)[1]
            return {n: self._value(item, v, f"{key}.{n}") for n, v in value.items()}
        if kind is object:
            return self._any(value, key)
        return self._scalar(kind, value, key)

    def _any(self, value: object, key: str) -> object:
        """A value that is passed on as JSON: what JSON cannot say is refused."""
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            message = f"must be what JSON can say, not {_shown(value)}"
            raise self._wrong(key, message) from None
        return value

    def _array(self, kind: GenericAlias, value: object, key: str) -> tuple[Any, ...]:
        item = get_args(kind)[0]
        if not isinstance(value, list):
            if dataclasses.is_dataclass(item):
                raise self._wrong(key, f"must be written [[{key}]], once for each")
            raise self._wrong(key, f"must be a list, not {_shown(value)}")
        return tuple(
            self._value(item, each, f"{key}[{index}]")
            for index, each in enumerate(value)
        )

    def _scalar(self, kind: type, value: object, key: str) -> object:
        # A TOML boolean is a Python int; 1.0 is no integer, 1 is a number.
        if kind is bool:
            if isinstance(value, bool):
                return value
            raise self._wrong(key, f"must be true or false, not {_shown(value)}")
        if kind is str:
            if isinstance(value, str):
                return self._text(value, key)
            raise self._wrong(key, f"must be text in quotes, not {_shown(value)}")
        accepted = (int,) if kind is int else (int, float)
        if isinstance(value, bool) or not isinstance(value, accepted):
            what = "a whole number" if kind is int else "a number"
            raise self._wrong(key, f"must be {what}, not {_shown(value)}")
        if not math.isfinite(value) or not 0 <= value <= LARGEST:
            raise self._wrong(key, f"must be 0..{LARGEST}, not {_shown(value)}")
        return kind(value)

    def _text(self, value: str, key: str) -> str:
        if "\0" in value:
            raise self._wrong(key, "must not contain a NUL character")
        if key.endswith("_env") and value and not _ENVIRONMENT_NAME.match(value):
            # Not shown: people paste the key itself here.
            raise self._wrong(
                key, "must be the name of an environment variable, not the key itself"
            )
        return value


def _shown(value: object) -> str:
    """Show a value of a file, shortened."""
    match value:
        case bool():
            return "true" if value else "false"
        case Mapping():
            return "a table"
        case list():
            return "a list"
        case str():
            text = f'"{value}"'
        case int() if abs(value) > LARGEST:
            # Not shown digit by digit: Python refuses to write thousands of them.
            return "a huge number"
        case _:
            text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."

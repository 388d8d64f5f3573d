"""Lists every setting with its type, default and meaning, from the tree itself.

The documentation (``docs/configuration.md``) and the example file are written from
this list by ``python -m voiceserver.cli.reference``. Knows no engine: the names that a
setting may take beyond its type are told.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from voiceserver.config.tree import Config

Choices = Mapping[str, Sequence[str]]  # by the path of a setting of text
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*)$")

_INTRODUCTION = """\
# Configuration

`voiceserver serve --config voiceserver.toml` reads this file; without `--config` it
reads `voiceserver.toml` in the working directory where there is one. No file at all
is fine: every setting has a default that works. A key that does not exist, a value of
the wrong type or out of range is an error (exit code 2) that names the file, the key
and what is allowed. A relative path is relative to the folder of the file; files named
on the command line are relative to the working directory. Secrets are never in it:
settings that end in `_env` name an environment variable.

`voiceserver check --config voiceserver.toml` tries everything the file asks for.
`voiceserver.example.toml` holds every setting with its default."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        name: Its key.
        kind: Its type in words of TOML.
        default: As written in TOML; ``""`` if it must be given.
        meaning: From the docstring.
    """

    name: str
    kind: str
    default: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table of settings.

    Attributes:
        heading: As written in TOML, with its brackets.
        meaning: From the docstring, without the heading.
        settings: In the order of the tree.
    """

    heading: str
    meaning: str
    settings: tuple[Setting, ...]


def tables(choices: Choices | None = None) -> list[Table]:
    """Return every table of the configuration, arrays of tables after their parent."""
    return list(_tables(Config, "", choices or {}))


def _tables(kind: type, key: str, choices: Choices) -> Iterator[Table]:
    hints = get_type_hints(kind)
    settings, below = [], []
    meanings = dict(attributes(kind.__doc__ or ""))
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        path = f"{key}.{field.name}" if key else field.name
        inner = _table_type(hint)
        if inner is not None:
            below.append((inner, path, get_origin(hint) is tuple))
            continue
        known = "path" if "path" in field.metadata else _kind(hint)
        if path in choices:
            known = _either(choices[path])
        meaning = meanings.get(field.name, "")
        settings.append(Setting(field.name, known, _default(field), meaning))
    if key:
        yield Table(f"[{key}]", _summary(kind), tuple(settings))
    for inner, path, repeated in below:
        for table in _tables(inner, path, choices):
            if repeated and table.heading == f"[{path}]":
                table = dataclasses.replace(table, heading=f"[[{path}]]")
            yield table


def _table_type(hint: Any) -> type | None:
    if get_origin(hint) is tuple:
        hint = get_args(hint)[0]
    return hint if isinstance(hint, type) and dataclasses.is_dataclass(hint) else None


def _kind(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return _either(get_args(hint))
    if get_origin(hint) is tuple:
        return f"list of {_kind(get_args(hint)[0])}"
    if get_origin(hint) is Mapping:
        return f"table of {_kind(get_args(hint)[1])}"
    kinds = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    return kinds.get(hint, "any value")


def _either(choices: Sequence[str]) -> str:
    return " or ".join(f'`"{choice}"`' for choice in choices)


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return _toml(field.default_factory())
    if field.default is dataclasses.MISSING:
        return ""
    return _toml(field.default)


def _toml(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'
        case Mapping():
            return "{" + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + "}"
        case tuple():
            return "[" + ", ".join(_toml(item) for item in value) + "]"
        case _:
            return str(value)


def _summary(kind: type) -> str:
    head = (kind.__doc__ or "").split("\n\n")[0]
    return " ".join(head.split(":", 1)[-1].split())


def attributes(docstring: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of each entry of a docstring's ``Attributes``."""
    name, words = "", [""]
    # From 3.13 on Python itself takes off what all lines are indented by.
    clean = inspect.cleandoc(docstring)
    for line in clean.partition("Attributes:")[2].splitlines():
        if match := _ATTRIBUTE.match(line):
            if name:
                yield name, " ".join(words)
            name, words = match[1], [match[2]]
        elif line.strip():
            words.append(line.strip())
    if name:
        yield name, " ".join(words)


def document(choices: Choices | None = None) -> str:
    """Return the text of ``docs/configuration.md``.

    Args:
        choices: Names that a setting may take, by its path (``"engines.speech"``).
    """
    parts = [_INTRODUCTION]
    for table in tables(choices):
        parts += [f"\n## `{table.heading}`\n", _sentence(table.meaning)]
        parts.append("\n| setting | type | default | meaning |\n|---|---|---|---|")
        for setting in table.settings:
            default = f"`{setting.default}`" if setting.default else "must be given"
            meaning = setting.meaning.replace("``", "`").replace("|", "\\|")
            parts.append(
                f"| `{setting.name}` | {setting.kind} | {default} | {meaning} |"
            )
    return "\n".join(parts) + "\n"


def example() -> str:
    """Return the text of ``voiceserver.example.toml``: every default, written out."""
    parts = [
        "# Every setting of voiceserver with its default; keep only what you change.",
        "# Secrets stay in the environment: settings ending in _env name a variable.",
    ]
    for table in tables():
        repeated = table.heading.startswith("[[")
        # An array of tables has no default entry: shown as comments.
        mark = "# " if repeated else ""
        parts += ["", f"# {_sentence(table.meaning)}", f"{mark}{table.heading}"]
        parts += [
            f"{mark}{setting.name} = " + (setting.default or _left_open(setting.kind))
            for setting in table.settings
        ]
    return "\n".join(parts) + "\n"


def _left_open(kind: str) -> str:
    """What stands for a value that has to be given."""
    return '["..."]' if kind.startswith("list") else '"..."'


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]

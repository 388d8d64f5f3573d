"""Holds events to the models of openai-python: types exactly, extras by a list.

Runs in the environment of the clients. ``extras.txt`` names each field that the server
sends and the models do not have, as ``event.path.to.field``.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openai.types.realtime import RealtimeClientEvent, RealtimeServerEvent
from pydantic import BaseModel, ValidationError

EXTRAS = Path(__file__).with_name("extras.txt")
OWN = "voiceserver."


def members(union: Any) -> list[type[BaseModel]]:
    """The models of a union, however wrapped."""
    if isinstance(union, type):
        return [union] if issubclass(union, BaseModel) else []
    parts = typing.get_args(union)
    if typing.get_origin(union) is typing.Annotated:
        parts = parts[:1]
    return [model for part in parts for model in members(part)]


def by_type(union: Any) -> dict[str, type[BaseModel]]:
    """The models of a union by the ``type`` of the event."""
    return {
        typing.get_args(model.model_fields["type"].annotation)[0]: model
        for model in members(union)
    }


SERVER_EVENTS = by_type(RealtimeServerEvent)
CLIENT_EVENTS = by_type(RealtimeClientEvent)


def faults(raw: str | bytes) -> list[str]:
    """What is wrong with an event; the server's own ones are exempt."""
    event = json.loads(raw)
    name = event["type"]
    if name.startswith(OWN):
        return [] if "event_id" in event else [f"{name}: no event_id"]
    model = SERVER_EVENTS.get(name)
    if model is None:
        return [f"{name}: no such event"]
    try:
        read = model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        return [
            f"{name}: {'.'.join(map(str, one['loc']))}: {one['msg']}"
            for one in error.errors()
        ]
    allowed = set(EXTRAS.read_text().split())
    return [f"{path}: not in the models" for path in set(extras(read, name)) - allowed]


def extras(model: BaseModel, path: str) -> Iterator[str]:
    """Paths of the fields that a model does not know."""
    yield from (f"{path}.{name}" for name in model.model_extra or ())
    for name in type(model).model_fields:
        value = getattr(model, name)
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, BaseModel):
                yield from extras(item, f"{path}.{name}")


def described(model: type[BaseModel]) -> dict[str, str]:
    """Fields of a model, nested ones too, and their types; ``!`` is required."""
    found: dict[str, str] = {}
    _describe(model, "", found, ())
    return dict(sorted(found.items()))


def _describe(
    model: type[BaseModel], path: str, found: dict[str, str], above: tuple[Any, ...]
) -> None:
    for name, field in model.model_fields.items():
        here = f"{path}{field.alias or name}"
        inner = [one for one in _models(field.annotation) if one not in above]
        text = _told(field.annotation)
        if here in found and text not in found[here]:
            text = f"{found[here]} / {text}"
        found[here] = text + ("!" if field.is_required() else "")
        for one in inner:
            _describe(one, f"{here}.", found, (*above, model))


def _models(kind: Any) -> list[type[BaseModel]]:
    if isinstance(kind, type):
        return [kind] if issubclass(kind, BaseModel) else []
    return [one for part in typing.get_args(kind) for one in _models(part)]


def _told(kind: Any) -> str:
    """A type in short: literals by value, models by name."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return "|".join(map(str, parts))
    if origin is typing.Annotated:
        return _told(parts[0])
    if origin in (typing.Union, types.UnionType):
        return "|".join(_told(part) for part in parts if part is not type(None))
    if parts:
        return f"{origin.__name__}[{','.join(_told(part) for part in parts)}]"
    return getattr(kind, "__name__", str(kind))


def snapshot() -> dict[str, Any]:
    """The protocol as this version of openai-python has it."""
    return {
        side: {name: described(model) for name, model in sorted(events.items())}
        for side, events in (("client", CLIENT_EVENTS), ("server", SERVER_EVENTS))
    }


if __name__ == "__main__":
    print(json.dumps(snapshot(), indent=1))

"""What every command needs: an event loop, logging, and only the engines it uses."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import sys
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, TypeVar

from voiceserver.config import Config
from voiceserver.engines.opened import Engines
from voiceserver.errors import ConfigError, VoiceServerError, first
from voiceserver.metrics import Metrics
from voiceserver.server.observability.log import set_up

T = TypeVar("T")
Slot = Literal["vad", "recogniser", "text", "speech"]
SLOTS: tuple[Slot, ...] = ("vad", "recogniser", "text", "speech")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` to its end on uvloop, or on asyncio where there is none.

    Raises:
        VoiceServerError: Ours, also when it came out of a task group.
    """
    with ungrouped(), asyncio.Runner(loop_factory=_new_loop) as runner:
        return runner.run(main)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # Windows
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


@contextlib.contextmanager
def ungrouped() -> Iterator[None]:
    """Raise an error of ours as itself, not as a task group's, where all are ours."""
    try:
        yield
    except ExceptionGroup as group:
        error = first(group)
        _, others = group.split(VoiceServerError)
        if not isinstance(error, VoiceServerError) or others is not None:
            raise
        raise error from group


def log_to_stderr(config: Config, quiet: bool = True) -> None:
    """Set up logging; the configured secrets are struck out.

    Args:
        config: Level, format, and where the secrets are.
        quiet: Write from warnings on, unless the level is debug: for commands whose
            answer is what they print.
    """
    secrets = _secrets(config)
    log = config.log
    if quiet and log.level == "info":
        log = dataclasses.replace(log, level="warning")
    set_up(log, secrets)


def _secrets(config: Config) -> list[str]:
    """What the configured environment variables and the file of API keys hold."""
    names = _secret_variables(config)
    secrets = [os.environ.get(name, "").strip() for name in names]
    if config.server.api_key_file:
        from voiceserver.server.access.security import (
            keys_of_file,  # aiohttp comes along
        )

        # Without the file nobody has a key; whether it is needed the command says.
        with contextlib.suppress(ConfigError):
            secrets += keys_of_file(config.server)
    return [secret for secret in secrets if secret]


def _secret_variables(settings: object) -> Iterator[str]:
    """Environment variables that hold secrets: what a setting ``..._env`` names.

    Args:
        settings: Any part of the configuration.
    """
    if isinstance(settings, tuple):
        for each in settings:
            yield from _secret_variables(each)
    elif dataclasses.is_dataclass(settings):
        for field in dataclasses.fields(settings):
            value = getattr(settings, field.name)
            if field.name.endswith("_env") and isinstance(value, str):
                yield value
            else:
                yield from _secret_variables(value)


def with_only(config: Config, *slots: Slot) -> Config:
    """Return the configuration with stubs in all slots but these: quick to open.

    The recogniser gets one process and no standby: a command recognises one thing at a
    time, and says what it lacks.
    """
    stubs = {slot: "stub" for slot in SLOTS if slot not in slots} | {"turns": "none"}
    return dataclasses.replace(
        config,
        engines=dataclasses.replace(config.engines, **stubs),  # type: ignore[arg-type]
        recogniser=dataclasses.replace(config.recogniser, processes=1, standby=False),
    )


def open_engines(
    config: Config, metrics: Metrics
) -> AbstractAsyncContextManager[Engines]:
    """Open the configured engines; imports what they need."""
    from voiceserver.engines import opening

    return opening.open_engines(config, metrics)


def progress(line: str, end: str = "\n") -> None:
    """Write a line for the person who waits."""
    print(line, end=end, file=sys.stderr, flush=True)

"""The text models that a command asks by itself: services, and the one in the house.

One at a time and with nobody behind it, so that what is found out is of that one.
Knows no question and no answer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from voiceserver.config import Config
from voiceserver.engines.base import TextModel
from voiceserver.engines.opening import house_model
from voiceserver.engines.providers.services.chat import ChatModel
from voiceserver.engines.providers.services.http import Http
from voiceserver.engines.table import IN_THE_HOUSE, ROWS, Row, text_names
from voiceserver.errors import ConfigError
from voiceserver.metrics import Metrics


@asynccontextmanager
async def asked(
    config: Config,
    name: str,
    logprobs: bool = False,
    rows: Sequence[Row] = ROWS,
) -> AsyncGenerator[TextModel, None]:
    """Open one of them, warmed up.

    Args:
        config: As it was read.
        name: Of a ``[[text.provider]]``, or ``"transformers"``, the one in the house.
        logprobs: Have a service tell log-probabilities, whatever its table says.
        rows: Engines that there are.

    Raises:
        ConfigError: If there is no such model, or its key is missing.
        EngineFailed: If the one in the house cannot be loaded.
    """
    if name == IN_THE_HOUSE and name in text_names(config):
        async with house_model(config, Metrics(), rows) as house:
            await house.ready()
            yield house
        return
    provider = next((each for each in config.text.provider if each.name == name), None)
    if provider is None:
        known = ", ".join(text_names(config)) or "none"
        raise ConfigError(f"there is no [[text.provider]] {name!r}; there are: {known}")
    if logprobs:
        provider = dataclasses.replace(provider, logprobs=True)
    async with Http() as http:
        yield ChatModel(provider, http)

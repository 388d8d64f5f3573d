"""Which turn-end model a server has, and what its word is worth.

``"auto"`` has one where its package is installed and its file was fetched: a bare
installation goes without, and says so nowhere but in ``voiceserver check``.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

from voiceserver.engines.remote.turn_ends import RemoteTurnEnds, turn_ends_spec
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics
from voiceserver.turns.ending import EndWeights, read_weights
from voiceserver.weights.place import ENVIRONMENT, is_there

MODEL = "smart-turn"
CORE = "voiceserver.engines.acoustic.smart_turn:load"
EXTRA = "turns"
WEIGHTS = "models/turns/ending.json"


def opened_turn_ends(
    choice: str, metrics: Metrics, environment: Mapping[str, str] = os.environ
) -> RemoteTurnEnds | None:
    """Return the turn-end model, not yet started; None for going without.

    Args:
        choice: ``"smart-turn"``, ``"none"``, or ``"auto"`` for whichever can be had.
        metrics: Counts restarts.
        environment: Says where models lie.
    """
    if choice == "none" or (choice == "auto" and not _can_be_had(environment)):
        return None
    spec = turn_ends_spec(MODEL, CORE, {"extra": EXTRA})
    spec = dataclasses.replace(spec, threads=1, environment=ENVIRONMENT)
    return RemoteTurnEnds(spec, metrics, needed=choice != "auto")


def ending() -> EndWeights:
    """Return the weights that are part of this package, or of its checkout.

    Raises:
        EngineFailed: If they are missing.
        ConfigError: If they are of another version.
    """
    package = Path(__file__).resolve().parents[2]
    for folder in (package, package.parent):
        if (folder / WEIGHTS).is_file():
            return read_weights((folder / WEIGHTS).read_text("utf-8"))
    raise EngineFailed(MODEL, f"{WEIGHTS} is missing: install the package again")


def _can_be_had(environment: Mapping[str, str]) -> bool:
    there = importlib.util.find_spec("onnxruntime") is not None
    return there and is_there(MODEL, environment)

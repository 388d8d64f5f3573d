"""Build rule: models go into the wheel; an editable install uses the checkout's.

Models of others are left out unless they are named, fetched ones:

    voiceserver models get whisper-base smart-turn
    VOICESERVER_WHEEL_MODELS="whisper-base smart-turn" python -m build --wheel
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VARIABLE = "VOICESERVER_WHEEL_MODELS"


class Models(BuildHookInterface):  # type: ignore[type-arg,misc,unused-ignore]
    """Adds ``models/`` to the package, where the engines look for it first."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a wheel is built.

        Raises:
            EngineFailed: If a model that was named has not been fetched.
        """
        if version != "standard":
            return
        build_data["force_include"]["models"] = "voiceserver/models"
        for name in os.environ.get(VARIABLE, "").split():
            folder = _model_folder(Path(self.root), name)
            build_data["force_include"][str(folder)] = f"voiceserver/models/{name}"


def _model_folder(root: Path, name: str) -> Path:
    """Where a fetched model lies; asks the package that is being built."""
    sys.path.insert(0, str(root))
    try:
        from voiceserver.weights.place import model_folder
    finally:
        sys.path.pop(0)
    return model_folder(name)

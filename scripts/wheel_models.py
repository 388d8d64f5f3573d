"""Build rule: models go into the wheel; an editable install uses the checkout's."""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Models(BuildHookInterface):  # type: ignore[type-arg,misc,unused-ignore]
    """Adds ``models/`` to the package, where the engines look for it first."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a wheel is built."""
        if version == "standard":
            build_data["force_include"]["models"] = "voiceserver/models"

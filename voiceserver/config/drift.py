"""``[drift]``: what is watched of the services that are asked by URL."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DriftConfig:
    """``[drift]``: whether text providers answer as they used to.

    Attributes:
        baseline: File of ``voiceserver baseline record``; who is not in it is compared
            with its own first answers since the start. Empty is none.
        webhook: URL that alarms are sent to by ``POST``, as JSON; empty is none.
    """

    baseline: str = field(default="", metadata={"path": True})
    webhook: str = ""

    def __post_init__(self) -> None:
        if self.webhook and not self.webhook.startswith(("http://", "https://")):
            raise ValueError("webhook must start with http:// or https://")

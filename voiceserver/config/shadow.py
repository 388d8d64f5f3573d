"""``[shadow]``: models that are tried beside the one that callers hear."""

from __future__ import annotations

from dataclasses import dataclass, field

from voiceserver.config.providers import TextProvider


@dataclass(frozen=True, slots=True)
class ShadowConfig:
    """``[shadow]``: candidates that a share of finished answers is asked of as well.

    Nobody hears them, and they call no functions. What callers say is sent to them,
    redacted; nothing is, unless candidates are named here.

    Attributes:
        provider: The candidates.
        share: Of finished answers, 0..1.
        judge: Name of a ``[[text.provider]]`` or of a candidate that compares answers
            where nothing can be seen; empty leaves a tie.
        max_usd_per_day: For candidates and judge together; 0 is no limit.
        file: File of the record, which lines are added to: numbers, no text. Needed
            where there are candidates.
    """

    provider: tuple[TextProvider, ...] = ()
    share: float = 0.05
    judge: str = ""
    max_usd_per_day: float = 1.0
    file: str = field(default="", metadata={"path": True})

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError("share must be 0..1")
        if self.max_usd_per_day < 0:
            raise ValueError("max_usd_per_day must not be negative")
        names = [one.name for one in self.provider]
        if len(set(names)) < len(names):
            raise ValueError("two [[shadow.provider]] tables have one name")

"""``[record]``: calls that are kept, as audio and events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class RecordConfig:
    """``[record]``: keeps calls, to be played again by ``voiceserver replay``.

    What callers say is in them, word for word: docs/record.md says what is kept, and
    what those who are recorded have to be told.

    Attributes:
        calls: ``"off"``; ``"ask"`` keeps those whose session says ``record = true``;
            ``"always"`` keeps all. A client is told by ``record`` in its session.
        folder: Folder of the recordings, one below it a call, for the server's own user
            only; needed where calls are kept.
        max_age_days: Older ones are removed; 0 is no limit.
        max_gb: All together; beyond it the oldest are removed. 0 is no limit.
    """

    calls: Literal["off", "ask", "always"] = "off"
    folder: str = field(default="", metadata={"path": True})
    max_age_days: float = 30.0
    max_gb: float = 10.0

    def __post_init__(self) -> None:
        if self.calls != "off" and not self.folder:
            raise ValueError(
                f'calls = "{self.calls}" needs folder: where they are kept'
            )
        if self.max_age_days < 0:
            raise ValueError("max_age_days must not be negative")
        if self.max_gb < 0:
            raise ValueError("max_gb must not be negative")

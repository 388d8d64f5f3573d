"""Who pays for what engines note: the money in their notes goes to a purse."""

from __future__ import annotations

from collections.abc import Callable

from voiceserver.budget import Spent
from voiceserver.engines.notes import (
    Note,
)


def paid_by(pay: Callable[[float], None]) -> Callable[[Note], None]:
    """Return what takes notes and has the money in them paid."""

    def observe(note: Note) -> None:
        if isinstance(note, Spent):
            pay(note.cost_usd)

    return observe

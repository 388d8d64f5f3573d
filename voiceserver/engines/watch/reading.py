"""What is read of one answer while it streams: when its words began, and all of them.

Used beside a stream that goes on to somebody (``take``), or to read one to its end
(``read_whole``). Judges nothing; whoever reads keeps what they need of the text.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from voiceserver.budget import Spent
from voiceserver.engines.base import TextItem, TextModel, TextRequest
from voiceserver.engines.notes import Note
from voiceserver.errors import EngineFailed


@dataclass(slots=True)
class Reading:
    """One answer, as far as it has come.

    Attributes:
        now_s: A clock, in seconds.
        text: Its words so far.
        first_ms: From the beginning of the reading to the first words; None without.
        only_text: It was nothing but words: no call of a function, no form.
        spent: On it.
        failure: Why it ended before its time; None if it did not.
    """

    now_s: Callable[[], float] = time.perf_counter
    text: str = ""
    first_ms: float | None = None
    only_text: bool = True
    spent: Spent = field(default_factory=Spent)
    failure: EngineFailed | TimeoutError | None = None
    _began_s: float = field(default=0.0)

    def __post_init__(self) -> None:
        self._began_s = self.now_s()

    @property
    def cost_usd(self) -> float:
        """What it cost."""
        return self.spent.cost_usd

    def take(self, item: TextItem) -> None:
        """Take the next item."""
        if not isinstance(item, str):
            self.only_text = False
        elif item:
            if self.first_ms is None:
                self.first_ms = 1000 * (self.now_s() - self._began_s)
            self.text += item

    def note(self, note: Note) -> None:
        """Take a note; only costs are of interest."""
        if isinstance(note, Spent):
            self.spent += note


async def read_whole(model: TextModel, request: TextRequest, limit_s: float) -> Reading:
    """Ask a model and read its answer to the end; what fails is told in the reading.

    Args:
        model: Whom.
        request: What; notes of it go to the reading alone.
        limit_s: Of the whole.
    """
    reading = Reading()
    try:
        async with (
            asyncio.timeout(limit_s),
            aclosing(model.reply(replace(request, observe=reading.note))) as items,
        ):
            async for item in items:
                reading.take(item)
    except (EngineFailed, TimeoutError) as failure:
        reading.failure = failure
    return reading

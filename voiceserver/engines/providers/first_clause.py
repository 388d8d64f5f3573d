"""When there is enough of an answer to commit to its provider: a first clause.

One that will be judged also needs tokens enough for that. Follows one answer; knows
neither its provider nor what it is judged by.
"""

from __future__ import annotations

from voiceserver.engines.base import TextItem
from voiceserver.engines.gate.confidence import MOST
from voiceserver.engines.gate.gate import enough_tokens
from voiceserver.engines.notes import Note, Probable
from voiceserver.phrases import (
    FIRST_CLAUSE,
    FIRST_CLAUSE_S,
    TIGHT_CLAUSE,
    PhraseSplitter,
)
from voiceserver.tools import ToolCall


class FirstClause:
    """The beginning of one answer.

    Args:
        asked_s: When it was asked for.
        read: It is read, not heard: its first word is enough.
        tight: Time is short: a few words are enough.
        judged: It is judged before it is let through.

    Attributes:
        asked_s: As given.
        logprobs: Of its first tokens, where they are told; ``MOST`` at most.
    """

    def __init__(self, asked_s: float, read: bool, tight: bool, judged: bool) -> None:
        self.logprobs: list[float] = []
        self.asked_s = asked_s
        self._read = read
        self._tight = tight
        self._judged = judged
        # Only whether there is a first clause: phrases are cut in ``reply.answer``.
        self._splitter = PhraseSplitter(TIGHT_CLAUSE if tight else FIRST_CLAUSE)
        self._text = ""
        self._whole = False

    def note(self, note: Note) -> None:
        """Take what its model tells beside it."""
        if isinstance(note, Probable):
            self.logprobs += note.logprobs[: MOST - len(self.logprobs)]

    def enough(self, piece: TextItem, now_s: float) -> bool:
        """Take the next of it; whether there is enough."""
        if not isinstance(piece, str):
            return isinstance(piece, ToolCall)
        if self._read and not self._judged:
            return bool(piece.strip())
        late = now_s - self.asked_s > FIRST_CLAUSE_S
        self._text += piece
        self._whole = bool(self._splitter.push(piece, late)) or self._whole
        if not self._judged or late or self._tight:
            return self._whole
        return self._whole and enough_tokens(self._text, len(self.logprobs))

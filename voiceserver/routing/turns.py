"""What a router knows of a conversation: words of the user, and what is asked for.

Types only. Knows no engine, no provider and no protocol.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from voiceserver.routing.words import words_of_turn

LONGEST = 400  # words of a turn that are looked at: four minutes of speech
LOOKED_BACK = 4  # turns of the user before this one


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the user.

    Attributes:
        text: As a recogniser or a keyboard wrote it.
        escalated: Its first answer was not believed, and a stronger model's said.
    """

    text: str
    escalated: bool = False
    _words: tuple[str, ...] | None = field(
        default=None, init=False, repr=False, compare=False
    )

    @property
    def words(self) -> tuple[str, ...]:
        """Of it, in lower case, ``LONGEST`` at most.

        Found when they are asked for: most turns before one are not looked at.
        """
        words = self._words
        if words is None:
            words = words_of_turn(self.text)[:LONGEST]
            object.__setattr__(self, "_words", words)
        return words


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be routed.

    Attributes:
        turn: To be answered.
        before: The user's turns before it, newest last; ``LOOKED_BACK`` are enough.
        tools: Functions that the model may call.
        route: ``"simple"`` or ``"complex"`` where a client asked for it; else ``""``.
    """

    turn: Turn
    before: tuple[Turn, ...] = ()
    tools: int = 0
    route: str = ""

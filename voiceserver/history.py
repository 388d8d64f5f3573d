"""The conversation so far, as the text model may know it.

Of a reply it keeps only what was heard. Pure; written by the session's one writer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Said:
    """One message.

    Attributes:
        role: ``"user"``, ``"assistant"`` or ``"system"``.
        text: Its words.
        turn: Turn of a reply; 0 for everything else.
    """

    role: str
    text: str
    turn: int = 0


class History:
    """Messages in order, oldest first, bounded in number and in characters.

    Args:
        max_messages: The oldest are forgotten beyond this.
        max_characters: The same for their total length.
    """

    def __init__(self, max_messages: int = 200, max_characters: int = 60_000) -> None:
        self._said: list[Said] = []
        self._max_messages = max_messages
        self._max_characters = max_characters

    @property
    def awaits_answer(self) -> bool:
        """Whether the user spoke last."""
        said = self.messages()
        return bool(said) and said[-1].role == "user"

    def add(self, role: str, text: str) -> None:
        """Append a message that is no reply; empty ones are left out."""
        if text:
            self._append(Said(role, text))

    def reply(self, turn: int, text: str) -> None:
        """Append a reply as generated; ``cut`` may shorten it later."""
        if text:
            self._append(Said("assistant", text, turn))

    def cut(self, turn: int, heard: str) -> None:
        """Keep only what was heard of the reply of ``turn``; may be called again."""
        self._said = [
            replace(said, text=heard.rstrip()) if said.turn == turn else said
            for said in self._said
        ]

    def messages(self) -> tuple[Said, ...]:
        """The messages, neighbours of the same speaker joined.

        A user who was cut short and went on has said one thing in two utterances.
        """
        joined: list[Said] = []
        for said in self._said:
            if not said.text:
                continue  # nothing of it was heard, so far
            if joined and joined[-1].role == said.role != "system":
                joined[-1] = replace(said, text=f"{joined[-1].text} {said.text}")
            else:
                joined.append(said)
        return tuple(joined)

    def _append(self, said: Said) -> None:
        self._said.append(replace(said, text=said.text[: self._max_characters]))
        while (
            len(self._said) > self._max_messages
            or sum(len(s.text) for s in self._said) > self._max_characters
        ):
            del self._said[0]

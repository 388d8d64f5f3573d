"""The conversation so far, as the text model may know it.

Of a reply it keeps only what was heard. Pure; written by the session's one writer.
How items of a conversation become messages is in ``docs/protocol.md``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from voiceserver.tools import ToolCall

KEPT = 0.75  # of a bound, once it was passed


@dataclass(frozen=True, slots=True)
class Said:
    """One message.

    Attributes:
        role: ``"user"``, ``"assistant"``, ``"system"``, or ``"tool"`` for a result.
        text: Its words.
        key: Names it; ``""`` if nobody will ask for it.
        calls: Of functions, by the assistant.
        call_id: The call that a result belongs to.
    """

    role: str
    text: str
    key: str = ""
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""


class History:
    """Messages in order, oldest first, bounded in number and in characters.

    Beyond a bound a quarter of them is forgotten at once, and not one with each turn:
    what is sent to a text model then begins alike from turn to turn, and services
    need not read it all anew.

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

    def add(self, said: Said, after: str | None = None) -> None:
        """Add a message; without words, calls or result it is a place, not told.

        Args:
            said: The message.
            after: Key of the message before it; ``""`` is the front. None, or a key
                that is not here (any more), is the end.
        """
        place = len(self._said)
        if after is not None:
            places = [n for n, each in enumerate(self._said, 1) if each.key == after]
            place = 0 if after == "" else (places or [place])[-1]
        said = replace(said, text=said.text[: self._max_characters])
        self._said.insert(place, said)
        self._bound()

    def delete(self, key: str) -> None:
        """Forget the messages of a key, if there are any."""
        self._said = [said for said in self._said if said.key != key]

    def fill(self, key: str, text: str) -> None:
        """Put words where they have their place; nothing if it was deleted."""
        text = text[: self._max_characters]
        self._said = [
            replace(said, text=text) if said.key == key else said for said in self._said
        ]
        self._bound()

    def cut(self, key: str, heard: str) -> None:
        """Keep only what was heard of a reply; may be called again with more."""
        self._said = [
            replace(said, text=heard.rstrip())
            if said.key == key and not said.calls
            else said
            for said in self._said
        ]

    def messages(self, saying: str = "", key: str = "") -> tuple[Said, ...]:
        """The messages, neighbours of the same speaker joined.

        A user who was cut short and went on has said one thing in two utterances.
        Results follow their calls at once; a call without result, or a result without
        call, is left out: chat services refuse them.

        Args:
            saying: Words of the user that are not written down yet.
            key: Names their place; without one they are the newest message.
        """
        results = {said.call_id: said for said in self._said if said.role == "tool"}
        joined: list[Said] = []
        newest = [Said("user", saying)] if saying and not key else []
        for said in [*self._said, *newest]:
            if key and said.key == key:
                said = replace(said, text=saying or said.text)
            calls = tuple(call for call in said.calls if call.call_id in results)
            if said.role == "tool" or not (said.text or calls):
                continue  # told with its call; or nothing of it was heard, so far
            said = replace(said, calls=calls)
            if joined and _joins(joined[-1], said):
                said = _joined(joined.pop(), said)
            joined.append(said)
        told: list[Said] = []
        for said in joined:
            told += [said, *(results[call.call_id] for call in said.calls)]
        return tuple(told)

    def _bound(self) -> None:
        if self._within(1.0):
            return
        while len(self._said) > 1 and not self._within(KEPT):
            del self._said[0]

    def _within(self, share: float) -> bool:
        """Whether it is within so much of both bounds."""
        length = sum(len(said.text) for said in self._said)
        few = len(self._said) <= max(1, share * self._max_messages)
        return few and length <= share * self._max_characters


def _joins(before: Said, said: Said) -> bool:
    # Words after a call answer its result.
    goes_on = not before.calls or (bool(said.calls) and not said.text)
    return before.role == said.role != "system" and goes_on


def _joined(before: Said, said: Said) -> Said:
    text = " ".join(part for part in (before.text, said.text) if part)
    return replace(before, text=text, calls=before.calls + said.calls)

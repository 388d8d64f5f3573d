"""A second dialect, in one file: what is said, as short lists in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from voiceserver.budget import TurnRecord
from voiceserver.commands import Attach, CallSettings, Command, CreateReply, HangUp
from voiceserver.config import Config
from voiceserver.events import Event, ReplyDone, TextDelta, Transcript
from voiceserver.session.ports import Opened, Opening
from voiceserver.voices import Voices


class Plain:
    """One call."""

    def __init__(self, send: Callable[[str], None]) -> None:
        self._send = send
        self._others: dict[int, Callable[[str], None]] = {}

    def _tell(self, *words: str) -> None:
        for send in (self._send, *self._others.values()):
            send(json.dumps(words))

    def opened(self) -> None:
        self._tell("hello")

    def notify(self, event: Event) -> None:
        match event:
            case Transcript(text=text, final=True):
                self._tell("you", text)
            case TextDelta(text=text):
                self._tell("I", text)
            case ReplyDone():
                self._tell("done")

    def account(self, record: TurnRecord) -> None:
        self._tell("took", str(record.turn))

    def receive(self, text: str, sender: int = 0, active: int = 0) -> Sequence[Command]:
        match text:
            case "speak":
                return [CreateReply()]
            case "bye":
                return [HangUp("you said bye")]
        self._tell("what?", text)
        return []

    def attach(self, listener: Attach) -> None:
        self._others.pop(listener.sender, None)
        if listener.send is not None:
            self._others[listener.sender] = listener.send
            listener.send(json.dumps(["hello"]))

    def refused(self, command: Command) -> None:
        self._tell("not now")

    def closed(self, end: HangUp) -> None:
        self._tell("bye", end.reason)


class PlainKind:
    """Its row of the table."""

    def open(self, opening: Opening, send: Callable[[str], None]) -> Opened:
        return Opened(Plain(send), CallSettings.starting(opening.config))

    def shown(
        self, config: Config, voices: Voices, session: Mapping[str, object]
    ) -> Mapping[str, object]:
        return session

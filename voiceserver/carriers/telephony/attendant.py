"""What every telephone call has, whatever line it comes by.

Who answers at the number, in which voice, with which greeting and how patiently; what
stands for audio that does not come; how long a call may be. It knows no line and no
service.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from voiceserver.audio import MIC_RATE, Samples
from voiceserver.carriers.base import Incoming
from voiceserver.carriers.telephony.keypad import Keypad
from voiceserver.clock import Clock
from voiceserver.commands import AddMessage, CreateReply, EndCode
from voiceserver.config import Config, NumberConfig, TelephonyConfig, TurnConfig
from voiceserver.events import KeyPressed
from voiceserver.session.session import Session

TOO_LONG = "The longest length of a telephone call is reached."
GAP_S = 0.4  # nothing comes for so long: the clock fills the caller's audio
_STILL = np.zeros(MIC_RATE // 10, np.float32)


@dataclass(frozen=True, slots=True)
class Dialled:
    """A telephone call before it is taken.

    Attributes:
        caller: Number of who calls; ``""`` if it was not told.
        called: Number that was called.
        attended: The server greets, and offers its own functions; else a program does
            what is to be done.
    """

    caller: str = ""
    called: str = ""
    attended: bool = True


def session_at(number: NumberConfig) -> dict[str, Any]:
    """What the session is to be where a number is called, as dialects read it.

    Turns are judged by their words: nobody sets them for a telephone, and what holds
    for clients that ask for nothing is a silence of one length.
    """
    audio: dict[str, Any] = {"input": {"turn_detection": {"type": "semantic_vad"}}}
    if number.voice:
        audio["output"] = {"voice": number.voice}
    session: dict[str, Any] = {"audio": audio}
    if number.instructions:
        session["instructions"] = number.instructions
    return session


def phone_turns(turn: TurnConfig, telephony: TelephonyConfig) -> TurnConfig:
    """How turns are taken on a telephone: more patiently, and nobody is forgotten."""
    return replace(
        turn,
        patience_ms=turn.patience_ms + telephony.patience_ms,
        idle_ms=turn.idle_ms or round(telephony.ask_after_s * 1000),
        idle_line=turn.idle_line or telephony.still_there,
        idle_asks=telephony.asks,
        idle_goodbye=telephony.goodbye,
    )


def phone_call(incoming: Incoming) -> Incoming:
    """What comes in, with a telephone's own settings."""
    config: Config = incoming.parts.config
    turn = phone_turns(config.turn, config.telephony)
    parts = replace(incoming.parts, config=replace(config, turn=turn))
    return replace(incoming, parts=parts)


class Attendant:
    """Attends to one telephone call.

    Args:
        session: The conversation.
        telephony: Settings of all telephones.
        dialled: Who calls whom.
        clock: Monotonic clock.
        hang_up: Ends the call, with a reason.
    """

    def __init__(
        self,
        session: Session,
        telephony: TelephonyConfig,
        dialled: Dialled,
        clock: Clock,
        hang_up: Callable[[str, EndCode], None],
    ) -> None:
        self._most_s = telephony.max_call_s
        self._goodbye = telephony.goodbye
        self._keypad = Keypad(telephony.digits_s, self._pressed, self._entered)
        self._hang_up = hang_up
        self._session = session
        number = telephony.at(dialled.called)
        self._greeting = number.greeting or telephony.greeting
        if not dialled.attended:
            self._greeting = ""
        self._clock = clock
        self._heard_ns = clock.now_ns()  # up to when there is audio of the caller

    def greet(self) -> None:
        """The call is taken: the caller hears the greeting first."""
        self._heard_ns = self._clock.now_ns()
        if self._greeting:
            self._session.command(CreateReply(say=self._greeting))

    def farewell(self, code: EndCode) -> str | None:
        """What is said before the call ends; who has left hears nothing."""
        return self._goodbye or None if code in ("closing", "limit") else None

    def press(self, key: str) -> None:
        """A key was pressed: it interrupts, and is part of what is entered."""
        self._keypad.press(key)

    def close(self) -> None:
        """The call is over."""
        self._keypad.close()

    def _pressed(self, key: str) -> None:
        self._session.happens(KeyPressed(key, int(time.time())))

    def _entered(self, keys: str) -> None:
        """Keys are what the caller says, and are answered like that."""
        self._session.command(AddMessage("user", keys))
        if self._session.answers:
            self._session.command(CreateReply())

    def heard(self) -> None:
        """Audio of the caller has come, and was given to the session."""
        self._heard_ns = self._clock.now_ns()

    async def hear(self, samples: Samples) -> None:
        """Take audio of the caller, 16 kHz."""
        self.heard()
        await self._session.door.hear(samples)

    def beside(self) -> Sequence[Coroutine[object, object, None]]:
        """What runs beside the conversation."""
        return (self._fill(), self._end_in_time())

    async def _end_in_time(self) -> None:
        """A telephone call may have a length of its own, below that of any call."""
        if self._most_s:
            await asyncio.sleep(self._most_s)
            self._hang_up(TOO_LONG, "limit")

    async def _fill(self) -> None:
        """Where nothing comes the clock fills the timeline, so that turns end."""
        while True:
            await asyncio.sleep(len(_STILL) / MIC_RATE)
            gap_s = (self._clock.now_ns() - self._heard_ns) / 1e9
            if gap_s > GAP_S:
                self._heard_ns += len(_STILL) * 1_000_000_000 // MIC_RATE
                self._session.hear(_STILL, made_up=True)

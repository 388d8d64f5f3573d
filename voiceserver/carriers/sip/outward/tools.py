"""What a telephone by SIP offers the text model: hang up, transfer, press keys, hold.

A wish waits until what sounds has been heard, so that "I'll put you through" is; what
came of one that failed is told to the model. Knows nothing of signalling.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from voiceserver.carriers.telephony.tools import PhoneTools
from voiceserver.errors import BadRequest, VoiceServerError
from voiceserver.media.telephone_events import DIGITS
from voiceserver.session.ports import Used
from voiceserver.tools import Tool, ToolCall

MOST_WISHES = 4  # that wait
MOST_DIGITS = 32
LONGEST_HOLD_S = 300
TRANSFER_CALL = Tool(
    "transfer_call",
    "Transfer the telephone call to somebody else, who takes it over. Tell the caller "
    "in the same answer whom they are put through to.",
    {
        "type": "object",
        "properties": {
            "to": {
                "type": "string",
                "description": "A telephone number or extension, or a sip: address.",
            }
        },
        "required": ["to"],
    },
)
SEND_DIGITS = Tool(
    "send_digits",
    "Press keys of the telephone, as a menu of the other side asks for.",
    {
        "type": "object",
        "properties": {
            "digits": {"type": "string", "description": "0-9, *, # and A-D, in order."}
        },
        "required": ["digits"],
    },
)
HOLD = Tool(
    "hold",
    "Put the other side on hold for some time. They hear nothing until then, so tell "
    "them in the same answer.",
    {
        "type": "object",
        "properties": {
            "seconds": {"type": "integer", "minimum": 1, "maximum": LONGEST_HOLD_S}
        },
        "required": ["seconds"],
    },
)


class Line(Protocol):
    """The call, as its tools see it."""

    async def quiet(self) -> None:
        """Wait until nothing of the reply sounds any more, within a limit."""

    async def transfer(self, to: str) -> None:
        """Transfer the call; what came of it later is told."""

    async def send_digits(self, digits: str) -> None:
        """Press keys; return when they are."""

    async def hold(self, seconds: float) -> None:
        """Hold the other side; return when it is held no more."""

    def tell(self, what: str) -> None:
        """Tell the text model, which then answers."""


Wish = Callable[[Line], Awaitable[None]]


class SipTools:
    """Those of one call.

    Args:
        names: Which are offered.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._phone = PhoneTools(names)
        more = (TRANSFER_CALL, SEND_DIGITS, HOLD)
        self.offered: Sequence[Tool] = [
            *self._phone.offered,
            *(tool for tool in more if tool.name in names),
        ]
        self._wishes: asyncio.Queue[Wish] = asyncio.Queue(MOST_WISHES)

    def use(self, call: ToolCall) -> Used | None:
        """Carry a call out, or begin to."""
        if call.name not in {tool.name for tool in self.offered}:
            return None
        used = self._phone.use(call)
        if used is not None:
            return used
        try:
            wish = _wish(call)
            self._wishes.put_nowait(wish)
        except BadRequest as error:
            return Used(f"It was not done: {error}", answers=True)
        except asyncio.QueueFull:
            return Used("It was not done: too much is waiting.", answers=True)
        return Used("It is done once you have been heard; you are told if it fails.")

    async def run(self, line: Line) -> None:
        """Carry out what was wished for, one after the other, until cancelled."""
        while True:
            wish = await self._wishes.get()
            await line.quiet()
            try:
                await wish(line)
            except VoiceServerError as error:
                line.tell(f"It was not done: {error}")


def _wish(call: ToolCall) -> Wish:
    """What is asked for.

    Raises:
        BadRequest: If that cannot be read.
    """
    try:
        given = json.loads(call.arguments or "{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise BadRequest("the arguments are no JSON object")
    match call.name, given:
        case "transfer_call", {"to": str(to)} if to.strip():
            return lambda line: line.transfer(to)
        case "send_digits", {"digits": str(digits)}:
            plain = keys_in(digits)
            return lambda line: line.send_digits(plain)
        case "hold", {"seconds": int(seconds)} if 1 <= seconds <= LONGEST_HOLD_S:
            return lambda line: line.hold(seconds)
    raise BadRequest(f"the arguments of {call.name} cannot be used")


def keys_in(text: str) -> str:
    """The keys that a text names, without blanks.

    Raises:
        BadRequest: If it is none, or more than can be pressed.
    """
    keys = "".join(text.split()).upper()
    if not keys or len(keys) > MOST_DIGITS or not set(keys) <= set(DIGITS):
        raise BadRequest(
            f"digits are 1 to {MOST_DIGITS} of {DIGITS}", "invalid_digits", "digits"
        )
    return keys

"""Calls that the server was asked to make, and what became of each; the newest ones.

Pure but for who waits for the next change. Knows neither SIP nor HTTP.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

MOST = 1000  # calls that are remembered

# What became of a call that nobody took, by SIP's status; anything else is "failed".
RESULTS: Mapping[int, str] = {
    0: "cancelled",
    401: "not_allowed",
    403: "not_allowed",
    404: "unknown_number",
    407: "not_allowed",
    408: "no_answer",
    410: "unknown_number",
    480: "no_answer",
    484: "unknown_number",
    486: "busy",
    487: "cancelled",
    600: "busy",
    603: "declined",
    604: "unknown_number",
}


@dataclass(frozen=True, slots=True)
class CallState:
    """A call that goes out, as it stands.

    Attributes:
        id: Of the call.
        to: Who is called.
        caller: Our number.
        trunk: That it goes out by.
        state: ``"calling"``, ``"ringing"``, ``"answered"`` or ``"ended"``.
        result: Once it has ended: ``"completed"``, or why nobody took it.
        status: Of SIP, where it was refused; 0 where it was not.
        reason: In words.
        answered_by: ``"human"``, ``"machine"`` or ``"unknown"``, once that was heard.
    """

    id: str
    to: str
    caller: str
    trunk: str
    state: str = "calling"
    result: str = ""
    status: int = 0
    reason: str = ""
    answered_by: str = ""

    def shown(self) -> dict[str, object]:
        """As JSON."""
        return {
            "id": self.id,
            "object": "call",
            "to": self.to,
            "from": self.caller,
            "trunk": self.trunk,
            "state": self.state,
            "result": self.result or None,
            "sip_status": self.status or None,
            "reason": self.reason or None,
            "answered_by": self.answered_by or None,
        }


class Book:
    """The newest calls, each with all its states."""

    def __init__(self) -> None:
        self._states: OrderedDict[str, list[CallState]] = OrderedDict()
        self._changed: dict[str, asyncio.Event] = {}

    def add(self, state: CallState) -> None:
        """Note a state; a copy of the last one is none, and nothing follows an end."""
        states = self._states.setdefault(state.id, [])
        if states and (states[-1] == state or states[-1].state == "ended"):
            return
        states.append(state)
        changed = self._changed.pop(state.id, None)
        if changed is not None:
            changed.set()
        if len(self._states) > MOST:
            gone, _ = self._states.popitem(last=False)
            self._changed.pop(gone, asyncio.Event()).set()

    def find(self, call_id: str) -> CallState | None:
        """A call as it stands; None if it is none of these."""
        states = self._states.get(call_id)
        return states[-1] if states else None

    async def states(self, call_id: str) -> AsyncGenerator[CallState, None]:
        """All states of a call, those that follow too, until it has ended."""
        n_told = 0
        while (states := self._states.get(call_id)) is not None:
            for state in states[n_told:]:
                n_told += 1
                yield state
                if state.state == "ended":
                    return
            if n_told == len(states):
                await self._changed.setdefault(call_id, asyncio.Event()).wait()

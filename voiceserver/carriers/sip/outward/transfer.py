"""A call that is handed over: one REFER, and what the other side tells of it.

RFC 3515: the other side calls somebody else, or takes the place of a call of ours with
them, and says with NOTIFY what became of that. Knows neither sockets nor who is called.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass

from aiosipua import SipRequest, SipResponse

from voiceserver.errors import CallRefused

# From the REFER to the last NOTIFY; whoever is called may let it ring.
LIMIT_S = 60.0
TRANSFERRED = "The call was transferred."
_STATUS = re.compile(r"\s*SIP/2\.0\s+([1-6]\d\d)\s*([^\r\n]{0,80})")


@dataclass(frozen=True, slots=True)
class Counterpart:
    """Who we talk to, for a call that is to take ours over.

    Attributes:
        address: Theirs, with the call that is replaced (RFC 3891).
        trunk: Name of that by which we talk to them.
    """

    address: str
    trunk: str


def refusal_in(response: SipResponse | None) -> CallRefused:
    """What is raised for a refusal; None is no answer in time."""
    if response is None:
        return CallRefused("The other side does not answer.", 408)
    status, why = response.status_code, response.reason_phrase[:80]
    return CallRefused(f"It was refused: {status} {why}.", status)


class Transfer:
    """One.

    Args:
        told: Called once after it was accepted: with ``""`` when somebody else has
            taken the call, else with why not.
        over: Called once when nothing more is expected of it.
    """

    def __init__(self, told: Callable[[str], None], over: Callable[[], None]) -> None:
        self._told = told
        self._over = over
        loop = asyncio.get_running_loop()
        self._accepted: asyncio.Future[None] = loop.create_future()
        self._timer = loop.call_later(LIMIT_S, self._lapsed)
        self._done = False

    async def accepted(self) -> None:
        """Wait until the other side is about to do it.

        Raises:
            CallRefused: If it will not.
        """
        await self._accepted

    def answered(self, response: SipResponse | None) -> None:
        """The REFER was answered, or not in time."""
        if response is None or response.status_code >= 300:
            self._refused(refusal_in(response))
        elif not self._accepted.done():
            self._accepted.set_result(None)

    def notified(self, notify: SipRequest) -> None:
        """The other side tells how it goes."""
        event = (notify.get_header("event") or notify.get_header("o") or "").lower()
        if event.partition(";")[0].strip() != "refer":
            return
        found = _STATUS.match(notify.text[:200])
        state = (notify.get_header("subscription-state") or "").strip().lower()
        status = int(found[1]) if found else 0
        if not self._accepted.done():
            self._accepted.set_result(None)  # it was quicker than its own 202
        if 200 <= status < 300:
            self._finish("")
        elif found is not None and status >= 300:
            self._finish(f"Nobody took it: {status} {found[2].strip()}".rstrip() + ".")
        elif state.startswith("terminated"):
            self._finish("The other side does not tell what became of it.")

    def left(self) -> bool:
        """The other side has hung up; whether it has gone to who it was sent to."""
        gone = self._accepted.done() and not self._done
        if gone:
            self._end()
        else:
            self._refused(CallRefused("The other side has hung up.", 487))
        return gone

    def _refused(self, error: CallRefused) -> None:
        if not self._accepted.done():
            self._accepted.set_exception(error)
            self._accepted.exception()  # whoever waited may have gone
        self._end()

    def _finish(self, why: str) -> None:
        if not self._done:
            self._end()
            self._told(why)

    def _lapsed(self) -> None:
        if self._accepted.done():
            self._finish("The other side does not tell what became of it.")
        else:
            self._refused(refusal_in(None))

    def _end(self) -> None:
        self._timer.cancel()
        if not self._done:
            self._done = True
            self._over()

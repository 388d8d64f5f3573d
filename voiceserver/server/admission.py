"""Which calls are in progress, and whether one more is taken.

The calls run in a ``TaskGroup`` that ``main`` holds. This is the session edge: an
error of one call is caught, counted and logged here and never reaches the others.
A call too many is refused with a reason before its offer is even read; a call in
progress is never cut to make room. Knows nothing of HTTP or of how calls work.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from itertools import takewhile
from typing import Any

from voiceserver.carriers.base import Call
from voiceserver.commands import EndCode
from voiceserver.errors import SessionEnded, VoiceServerError
from voiceserver.metrics import Metrics
from voiceserver.overload import SETTLED_S
from voiceserver.server.observability.log import call_named
from voiceserver.server.places import Room

log = logging.getLogger(__name__)

ANSWER_LIMIT_S = 10.0  # from an offer to its answer; DTLS set-up has its own limit
CANCEL_LIMIT_S = 2.0  # for a cancelled call to clean up
TOO_LONG = "The longest call length is reached."


MakeCall = Callable[[str], Call]


class CallRegistry:
    """Takes calls up to a limit, and holds them.

    Args:
        group: Where calls run.
        max_calls: Calls at a time, those being set up included.
        max_call_s: A longer call is hung up.
        metrics: Where calls are counted.
        max_calls_from: Calls at a time from one address; 0 is ``max_calls``.
        worker: Mark of this process among several; it is in its calls' ids.
        max_calls_by: Calls at a time with one API key; 0 is ``max_calls``.
    """

    def __init__(
        self,
        group: asyncio.TaskGroup,
        max_calls: int,
        max_call_s: float,
        metrics: Metrics,
        max_calls_from: int = 0,
        worker: str | None = None,
        max_calls_by: int = 0,
    ) -> None:
        self._group = group
        self._max_call_s = max_call_s
        self._room = Room(max_calls, max_calls_from, metrics, max_calls_by)
        self._prefix = "rtc_" if worker is None else f"rtc_{worker}_"
        self._metrics = metrics
        self._calls: dict[str, Call] = {}
        self._began_s: dict[str, float] = {}  # by the loop's time, the oldest first
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: dict[str, asyncio.Event] = {}
        self._told: dict[str, list[Callable[[], None]]] = {}  # when they end

    def __len__(self) -> int:
        return len(self._tasks)

    def settled(self) -> tuple[int, int]:
        """How many calls have been there for ``SETTLED_S``, and how many others."""
        by_s = asyncio.get_running_loop().time() - SETTLED_S
        n = sum(1 for _ in takewhile(by_s.__ge__, self._began_s.values()))
        return n, len(self._began_s) - n

    @property
    def closing(self) -> bool:
        """Whether the server is going; no call is taken any more."""
        return self._room.closing

    def check_room(self, place: str = "", key: str = "") -> None:
        """Check that one more call would be taken.

        Args:
            place: Address of the client.
            key: Names its API key; ``""`` if there is none.

        Raises:
            Overloaded: If not; the text says why.
        """
        self._room.check(place, key)

    def refuse(self, reason: str) -> None:
        """Take no call any more; those in progress go on."""
        self._room.close(reason)

    async def emptied(self) -> None:
        """Wait until no call is in progress."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def new_id(self) -> str:
        """An id for a call that will be placed."""
        return f"{self._prefix}{secrets.token_hex(12)}"

    async def place(
        self,
        make: MakeCall,
        offer: str,
        place: str = "",
        key: str = "",
        call_id: str = "",
    ) -> tuple[str, str]:
        """Answer an offer and hold the call.

        Args:
            make: Makes the call, given its id, whose end ``when_ended`` tells already.
            offer: The client's offer.
            place: Address of the client.
            key: Names its API key; ``""`` if there is none.
            call_id: That it has already, by ``new_id``.

        Returns:
            The call's id, and the answer.

        Raises:
            Overloaded: If there is no room.
            BadRequest: If the offer cannot be used.
            SessionEnded: If the call ended before there was an answer.
        """
        self.check_room(place, key)
        call_id = call_id or self.new_id()
        self._told[call_id] = []  # already: who makes it may want to know its end
        try:
            call = make(call_id)
        except BaseException:
            self._tell_end(call_id)
            raise
        answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        # One task answers and holds, so that the call is counted, and is cancelled
        # at shutdown, from its first moment on and whatever its client does.
        task = self._group.create_task(self._hold(call_id, call, offer, answered))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._room.take(place, key)
        task.add_done_callback(lambda _: self._room.leave(place, key))
        self._calls[call_id] = call
        self._began_s[call_id] = asyncio.get_running_loop().time()
        self._ends[call_id] = asyncio.Event()
        answered.add_done_callback(_seen)
        both: set[asyncio.Future[Any]] = {answered, task}
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            raise SessionEnded("The call ended before it was answered.")
        return call_id, answered.result()

    def find(self, call_id: str) -> Call | None:
        """The call of an id, if it is in progress."""
        return self._calls.get(call_id)

    async def ended(self, call_id: str) -> None:
        """Wait until a call is over; at once if there is none of that id."""
        end = self._ends.get(call_id)
        if end is not None:
            await end.wait()

    def when_ended(self, call_id: str, told: Callable[[], None]) -> None:
        """Have it told once a call is over; at once if there is none of that id."""
        if call_id in self._told:
            self._told[call_id].append(told)
        else:
            told()

    def hang_up(self, call_id: str, reason: str, code: EndCode = "ended") -> bool:
        """Ask a call to end; return whether there is such a call."""
        call = self._calls.get(call_id)
        if call is None:
            return False
        try:
            call.hang_up(reason, code)
        except Exception as error:  # one must not hurt the others
            self._metrics.faults.labels("call", type(error).__name__).inc()
            log.exception("a call could not be told to end", extra={"call": call_id})
        return True

    async def close(self, reason: str, limit_s: float) -> None:
        """Refuse new calls, tell those in progress, and see them end.

        Args:
            reason: Told to the clients.
            limit_s: A call that has not ended after this is cancelled.
        """
        self.refuse(reason)
        for call_id in list(self._calls):
            self.hang_up(call_id, reason, "closing")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=limit_s)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=CANCEL_LIMIT_S)

    async def _hold(
        self, call_id: str, call: Call, offer: str, answered: asyncio.Future[str]
    ) -> None:
        """Answer and hold one call; never raises but for cancellation."""
        with call_named(call_id):
            self._metrics.calls.inc()
            end = "cancelled"
            try:
                end = await self._answer_and_run(call, offer, answered)
            finally:
                self._calls.pop(call_id, None)
                self._began_s.pop(call_id, None)
                self._ends.pop(call_id).set()
                self._tell_end(call_id)
                self._metrics.calls.dec()
                self._metrics.calls_total.labels(end).inc()

    def _tell_end(self, call_id: str) -> None:
        for told in self._told.pop(call_id):
            told()

    async def _answer_and_run(
        self, call: Call, offer: str, answered: asyncio.Future[str]
    ) -> str:
        """Return how the call ended, as a label of the metrics."""
        try:
            answer = await _answer(call, offer)
            answered.set_result(answer)
            log.info("call began")
            timer = asyncio.get_running_loop().call_later(
                self._max_call_s, call.hang_up, TOO_LONG, "limit"
            )
            try:
                reason = await call.run()
            finally:
                timer.cancel()
            log.info("call ended", extra={"reason": reason})
        except Exception as error:  # noqa: BLE001 - the session edge
            return self._failed(error, answered)
        return "ended"

    def _failed(self, error: Exception, answered: asyncio.Future[str]) -> str:
        if not answered.done():
            # Whoever made the offer is told, and counts what was not foreseen.
            answered.set_exception(error)
            return "refused" if isinstance(error, VoiceServerError) else "failed"
        if isinstance(error, SessionEnded):
            log.info("call ended", extra={"reason": str(error)})
            return "ended"
        kind = type(error).__name__
        self._metrics.faults.labels("call", kind).inc()
        log.error("a call failed", extra={"kind": kind}, exc_info=error)
        return "failed"


async def _answer(call: Call, offer: str) -> str:
    try:
        async with asyncio.timeout(ANSWER_LIMIT_S):
            return await call.answer(offer)
    except TimeoutError:
        raise SessionEnded("The call could not be set up in time.") from None


def _seen(answered: asyncio.Future[str]) -> None:
    """Take note of an error whose request was given up meanwhile."""
    if not answered.cancelled():
        answered.exception()

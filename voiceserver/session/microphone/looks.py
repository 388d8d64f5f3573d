"""Windows that several calls have due are looked at for voice in one step.

The network reads its weights once for all of them, and numpy is called once. Who has a
window due waits for the next step, which is a few milliseconds after the last one: by
then others have some due, too. Where few calls are listened to there is nobody to wait
for. A call that is behind has no time to lose, and has the step of the next turn of the
loop, with all that are behind like it: a server that is late must not pay more for the
same work, or it would stay late. Knows nothing of what the windows are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from weakref import WeakKeyDictionary

from voiceserver.engines.base import VoiceActivityEngine
from voiceserver.session.microphone.voice_windows import VoiceWindows

# Between two steps, for each call and at most: what is due waits for half of it, on the
# average. With 24 calls that is 4 ms; with more the processor is what is short.
GAP_PER_CALL_MS, MOST_GAP_MS = 0.3, 10.0
# Calls: of fewer not four are due at a step, and less is dearer together than alone.
FEW = 24
MOST = 16  # calls of a step: a millisecond of the loop; others have the next turn's

_Asked = tuple[VoiceWindows, asyncio.Future[None]]


class Looks:
    """Of all calls that a loop listens to."""

    def __init__(self) -> None:
        self._asked: list[_Asked] = []
        self._next: asyncio.Handle | None = None
        self._next_s = 0.0
        self._soon = False  # it is in the next turn
        self._n_calls = 0

    @classmethod
    def here(cls) -> Looks:
        """Those of the loop that runs."""
        return _LOOKS.setdefault(asyncio.get_running_loop(), cls())

    @contextlib.contextmanager
    def one_more(self) -> Iterator[None]:
        """Meanwhile one more call is listened to."""
        self._n_calls += 1
        try:
            yield
        finally:
            self._n_calls -= 1

    async def look(self, windows: VoiceWindows, behind: bool = False) -> None:
        """Tell what a call's windows were, once they were looked at with others'.

        Args:
            windows: Some of them are due.
            behind: More has come meanwhile: it waits for no gap.
        """
        if self._n_calls >= FEW:
            loop = asyncio.get_running_loop()
            looked: asyncio.Future[None] = loop.create_future()
            self._asked.append((windows, looked))
            if behind:
                self._step_soon()
            elif self._next is None:
                self._next = loop.call_at(self._next_s, self._step)
            await looked
        windows.look()

    def _step_soon(self) -> None:
        if self._soon:
            return
        if self._next is not None:
            self._next.cancel()
        self._next = asyncio.get_running_loop().call_soon(self._step)
        self._soon = True

    def _step(self) -> None:
        loop = asyncio.get_running_loop()
        asked, self._asked = self._asked[:MOST], self._asked[MOST:]
        self._next, self._soon = None, False
        if self._asked:
            self._step_soon()
        gap_ms = min(MOST_GAP_MS, GAP_PER_CALL_MS * self._n_calls)
        self._next_s = loop.time() + gap_ms / 1000
        engines = {id(windows.engine): windows.engine for windows, _ in asked}
        for engine in engines.values():
            # What goes wrong goes wrong again where each looks at its own: there it is
            # that call's fault, and no other's.
            with contextlib.suppress(Exception):
                _look_at(
                    engine,
                    [
                        windows
                        for windows, looked in asked
                        if windows.engine is engine and not looked.done()
                    ],
                )
        for _, looked in asked:
            if not looked.done():  # or that call has ended
                looked.set_result(None)


def _look_at(engine: VoiceActivityEngine, calls: list[VoiceWindows]) -> None:
    if len(calls) < 2:  # one by itself is quicker by itself
        return
    found = engine.together([windows.asked for windows in calls])
    for windows, probabilities in zip(calls, found, strict=True):
        windows.found(probabilities)


_LOOKS: WeakKeyDictionary[asyncio.AbstractEventLoop, Looks] = WeakKeyDictionary()

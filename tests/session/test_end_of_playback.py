"""What comes in the instant in which a reply has sounded, in every order.

The last frame is pulled; beside the notice of it lie, before and behind, whatever a
client or the listener may say just then. Nothing of it was cut off: who is asked
afterwards, because the user is silent or asks, knows the reply to its last word.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import permutations

import pytest

from tests.fakes import PTIME_S, Call, FakeText
from tests.virtual_time import run_virtual
from voiceserver.audio import SPEECH_FRAME
from voiceserver.commands import (
    AddMessage,
    CancelReply,
    ClearPlayback,
    Configure,
    CreateReply,
)
from voiceserver.config import Config, MediaConfig, TurnConfig
from voiceserver.events import (
    BargeIn,
    IdleElapsed,
    SpeechStarted,
    Transcript,
)

# What is on its way to the ear is more than half of the last word.
IDLE = Config(turn=TurnConfig(idle_ms=5000), media=MediaConfig(client_playout_ms=150))
WHOLE = "w0 w1 w2 w3"

Act = Callable[[Call], None]

ACTS: dict[str, Act] = {
    "clear": lambda call: call.session.command(ClearPlayback()),
    "cancel": lambda call: call.session.command(CancelReply(whatever=True)),
    "create": lambda call: call.session.command(CreateReply()),
    "configure": lambda call: call.session.command(Configure(call.settings)),
    "message": lambda call: call.session.command(AddMessage("system", "Be brief.")),
    "speech": lambda call: call.session.happens(SpeechStarted(9, 0)),
    "barge-in": lambda call: call.session.happens(BargeIn(9, 0, "words")),
    "cough": lambda call: call.session.happens(Transcript(9, "", final=True)),
    "idle": lambda call: call.session.happens(IdleElapsed(0, 9)),
}

# Of those that stop a reply, begin one or count as the user's.
PAIRED = ("clear", "create", "barge-in", "cough", "idle")


class LastFrame(Call):
    """A call whose carrier does more in the pull that ends the first reply."""

    def __init__(self, before: tuple[str, ...], after: tuple[str, ...]) -> None:
        super().__init__(IDLE, text=FakeText(words=4))
        self.before, self.after = before, after
        self.ended = asyncio.Event()

    async def _pull(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += PTIME_S
            await asyncio.sleep(due - loop.time())
            last = self._last() and not self.ended.is_set()
            for name in self.before if last else ():
                ACTS[name](self)
            self.playout.next_frame()
            if last:
                for name in self.after:
                    ACTS[name](self)
                self.ended.set()

    def _last(self) -> bool:
        out = self.playout
        return out._finished and 0 < out._buffered <= SPEECH_FRAME

    async def scenario(self) -> None:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self.run([(8.0, False)]))
            await asyncio.sleep(0.1)
            self.session.command(CreateReply())
            await running


def known(call: LastFrame) -> list[str]:
    """What each later request knows of the assistant's words."""
    assert isinstance(call.text, FakeText)
    return [
        " ".join(m.text for m in request.messages if m.role == "assistant")
        for request in call.text.requests[1:]
    ]


ORDERS = [
    (acts[:at], acts[at:])
    for acts in ((), *permutations(ACTS, 1), *permutations(PAIRED, 2))
    for at in range(len(acts) + 1)
]


@pytest.mark.parametrize("part", range(4))
def test_who_is_asked_later_knows_the_reply_to_its_last_word(part: int) -> None:
    """All orders of up to two things beside the end; some ask at once, others idle."""
    wrong, asked = [], 0
    for before, after in ORDERS[part::4]:
        call = LastFrame(before, after)
        run_virtual(call.scenario())
        assert call.ended.is_set()
        told = known(call)
        asked += len(told)
        if not all(words.startswith(WHOLE) for words in told):
            wrong.append((before, after, told))
    assert not wrong, (len(wrong), wrong[:8])
    assert asked > len(ORDERS) // 4

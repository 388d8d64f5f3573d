"""A chain of fake text providers, and what comes of its turns; in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.chat_faults import ChatService
from tests.fake_transport import FakeTransport
from tests.virtual_time import run_virtual
from voiceserver.budget import Called, Spent, Step
from voiceserver.config import BudgetConfig, Config, TextConfig, TextProvider
from voiceserver.engines.base import Message, TextModel, TextRequest
from voiceserver.engines.notes import Answering, Note
from voiceserver.engines.providers.chains import text_chain
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.responder import Responder
from voiceserver.engines.responder.standby import Standby
from voiceserver.engines.watch.watch import Watch
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics
from voiceserver.purse import Thrift
from voiceserver.tools import NO_TOOLS, ToolCall, ToolUse

T = TypeVar("T")
DELTAS = ("Cer", "tainly. ", "The ", "kitchen ", "light ", "is ", "now ", "on.")


@dataclass
class Turn:
    """What came of one turn."""

    text: str = ""
    took_s: float = 0.0
    error: str = ""
    notes: list[Note] = field(default_factory=list)
    calls: list[Called] = field(default_factory=list)
    asked_for: list[str] = field(default_factory=list)  # functions

    @property
    def by(self) -> str:
        names = [note.name for note in self.notes if isinstance(note, Answering)]
        return names[-1] if names else ""

    @property
    def steps(self) -> list[Step]:
        return [note for note in self.notes if isinstance(note, Step)]

    @property
    def spent(self) -> Spent:
        return sum((n for n in self.notes if isinstance(n, Spent)), Spent())


class Bench:
    """Providers ``a``, ``b`` ... with the given faults, and the responder last.

    Of calls, ``canary`` is the share that ``b`` answers, as a candidate.
    """

    def __init__(
        self,
        *faults: str,
        budget: BudgetConfig | None = None,
        watch: Watch | None = None,
        canary: float = 0.0,
    ) -> None:
        self.transport = FakeTransport(
            {name: ChatService(0.2, 0.02, DELTAS) for name in "abc"[: len(faults)]}
        )
        providers = tuple(
            TextProvider(
                name,
                f"http://{name}/v1",
                fault,
                expect_model=fault,
                price_in=1.0,
                price_out=2.0,
                canary=canary if name == "b" else 0.0,
            )
            for name, fault in zip("abc", faults, strict=False)
        )
        self.metrics = Metrics()
        self.config = Config(
            text=TextConfig(provider=providers), budget=budget or BudgetConfig()
        )
        self.costs = Costs(self.metrics, caps=self.config.budget)
        self.chain = text_chain(
            self.config,
            self.transport,
            Standby(Responder(self.config.responder)),
            self.metrics,
            self.costs,
            watch=watch,
        )
        self.routes = {route.name: route for route, _ in self.chain._routes}

    async def turn(
        self,
        said: str = "is the light on",
        model: TextModel | None = None,
        thrift: Thrift = Thrift.NONE,
        tools: ToolUse = NO_TOOLS,
    ) -> Turn:
        turn = Turn()
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        request = TextRequest(
            (Message("user", said),),
            observe=turn.notes.append,
            called=turn.calls.append,
            thrift=thrift,
            tools=tools,
        )
        try:
            async with aclosing((model or self.chain).reply(request)) as words:
                async for piece in words:
                    if not turn.text:
                        turn.took_s = loop.time() - began_s
                    if isinstance(piece, ToolCall):
                        turn.asked_for.append(piece.name)
                        continue
                    turn.text += str(piece)
        except EngineFailed as error:
            turn.error = str(error)
        return turn

    async def turns(self, n: int) -> list[Turn]:
        return [await self.turn() for _ in range(n)]


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return run_virtual(coroutine)

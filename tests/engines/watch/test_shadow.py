"""Candidates beside a live model: who is asked, when, and what is kept."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import date
from pathlib import Path

from tests.polling import until
from voiceserver.budget import Spent
from voiceserver.engines.base import Message, TextItem, TextRequest
from voiceserver.engines.notes import Answering
from voiceserver.engines.watch.shadow import WAITING, Shadow, WithShadow
from voiceserver.engines.watch.standings import Compared, read
from voiceserver.errors import ProviderFailed
from voiceserver.metrics import Metrics
from voiceserver.tools import ToolCall

SAID = "my name is Ann Lee, what time is it"


class FakeModel:
    """Answers as it is told; keeps what it was asked."""

    def __init__(
        self, answer: Callable[[TextRequest], str], cost_usd: float = 0.001
    ) -> None:
        self.name, self.version = "fake", "v1"
        self.asked: list[TextRequest] = []
        self._answer = answer
        self._cost_usd = cost_usd

    def at_most_usd(self, request: TextRequest) -> float:
        return self._cost_usd

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        self.asked.append(request)
        request.observe(Answering(self.name))
        text = self._answer(request)
        if text == "fail":
            raise ProviderFailed(self.name, "failed")
        if text == "tool":
            yield ToolCall("c1", "look", "{}")
            return
        for word in text.split(" "):
            await asyncio.sleep(0)
            yield word + " "
        request.observe(Spent(1, 1, 0, self._cost_usd))


class Scene:
    """A live model, a candidate, perhaps a judge, and the record."""

    def __init__(
        self,
        path: Path,
        candidate: str,
        judge: FakeModel | None = None,
        share: float = 1.0,
        limit_usd: float = 0.0,
    ) -> None:
        self.path = path / "shadow.jsonl"
        self.metrics = Metrics()
        self.busy = False
        self.live = FakeModel(lambda _request: "It is half past nine.")
        self.candidate = FakeModel(lambda _request: candidate)
        self.judge = judge
        self.shadow = Shadow(
            [("c", self.candidate)],
            judge,
            share,
            limit_usd,
            self.path,
            self.metrics,
            lambda: self.busy,
            random.Random(1),
            lambda: date(2026, 11, 28),
        )
        self.model = WithShadow(self.live, self.shadow)

    async def turns(self, n: int, words: int | None = None) -> None:
        request = TextRequest((Message("user", SAID),), "Be short.")
        async with self.shadow:
            for _ in range(n):
                async with aclosing(self.model.reply(request)) as items:
                    count = 0
                    async for _item in items:
                        count += 1
                        if count == words:
                            break
                await self.settled()

    async def settled(self) -> None:
        for _ in range(200):
            await asyncio.sleep(0.001)
            if not self.shadow._waiting and self.written >= len(self.candidate.asked):
                break

    @property
    def written(self) -> int:
        return len(self.record)

    @property
    def record(self) -> list[Compared]:
        if not self.path.exists():
            return []
        return [
            one
            for all_ in read(self.path.read_text().splitlines()).values()
            for one in all_
        ]

    def counted(self, end: str) -> float:
        value = self.metrics.registry.get_sample_value
        return value("voiceserver_shadow_answers_total", {"end": end}) or 0


async def test_a_finished_answer_is_compared(tmp_path: Path) -> None:
    """After it; redacted, without functions; numbers are kept and no text."""
    scene = Scene(tmp_path, "I'm sorry, I can't help with that.")
    await scene.turns(3)
    (asked, *_) = scene.candidate.asked
    assert asked.messages[-1].text == "my name is [name], what time is it"
    assert asked.instructions == "Be short."
    assert [one.verdict for one in scene.record] == ["live"] * 3
    assert scene.record[0].by == "sight"
    assert scene.record[0].live_cost_usd == scene.record[0].cost_usd == 0.001
    assert "sorry" not in scene.path.read_text()
    assert scene.counted("live") == 3


async def test_a_judge_decides_where_nothing_can_be_seen(tmp_path: Path) -> None:
    """With the places swapped: one that likes the first place is not believed."""

    def wisely(one: TextRequest) -> str:
        return "first" if "First answer: Nine" in one.messages[0].text else "second"

    wise = FakeModel(wisely)
    scene = Scene(tmp_path, "Nine thirty, Ann.", wise)
    await scene.turns(1)
    assert [(one.verdict, one.by) for one in scene.record] == [("candidate", "judge")]
    biased = FakeModel(lambda _one: "first")
    scene = Scene(tmp_path / "..", "Nine thirty.", biased)
    scene.path.unlink(missing_ok=True)
    await scene.turns(1)
    assert [one.verdict for one in scene.record] == ["tie"]


async def test_only_what_was_finished_and_spoken_is_compared(tmp_path: Path) -> None:
    """Not what was given up, failed, or called a function."""
    scene = Scene(tmp_path, "Nine.")
    await scene.turns(2, words=2)
    other = Scene(tmp_path, "Nine.")
    other.live._answer = lambda _request: "tool"
    await other.turns(1)
    assert scene.candidate.asked == other.candidate.asked == []


async def test_a_candidate_that_fails_loses(tmp_path: Path) -> None:
    """And is counted as that."""
    scene = Scene(tmp_path, "fail")
    await scene.turns(2)
    assert [(one.verdict, one.failed) for one in scene.record] == [("live", True)] * 2
    assert scene.counted("failed") == 2


async def test_money_and_load_come_first(tmp_path: Path) -> None:
    """Past the day's money, and while the server is busy, nobody is asked."""
    scene = Scene(tmp_path, "Nine thirty.", limit_usd=0.0025)
    await scene.turns(4)
    assert len(scene.candidate.asked) == 2
    assert scene.counted("unpaid") == 2
    scene = Scene(tmp_path, "Nine thirty.")
    scene.busy = True
    await scene.turns(2)
    assert scene.candidate.asked == []
    assert scene.counted("dropped") == 2


async def test_what_waits_is_not_asked_once_the_money_is_spent(tmp_path: Path) -> None:
    """Four were offered while there was some left; two leave too little for more."""
    scene = Scene(tmp_path, "Nine thirty.", limit_usd=0.0025)
    request = TextRequest((Message("user", SAID),))
    for _ in range(4):
        async with aclosing(scene.model.reply(request)) as items:
            assert [item async for item in items]
    async with scene.shadow:
        for _ in range(500):
            if scene.counted("unpaid") == 2:
                break
            await asyncio.sleep(0.001)
    assert len(scene.candidate.asked) == 2


async def test_a_judge_is_asked_twice_or_not_at_all(tmp_path: Path) -> None:
    """The money is enough for the candidate and one question of the judge."""
    judge = FakeModel(lambda _one: "first")
    scene = Scene(tmp_path, "Nine thirty.", judge, limit_usd=0.0025)
    request = TextRequest((Message("user", SAID),))
    async with scene.shadow:
        async with aclosing(scene.model.reply(request)) as items:
            assert [item async for item in items]
        await until(lambda: scene.counted("unpaid") > 0)
    assert len(scene.candidate.asked) == 1 and not judge.asked
    assert not scene.record, "half a comparison is none"


async def test_a_slow_candidate_makes_nobody_wait(tmp_path: Path) -> None:
    """What waits is bounded; the oldest is dropped."""
    scene = Scene(tmp_path, "Nine.")
    forever = asyncio.Event()

    async def hang(request: TextRequest) -> AsyncGenerator[TextItem, None]:
        scene.candidate.asked.append(request)
        await forever.wait()
        yield ""

    scene.candidate.reply = hang  # type: ignore[method-assign]
    request = TextRequest((Message("user", SAID),))
    async with scene.shadow:
        for _ in range(WAITING + 5):
            async with aclosing(scene.model.reply(request)) as items:
                assert "".join([str(item) async for item in items]).startswith("It is")
            await asyncio.sleep(0)
        assert len(scene.candidate.asked) == 1
        assert scene.counted("dropped") == 4


async def test_the_share_is_kept(tmp_path: Path) -> None:
    """The rest is the live model's own stream."""
    scene = Scene(tmp_path, "Nine.", share=0.2)
    drawn = [scene.shadow.drawn() for _ in range(5000)]
    assert 0.18 < sum(drawn) / 5000 < 0.22
    scene = Scene(tmp_path, "Nine.", share=0.0)
    await scene.turns(3)
    assert scene.candidate.asked == []

"""An utterance that is recognised elsewhere: what it keeps, tells and is told."""

from __future__ import annotations

import asyncio
from typing import cast

import numpy as np
import pytest

from voiceserver.audio import MIC_RATE
from voiceserver.engines.base import Hypothesis, Opening
from voiceserver.engines.remote.hypotheses import written
from voiceserver.engines.remote.utterance import RemoteUtterance
from voiceserver.errors import EngineFailed
from voiceserver.processes import ipc
from voiceserver.processes.ipc import Kind, Message, Meta
from voiceserver.processes.supervised import Job

SECOND = np.full(MIC_RATE, 0.1, np.float32)


class FakeJob:
    """Keeps what it was given."""

    def __init__(self) -> None:
        self.audio = 0  # samples
        self.notes: list[Meta] = []
        self.finished = self.cancelled = False

    def push(self, body: bytes) -> None:
        self.audio += len(body) // 2

    def note(self, meta: Meta) -> None:
        self.notes.append(meta)

    def finish(self) -> None:
        self.finished = True

    def cancel(self) -> None:
        self.cancelled = True


class FakePool:
    """Remembers who waits."""

    name = "fake"
    replays = True

    def __init__(self) -> None:
        self.queued: list[RemoteUtterance] = []
        self.lost = 0

    def queue(self, utterance: RemoteUtterance, first: bool = False) -> None:
        self.queued.append(utterance)

    def forget(self, utterance: RemoteUtterance) -> None:
        pass

    def dropped(self, samples: int) -> None:
        self.lost += samples


def leased(opening: Opening = Opening()) -> tuple[RemoteUtterance, FakeJob, FakePool]:  # noqa: B008
    pool, job = FakePool(), FakeJob()
    utterance = RemoteUtterance(pool, opening)
    utterance.leased(cast(Job, job))
    return utterance, job, pool


def told(text: str, **more: int) -> tuple[Meta, bytes]:
    meta, body = written(Hypothesis(text))
    return {**meta, **more}, body


@pytest.mark.parametrize("letter", ["a", "\u6f22", "\U0001f600", "\x07"])
def test_a_prompt_of_any_script_fits_into_a_message(letter: str) -> None:
    """1,400 Chinese signs were more, and took a place in the process for good."""
    utterance, _, _ = leased(Opening("zh", letter * 6000))
    assert len(ipc.encode(Message(Kind.OPEN, meta=utterance.told))) < ipc.MAX_META
    assert len(str(utterance.told["prompt"])) > 500


def test_a_core_is_told_what_was_asked() -> None:
    """And nothing of what was not."""
    utterance, _, _ = leased(Opening("de", "Bier", overlap=True))
    assert utterance.told == {"language": "de", "prompt": "Bier", "overlap": True}
    assert leased()[0].told == {}


def test_where_the_voice_ends_is_told_in_steps() -> None:
    """Of 50 ms and more while somebody speaks, at once in a pause."""
    utterance, job, _ = leased()
    for n in range(1, 26):
        utterance.push(SECOND[:640])
        utterance.voiced(640 * min(n, 14))
    assert [note["voiced"] for note in job.notes] == [*range(1280, 8961, 1280)]


def test_what_heard_all_voices_is_the_final() -> None:
    """At once, without another word of the process."""

    async def run() -> None:
        utterance, job, _ = leased()
        utterance.push(SECOND)
        utterance.voiced(8000)
        utterance.item(*told("so far", covered=7999, decoded=16000))
        assert utterance.latest == Hypothesis("so far")
        utterance.item(*told("all of it", covered=8000, decoded=16000))
        final = await utterance.final()
        assert (final.text, final.final) == ("all of it", True)
        assert job.cancelled
        assert not job.finished

    asyncio.run(run())


def test_a_voice_after_that_is_asked_about() -> None:
    """With where it ended."""

    async def run() -> None:
        utterance, job, _ = leased()
        utterance.push(SECOND)
        utterance.voiced(8000)
        utterance.item(*told("so far", covered=8000, decoded=16000))
        utterance.voiced(8100)
        async with asyncio.TaskGroup() as group:
            final = group.create_task(utterance.final())
            await asyncio.sleep(0)
            assert job.finished
            assert job.notes[-1] == {"voiced": 8100}
            utterance.ended(*told("all of it"))
        assert final.result().text == "all of it"

    asyncio.run(run())


def test_settled_words_outlive_the_process_and_their_audio_is_gone() -> None:
    """The next one gets what came after them, and counts from there."""
    utterance, job, pool = leased()
    for _ in range(3):
        utterance.push(SECOND)
        utterance.item({"decoded": 48_000}, b"")
    utterance.item(*told("One.", settled=30_000, decoded=48_000))
    utterance.item(*told("Two.", covered=40_000, decoded=48_000))
    assert utterance.latest.text == "One. Two."
    utterance.lost("it died")
    assert pool.queued == [utterance]
    assert (utterance.latest.text, utterance.latest.behind) == ("One.", True)
    again = FakeJob()
    utterance.leased(cast(Job, again))
    utterance.push(SECOND)
    utterance.voiced(60_000)
    assert again.notes == [{"voiced": 30_000}]
    assert 32_000 <= again.audio < 34_000
    utterance.item(*told("Two, and three.", settled=20_000, decoded=34_000))
    assert utterance.latest.text == "One. Two, and three."
    utterance.ended(*told("Four."))
    final = utterance.latest
    assert (final.text, final.behind) == ("One. Two, and three. Four.", False)
    assert not job.cancelled


def test_what_kills_three_processes_is_given_up() -> None:
    """With the reason, and the words there were."""

    async def run() -> None:
        utterance, _, _ = leased()
        utterance.push(SECOND)
        utterance.item(*told("so far", decoded=16_000))
        for _ in range(3):
            utterance.lost("fake: it died")
        with pytest.raises(EngineFailed, match="it died"):
            await utterance.final()
        assert utterance.latest.text == "so far"

    asyncio.run(run())

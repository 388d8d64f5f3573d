"""Whisper's jobs: what an utterance is told, and when; the engine as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.engines.conformance import check_recogniser, heard
from tests.recordings import recording
from voiceserver.audio import MIC_RATE
from voiceserver.config import Config, EnginesConfig, RecogniserConfig
from voiceserver.engines.base import Hypothesis, Opening, Recogniser
from voiceserver.engines.opening import open_engines
from voiceserver.engines.remote.hypotheses import joined, read
from voiceserver.engines.whisper.jobs import (
    Step,
    Usual,
    WhisperJob,
    WhisperJobs,
    find_model,
    quietest,
)
from voiceserver.engines.whisper.model import Asked, Decoded
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics
from voiceserver.processes.ipc import Kind

pytestmark = pytest.mark.weights  # those that need some look for themselves

VOICE = np.full(MIC_RATE // 10, 3000, "<i2").tobytes()  # 100 ms
QUIET = np.zeros(MIC_RATE // 10, "<i2").tobytes()


class FakeModel:
    """Hears a word in every 500 ms of loud audio; a decode takes 100 ms."""

    device = "cpu"
    multilingual = True

    def __init__(self) -> None:
        self.now_s = 0.0
        self.asked: list[list[Asked]] = []
        self.logprob = -0.2
        self.before = ""
        self.hears = ""  # a language; what was asked for, where none is set

    def clock(self) -> float:
        return self.now_s

    def decode(self, asked: Sequence[Asked]) -> list[Decoded]:
        self.asked.append(list(asked))
        self.now_s += 0.1
        return [self._decoded(one) for one in asked]

    def _decoded(self, one: Asked) -> Decoded:
        loud = int((np.abs(one.samples) > 0.01).sum())
        text = " ".join(f"W{n}" for n in range(loud * 2 // MIC_RATE))
        language = self.hears or one.language
        return Decoded(self.before + text, self.logprob, 0.1, False, language)


class Bench:
    """Jobs with a made-up model, fed in real time that is not real."""

    def __init__(self, batch: int = 1, usual: Usual = Usual()) -> None:  # noqa: B008
        self.model = FakeModel()
        self.jobs = WhisperJobs(self.model, 4, usual, self.model.clock, batch)

    def hear(self, job: WhisperJob, loud: bool, tenths: int) -> list[Step]:
        """Push so much and take what is told."""
        told = []
        for _ in range(tenths):
            job.push(VOICE if loud else QUIET)
            if loud:
                job.note({"voiced": job._pace.pushed})
            self.model.now_s += 0.1
            while job.urgency is not None:
                told.append(job.step())
        return told


def texts(told: Sequence[Step]) -> list[str]:
    """Of the hypotheses among what was told."""
    return [
        read(meta, body, False).text for _, meta, body in told if "complete" in meta
    ]


def test_a_pause_is_decoded_and_the_commit_takes_that() -> None:
    """At 200 ms of silence; the end needs no other decode."""
    bench = Bench()
    job = bench.jobs.open({})
    bench.hear(job, True, 8)
    told = bench.hear(job, False, 3)
    assert texts(told) == ["W0"]
    assert next(meta["covered"] for _, meta, _ in told if "covered" in meta) == 12_800
    job.finish()
    kind, meta, body = job.step()
    assert (kind, read(meta, body, True).text) == (Kind.END, "W0")
    assert len(bench.model.asked) == 1
    assert job.over


def test_it_says_how_many_it_hears_in_time() -> None:
    """No more than it takes; where that was not measured, all of them."""
    model, usual = FakeModel(), Usual()
    about = [
        WhisperJobs(model, 4, usual, at_ease=n).about["at_ease"] for n in (0, 2, 9)
    ]
    assert about == [4, 2, 4]


def test_speech_that_goes_on_is_decoded_anew() -> None:
    """The whole of it."""
    bench = Bench()
    job = bench.jobs.open({})
    bench.hear(job, True, 8)
    bench.hear(job, False, 3)
    bench.hear(job, True, 8)
    job.finish()
    [(_, meta, body)] = [step for step in iter_end(job)]
    assert read(meta, body, True).text == "W0 W1 W2"


def iter_end(job: WhisperJob) -> list[Step]:
    told = []
    while not job.over:
        told.append(job.step())
    return [step for step in told if step[0] is Kind.END]


def test_partials_are_the_words_in_which_two_decodes_agree() -> None:
    """Every second while there is room."""
    bench = Bench()
    told = bench.hear(bench.jobs.open({}), True, 35)
    assert texts(told) == ["", "W0 W1", "W0 W1 W2 W3"]
    # Nobody answers them: of what was said they have the beginning.
    partials = [read(meta, body, False) for _, meta, body in told if "complete" in meta]
    assert [one.behind for one in partials] == [True] * 3


def test_a_partial_takes_nothing_back() -> None:
    """Though a later decode begins otherwise: the pause will tell."""
    bench = Bench()
    job = bench.jobs.open({})
    bench.hear(job, True, 25)
    bench.model.before = "And "
    told = bench.hear(job, True, 10)
    assert texts(told) == ["W0 W1"]
    assert texts(bench.hear(job, False, 3)) == ["And W0 W1 W2 W3 W4 W5 W6"]


def test_an_overlap_is_told_after_half_a_second() -> None:
    """All words of it, without waiting for two decodes that agree; then again."""
    bench = Bench()
    told = bench.hear(bench.jobs.open({"overlap": True}), True, 7)
    assert texts(told) == ["W0", "W0"]


def test_a_long_turn_is_settled_in_its_pauses() -> None:
    """From 8 s on; its audio is kept no longer, its words are told once."""
    bench = Bench()
    job = bench.jobs.open({})
    bench.hear(job, True, 90)
    told = bench.hear(job, False, 4)
    [settled] = [meta["settled"] for _, meta, _ in told if "settled" in meta]
    assert settled == 144_000 + 2400
    assert len(job._audio) < 2 * MIC_RATE
    job.finish()
    [(_, meta, body)] = iter_end(job)
    assert read(meta, body, True) == Hypothesis(final=True)


def test_a_language_that_changes_within_a_turn_is_found_out_anew() -> None:
    """Where it is to be found out: segment by segment, and the last one is told."""
    bench = Bench()
    job = bench.jobs.open({"language": "auto"})
    bench.model.hears = "es"
    told = bench.hear(job, True, 90) + bench.hear(job, False, 4)
    bench.model.hears = "en"
    bench.hear(job, True, 20)
    job.finish()
    [settled] = [read(m, body, False) for _, m, body in told if "settled" in m]
    [(_, meta, body)] = iter_end(job)
    final = joined(settled, read(meta, body, True), 9.0)
    assert (settled.language, final.language) == ("es", "en")
    assert len(final.text.split()) == len(settled.text.split()) + 4
    assert {one.language for some in bench.model.asked for one in some} == {"auto"}


def test_five_minutes_without_a_pause_are_heard() -> None:
    """In segments that are cut where it is quietest."""
    bench = Bench()
    job = bench.jobs.open({"whole": True})
    told = bench.hear(job, True, 3000)
    job.finish()
    while not job.over:
        told.append(job.step())
    words = sum(len(text.split()) for text in texts(told))
    assert 580 <= words <= 600
    assert (
        max(len(one.samples) for some in bench.model.asked for one in some) <= 400_000
    )
    assert len(job._audio) == 0


def test_a_recording_is_decoded_once() -> None:
    """No partial of it is wanted."""
    bench = Bench()
    job = bench.jobs.open({"whole": True})
    bench.hear(job, True, 100)
    job.finish()
    assert [step[0] for step in iter_end(job)] == [Kind.END]
    assert len(bench.model.asked) == 1


def test_the_client_decides_language_and_words() -> None:
    """Where it names some; a region is no language."""
    bench = Bench(usual=Usual("fr", "vin, eau"))
    for meta in ({}, {"language": "pt-BR", "prompt": "sumo"}, {"language": "auto"}):
        job = bench.jobs.open(dict(meta))
        job.push(VOICE)
        job.finish()
        iter_end(job)
    asked = [(one.language, one.prompt) for [one] in bench.model.asked]
    assert asked == [("fr", "vin, eau"), ("pt", "sumo"), ("auto", "vin, eau")]


def test_words_of_the_place_are_known_in_its_language_alone() -> None:
    """In another one all would be strange."""
    bench = Bench(usual=Usual("en", "latte", frozenset({"latte", "get"})))
    for language in ("", "en-GB", "es"):
        job = bench.jobs.open({"language": language, "prompt": "tea"})
        job.push(VOICE)
        job.finish()
        iter_end(job)
    known = [one.known for [one] in bench.model.asked]
    assert known == [{"latte", "get"}, {"latte", "get"}, frozenset()]


@pytest.mark.parametrize(("tenths", "unsure"), [(3, False), (6, True)])
def test_words_that_are_not_believed_are_none(tenths: int, unsure: bool) -> None:
    """After more than 400 ms of voice that is a doubt, not silence."""
    bench = Bench()
    bench.model.logprob = -2.5
    job = bench.jobs.open({})
    bench.hear(job, True, tenths)
    job.finish()
    [(_, meta, body)] = iter_end(job)
    assert read(meta, body, True) == Hypothesis(final=True, unsure=unsure)


def test_a_final_goes_before_a_partial_and_each_in_its_turn() -> None:
    """By urgency, then by how long it has been wanted."""
    bench = Bench()
    partial, pause, final = (bench.jobs.open({}) for _ in range(3))
    for job in (partial, pause, final):
        job.push(VOICE * 12)
    partial.note({"voiced": 19_200})
    pause.note({"voiced": 9_600})
    final.finish()
    urgencies = [job.urgency or 0.0 for job in (final, pause, partial)]
    assert urgencies == sorted(urgencies)
    bench.jobs.open({})
    with pytest.raises(EngineFailed, match="4 utterances at a time"):
        bench.jobs.open({})


def test_one_pass_takes_along_all_that_want_one() -> None:
    """On a GPU; each is told its own."""
    bench = Bench(batch=3)
    jobs = [bench.jobs.open({}) for _ in range(4)]
    for n, job in enumerate(jobs):
        job.push(VOICE * 5 * (n + 1))
        job.finish()
    assert bench.jobs.gather_s > 0
    [jobs[0].step()]
    assert [len(some) for some in bench.model.asked] == [3]
    ends = [iter_end(job) for job in jobs[1:]]
    assert [texts(end) for end in ends] == [["W0 W1"], ["W0 W1 W2"], ["W0 W1 W2 W3"]]
    assert len(bench.model.asked) == 2


def test_a_segment_is_cut_where_it_is_quietest() -> None:
    """In its second half."""
    samples = np.ones(160_000, np.float32)
    samples[120_000:126_000] = 0.0
    assert 120_000 < quietest(samples) < 126_000


def test_a_model_that_is_not_there_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name of the catalogue, or a folder."""
    monkeypatch.setenv("VOICESERVER_MODELS", str(tmp_path))
    with pytest.raises(EngineFailed, match=r"one of: whisper-base, whisper-tiny\.en"):
        find_model("/nowhere/whisper-huge")
    for name in ("", "whisper-base", "/etc/voiceserver/whisper-base"):
        with pytest.raises(EngineFailed, match=r"models get whisper-base"):
            find_model(name)
    (tmp_path / "model.bin").touch()
    assert find_model(str(tmp_path)) == tmp_path


@asynccontextmanager
async def opened(model: str) -> AsyncGenerator[Recogniser, None]:
    """The engine with real weights, in its process."""
    pytest.importorskip("ctranslate2", reason="needs voiceserver[whisper]")
    config = Config(
        engines=EnginesConfig("stub", "whisper", "stub", "stub"),
        recogniser=RecogniserConfig(processes=1, model=model, standby=False),
    )
    async with open_engines(config, Metrics()) as engines:
        yield engines.recogniser


@pytest.mark.net
@pytest.mark.speech
@pytest.mark.parametrize(
    "model",
    [
        pytest.param(name, marks=pytest.mark.weights(name))
        for name in ("whisper-tiny.en", "whisper-base")
    ],
)
async def test_whisper_conforms_and_hears_people(model: str) -> None:
    """With case and punctuation; the words are lower case, figures as said."""
    speech = recording("speech/command/brooklyn.wav")
    async with opened(model) as recogniser:
        await check_recogniser(recogniser, speech)
        final = await heard(recogniser, speech)
        assert final.text == "How old is the Brooklyn Bridge?"
        assert final.words == "how old is the brooklyn bridge"
        assert final.logprob is not None
        noise = np.random.default_rng(0).normal(0, 0.01, 2 * MIC_RATE)
        assert (await heard(recogniser, noise.astype(np.float32))).text == ""
        utterance = recogniser.open(Opening("en", timed=True))
        utterance.push(speech)
        utterance.voiced(len(speech))
        timed = (await utterance.final()).timed
        utterance.close()
        assert [word.text for word in timed] == final.text.split()
        assert [w.start_s for w in timed] == sorted(w.start_s for w in timed)
        assert all(w.logprob <= 0 for w in timed)


@pytest.mark.net
@pytest.mark.speech
@pytest.mark.weights("whisper-tiny.en")
async def test_many_speakers_share_a_process() -> None:
    """And none gets the words of another."""
    asked = ("speech/command/brooklyn.wav", "speech/read/librivox_0880.wav")
    async with opened("whisper-tiny.en") as recogniser:
        alone = [(await heard(recogniser, recording(name))).text for name in asked]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(heard(recogniser, recording(name)))
                for name in asked * 3
            ]
        assert [task.result().text for task in tasks] == alone * 3

"""The voice as a whole, with random weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.voice.tiny import write_tiny_voice
from voiceserver.voice.networks.acoustic import AcousticModel, AcousticShape
from voiceserver.voice.networks.features import HOP
from voiceserver.voice.networks.vocoder import VocoderNet, VocoderShape
from voiceserver.voice.pauses import AFTER, HUSHING
from voiceserver.voice.plan import Manner, Plan, plan_clause
from voiceserver.voice.speaker import (
    EARLIEST,
    Voice,
    load_voice,
    speak_whole,
    stream,
    unheard,
)
from voiceserver.voice.weights import WeightsError
from voiceserver.voice.words.clause import Clause
from voiceserver.voice.words.phones import INDEX, MARKS, SYMBOLS


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Voice:
    """A tiny voice, loaded from its files."""
    return load_voice(write_tiny_voice(tmp_path_factory.mktemp("voice")))


def test_text_becomes_speech(voice: Voice) -> None:
    """Known words, unknown words and numbers all sound."""
    samples = voice.speak_all("The apple, zork and 21 %.")
    assert samples.dtype == np.float32
    assert len(samples) > 24_000 / 4
    assert np.isfinite(samples).all()


@pytest.mark.parametrize("text", ["", "  ", "...", "?!", "😀", "日本", "\x00\x07"])
def test_nothing_to_say_is_silence(voice: Voice, text: str) -> None:
    """No words, no pieces, no error."""
    assert list(voice.speak(text)) == []


def test_chunks_of_a_text_add_up(voice: Voice) -> None:
    """Over several clauses too."""
    text = "One two. The apple? Two!"
    whole = np.concatenate([p.samples for p in voice.speak(text, sizes=[10_000])])
    joined = np.concatenate([p.samples for p in voice.speak(text, sizes=iter([3, 7]))])
    assert len(whole) == len(joined)
    assert np.abs(whole - joined).max() < 1e-5


def test_marks_cover_the_words_in_order(voice: Voice) -> None:
    """Each source word has its stretch of samples; a number is one word."""
    text = "The apple 21 two."
    pieces = list(voice.speak(text))
    marks = pieces[0].marks
    assert [text[m.start : m.end] for m in marks] == ["The", "apple", "21", "two"]
    assert all(not p.marks for p in pieces[1:])
    total = sum(len(p.samples) for p in pieces)
    edges = [edge for m in marks for edge in (m.first, m.last)]
    assert edges == sorted(edges)
    assert edges[-1] <= total


def test_the_mark_between_clauses_sets_the_pause(voice: Voice) -> None:
    """As long as a full stop asks for, from the last sound to the next."""
    pieces = list(voice.speak("One. Two."))
    one, two = (p.marks[0] for p in pieces if p.marks)
    ends = sum(len(p.samples) for p in pieces if p.clause == 0)
    assert ends - one.last + two.first >= AFTER["."] * HOP
    after = sum(len(p.samples) for p in pieces if p.clause == 1) - two.last
    assert after >= AFTER["."] * HOP


def test_speech_begins_at_once(voice: Voice) -> None:
    """Whatever pause the model draws before the first word, little of it is left."""
    for seed in range(20):
        first = next(voice.speak("Two.", Manner(seed=seed, temperature=1.5)))
        assert first.marks[0].first <= (EARLIEST + 1) * HOP


def test_speech_begins_where_something_is_heard() -> None:
    """Frames that are quieter are left out, however few; not more than may be."""
    quiet, loud = np.full(5 * HOP, 5e-4, np.float32), np.full(3 * HOP, 0.01, np.float32)
    line = np.concatenate([quiet, loud])
    assert [unheard(line, most) for most in (0, 3, 5, 8)] == [0, 3, 5, 5]
    assert unheard(loud, 3) == 0


def test_clauses_begin_and_end_in_silence(voice: Voice) -> None:
    """So that no edge clicks."""
    pieces = list(voice.speak("One. Two."))
    assert all(p.samples[0] == 0 for p in pieces if p.marks)
    assert all(voice.speak_all(text)[-1] == 0 for text in ("One.", "One", "One,"))


def test_same_seed_same_speech(voice: Voice) -> None:
    """The seed fixes the reading; another gives another."""
    first, again, other = (
        voice.speak_all("The apple.", Manner(seed=s)) for s in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_long_text_is_spoken_in_bounded_pieces(voice: Voice) -> None:
    """A long text without marks comes in clauses; the first arrives at once."""
    pieces = voice.speak("two " * 2000)
    first = next(pieces)
    pieces.close()
    assert len(first.samples) <= 24_000


def test_a_missing_lexicon_is_named(tmp_path: Path) -> None:
    """So is a damaged one."""
    folder = write_tiny_voice(tmp_path / "v")
    (folder / "lexicon.gz").write_bytes(b"not gzip")
    with pytest.raises(WeightsError, match="lexicon"):
        load_voice(folder)
    (folder / "lexicon.gz").unlink()
    with pytest.raises(WeightsError, match="lexicon"):
        load_voice(folder)


EXACT = 1e-5  # float32; the sums run in another order


def tiny_model(seed: int = 0) -> tuple[AcousticModel, VocoderNet]:
    """Networks with every part in place, too small to be slow."""
    torch.manual_seed(seed)
    model = AcousticModel(AcousticShape(16, 1, 2, 16, 2, 16, 2)).eval()
    net = VocoderNet(VocoderShape(16, 2)).eval()
    # Wide enough weights that a frame of missing context would be heard.
    for p in [*model.parameters(), *net.parameters()]:
        p.data.mul_(1.5)
    model.prosody.mean.copy_(torch.tensor([2.2, -0.2, 0.0, -4.0]))
    model.prosody.scale.copy_(torch.tensor([0.5, 0.2, 0.1, 1.3]))
    return model.requires_grad_(False), net.requires_grad_(False)


def some_clause(n: int, seed: int = 0) -> Clause:
    """A clause of random phones."""
    rng = np.random.default_rng(seed)
    phones = rng.integers(1 + len(MARKS), len(SYMBOLS), n).tolist()
    symbols = (INDEX["_"], *phones, INDEX["."])
    places = tuple(int(v) for v in rng.integers(0, 5, n + 2))
    return Clause(symbols, places, MARKS.index("."), (), 0)


def planned(
    n: int, manner: Manner, seed: int = 0
) -> tuple[AcousticModel, VocoderNet, Plan]:
    """Networks and the plan of a random clause."""
    model, net = tiny_model(seed)
    return model, net, plan_clause(model, some_clause(n, seed), manner)


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(1, 20),
    seed=st.integers(0, 1000),
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=12),
)
def test_chunks_add_up_to_the_whole(n: int, seed: int, sizes: list[int]) -> None:
    """Any chunking gives the samples of the clause made in one piece."""
    model, net, plan = planned(n, Manner(seed=seed), seed)
    whole = speak_whole(model, net, plan)
    chunks = list(stream(model, net, plan, sizes))
    assert [len(c) for c in chunks[:-1]] == [
        HOP * sizes[min(i, len(sizes) - 1)] for i in range(len(chunks) - 1)
    ]
    joined = np.concatenate(chunks)
    assert len(joined) == len(whole) == plan.n_frames * HOP
    assert np.abs(joined - whole).max() <= EXACT


def test_what_is_not_given_of_a_beginning_changes_nothing_of_the_rest() -> None:
    """The networks have seen the silence before the first sound."""
    model, net, plan = planned(9, Manner(seed=2), 2)
    whole = speak_whole(model, net, plan)
    later = np.concatenate(list(stream(model, net, plan, [5, 7], left=11)))
    assert len(later) == len(whole) - 11 * HOP
    assert np.abs(later - whole[11 * HOP :]).max() <= EXACT


def test_nothing_comes_up_after_a_clause_has_died_away() -> None:
    """The networks prepare the next clause's first sound; it has one of its own."""
    model, net, plan = planned(9, Manner(seed=2), 2)
    # As if the last sound had ended so much earlier.
    moved = torch.tensor([*[0] * (len(plan.lengths) - 2), -20, 20])
    plan = replace(plan, lengths=plan.lengths + moved)
    said = speak_whole(model, net, plan)
    silent = (plan.silent_from + HUSHING) * HOP
    assert silent < len(said)
    assert not said[silent:].any()
    assert said[: plan.silent_from * HOP].any()


def test_single_frames_add_up_to_the_whole() -> None:
    """The smallest chunks, one frame of 10 ms each, are exact too."""
    model, net, plan = planned(6, Manner(seed=5))
    whole = speak_whole(model, net, plan)
    joined = np.concatenate(list(stream(model, net, plan, [1])))
    assert np.abs(joined - whole).max() <= EXACT


def test_the_seed_fixes_the_samples() -> None:
    """The same seed gives the same samples, another seed others."""
    model, net = tiny_model()
    clause = some_clause(8)
    first, again, other = (
        speak_whole(model, net, plan_clause(model, clause, Manner(seed=s)))
        for s in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert len(first) != len(other) or not np.array_equal(first, other)


def test_speech_is_finite_and_in_range() -> None:
    """Random weights, at the edges of every control, never give NaN or overflow."""
    model, net = tiny_model()
    for manner in (
        Manner(speed=0.25, pitch=-12, temperature=1.5, texture=1.5),
        Manner(speed=4, pitch=12, pitch_range=3, temperature=0, texture=0),
    ):
        samples = speak_whole(model, net, plan_clause(model, some_clause(5), manner))
        assert np.isfinite(samples).all()
        assert np.abs(samples).max() <= 1


def test_double_speed_halves_the_length() -> None:
    """Speed divides the frames of each symbol; rounding and floors allow for 15 %."""
    model, _ = tiny_model()
    clause = some_clause(40)
    slow, fast = (
        plan_clause(model, clause, Manner(seed=1, speed=s)).n_frames for s in (1.0, 2.0)
    )
    assert fast == pytest.approx(slow / 2, rel=0.15)

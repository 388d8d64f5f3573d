"""Clips as judges hear them, what is kept of their verdicts, and who is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import voice_judges
from benchmarks.voice_judges import (
    EDGE_S,
    LEVEL,
    READER,
    Clip,
    Told,
    Verdicts,
    as_judged,
    ask,
    clips_of,
    interval,
    table,
)
from benchmarks.voice_peers import HIBARI, Kept, Say, found
from benchmarks.voice_texts import EVERYDAY, HARD
from voiceserver.audio import SPEECH_RATE, Samples


def hiss(seconds: float, level: float = 0.02, seed: int = 1) -> Samples:
    """White noise."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, level, round(seconds * SPEECH_RATE)).astype(np.float32)


def silence(seconds: float) -> Samples:
    """Nothing."""
    return np.zeros(round(seconds * SPEECH_RATE), np.float32)


@pytest.mark.parametrize(("before", "after", "level"), [(0.5, 0.4, 0.02), (0, 0, 0.3)])
def test_silence_and_level_say_nothing_of_a_voice(
    before: float, after: float, level: float
) -> None:
    """Whoever ends in silence, or speaks loudly, is judged as all others are."""
    said = as_judged(
        np.concatenate([silence(before), hiss(1.0, level), silence(after)])
    )
    assert len(said) == pytest.approx((1 + 2 * EDGE_S) * SPEECH_RATE, abs=480)
    edge = round((EDGE_S - 0.02) * SPEECH_RATE)
    assert not said[:edge].any() and not said[-edge:].any()
    inner = said[2 * edge : -2 * edge]
    assert float(np.sqrt(np.mean(inner**2))) == pytest.approx(LEVEL, rel=0.1)


def test_a_sound_is_judged_once(tmp_path: Path) -> None:
    """A run that was stopped goes on, though its last line was cut short."""
    path = tmp_path / "verdicts.jsonl"
    asked: list[int] = []

    def judge(samples: Samples) -> float:
        asked.append(len(samples))
        return 4.5

    clips = [Clip("alloy", "unseen", "Yes.", hiss(0.1, seed=k)) for k in range(2)]
    ask("p808", lambda: judge, Told(Verdicts(path), {}), clips[:1])
    path.write_text(path.read_text() + '\n["p808 00')
    told = Told(Verdicts(path), {})
    ask("p808", lambda: judge, told, clips)
    assert len(asked) == 2
    assert told.verdicts.known("p808", clips[0].samples) == 4.5
    assert Verdicts(path).known("p808", clips[1].samples) == 4.5


def test_a_judge_that_is_not_installed_is_named_with_what_installs_it(
    tmp_path: Path,
) -> None:
    """Its figures are missing, and the result says why."""

    def load() -> voice_judges.Judge:
        raise ImportError("no module named distillmos")

    told = Told(Verdicts(tmp_path / "verdicts.jsonl"), {})
    clips = [Clip("alloy", "unseen", "Yes.", hiss(0.1))]
    ask("distill_mos", load, told, clips)
    assert "pip install" in told.missing["distill_mos"]
    assert table(clips, told) == {}
    assert told.missing["p808, unseen"].startswith("1 of 1 clips not heard")


def test_a_peer_that_is_not_installed_is_named_with_what_installs_it() -> None:
    """The others are heard all the same."""

    def load() -> Say:
        raise ImportError("no module named hibari")

    heard = found({HIBARI: load, "espeak-ng": lambda: lambda text: hiss(0.1)})
    assert list(heard.there) == ["espeak-ng"]
    assert "pip install hibari-tts" in heard.missing[HIBARI]


def test_a_peer_says_a_sentence_once(tmp_path: Path) -> None:
    """Then it is read from a file, and sounds the same."""
    asked: list[str] = []

    def say(text: str) -> Samples:
        asked.append(text)
        return hiss(0.1)

    peer = Kept(tmp_path / "peer", say)
    first, again = peer("Yes."), peer("Yes.")
    assert asked == ["Yes."]
    np.testing.assert_array_equal(first, again)


def test_words_are_counted_as_one_normaliser_reads_them(tmp_path: Path) -> None:
    """What the ears write in figures is no error; the difference is by sentence."""
    told = Told(Verdicts(tmp_path / "v.jsonl"), {})
    heard = {
        "alloy": ("It's 2:45 p.m.", "The last typhoid patient."),
        HIBARI: ("It is two forty five p.m.", "The last typhoid patient."),
    }
    clips = []
    for k, (who, said) in enumerate(heard.items()):
        for n, text in enumerate(("It's two forty-five PM.", "The last patient.")):
            clips.append(Clip(who, "hard", text, hiss(0.1, seed=10 * k + n)))
            told.verdicts.keep("words", clips[-1].samples, said[n])
    [(judge, groups)] = table(clips, told).items()
    assert judge == "words"
    marks = groups["hard"]
    words = len(voice_judges.words_of("It's two forty-five PM.")) + 3
    assert marks["alloy"]["mean"] == pytest.approx(100 / words, abs=0.01)
    assert marks[HIBARI]["mean"] > marks["alloy"]["mean"]
    assert marks["alloy"][f"less {HIBARI}"]["mean"] < 0


def test_an_interval_holds_its_mean() -> None:
    """And is that of a ratio of sums."""
    mark = interval(np.array([0.0, 100.0, 200.0]), np.array([10.0, 10.0, 20.0]))
    assert mark["mean"] == 7.5
    assert mark["low"] <= 7.5 <= mark["high"]


def test_the_reader_is_heard_only_where_she_read() -> None:
    """Of our voices the speakers as learnt; their other sizes are told apart only."""
    said = {who: lambda text: hiss(0.2) for who in ("alloy", "nova", READER)}
    clips = list(clips_of(said, {"unseen": ("One.",), "hard": ("Two.",)}))
    found = [(c.who, c.group) for c in clips]
    assert found == [("alloy", "unseen"), (READER, "unseen"), ("alloy", "hard")]


def test_no_sentence_is_in_both_sets() -> None:
    """Each is said once."""
    assert len({*EVERYDAY, *HARD}) == len(EVERYDAY) + len(HARD)

"""The neural voice as a speech core, and behind a process."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from scripts.espeak_loudness import loudness
from tests.engines.conformance import check_synthesizer
from tests.engines.espeak.test_voice import OPENAI_VOICES
from tests.voice.tiny import write_tiny_voice
from voiceserver.audio import SPEECH_RATE, Samples
from voiceserver.config import BudgetConfig
from voiceserver.engines.base import STYLES, SpeechRequest, WordMark
from voiceserver.engines.neural import (
    MANNERS,
    TIMBRES,
    NeuralVoice,
    Timbre,
    find_models,
    load,
    manner,
)
from voiceserver.engines.remote.synthesizer import RemoteSynthesizer, speech_spec
from voiceserver.engines.words import SaidAs
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics
from voiceserver.reply.stages import FILLER_MS, QUIET
from voiceserver.voice.plan import Manner, plan_clause
from voiceserver.voice.speaker import Piece, Voice, load_voice

SENTENCE = "Well, the answer costs $5.20, I think; call me at nine."


@pytest.fixture(scope="module")
def voice() -> NeuralVoice:
    """The voice that comes along."""
    return load({})


@pytest.fixture(scope="module")
def odd_voice(tmp_path_factory: pytest.TempPathFactory) -> NeuralVoice:
    """Of random weights, with every speaker of the table."""
    speakers = tuple(dict.fromkeys(timbre.speaker for timbre in TIMBRES.values()))
    folder = tmp_path_factory.mktemp("voice")
    return NeuralVoice(load_voice(write_tiny_voice(folder, speakers)))


def audio(
    voice: NeuralVoice, text: str, name: str = "alloy", speed: float = 1
) -> Samples:
    request = SpeechRequest(text, name, speed)
    chunks = [chunk.samples for chunk in voice.speak(request)]
    return np.concatenate([np.zeros(0, np.float32), *chunks])


def marks(voice: NeuralVoice, text: str, name: str = "alloy") -> list[WordMark]:
    return [m for c in voice.speak(SpeechRequest(text, name)) for m in c.words]


@pytest.mark.net
async def test_the_voice_in_a_process_conforms() -> None:
    """As the server uses it."""
    spec = speech_spec("neural", "voiceserver.engines.neural:load")
    async with RemoteSynthesizer(spec, Metrics()) as remote:
        await remote.ready()
        await check_synthesizer(remote)


@pytest.mark.parametrize("name", TIMBRES)
def test_the_default_fillers_are_short_in_every_voice(
    voice: NeuralVoice, name: str
) -> None:
    """At most 600 ms without the silence at their edges: a longer one is left out."""
    for filler in BudgetConfig().fillers:
        [loud] = np.nonzero(np.abs(audio(voice, filler, name)) > QUIET)
        length_ms = (loud[-1] + 1 - loud[0]) * 1000 / SPEECH_RATE
        assert 200 <= length_ms <= FILLER_MS, filler


def test_every_openai_voice_speaks_at_one_loudness(voice: NeuralVoice) -> None:
    """-23 LUFS, within what a sentence differs from another."""
    assert set(OPENAI_VOICES.split()) <= set(voice.voices)
    for name in voice.voices:
        level = loudness(audio(voice, SENTENCE, name), SPEECH_RATE)
        assert abs(level + 23) < 3, (name, level)


def test_letters_that_it_does_not_know_are_counted(voice: NeuralVoice) -> None:
    """Once, with the audio of what it can say."""
    text = "The word is \u4f60\u597d, which means hello."
    chunks = [*voice.speak(SpeechRequest(text))]
    assert sum(chunk.left_out for chunk in chunks) == 2


def test_each_word_of_the_text_is_marked(voice: NeuralVoice) -> None:
    """With its punctuation; a sum of money is one word."""
    said = [SENTENCE[m.start : m.end] for m in marks(voice, SENTENCE)]
    assert said == SENTENCE.split()


@pytest.mark.parametrize("name", ["alloy", "cedar", "shimmer"])
def test_marks_lie_in_the_audio(voice: NeuralVoice, name: str) -> None:
    """At whatever size the voice is played."""
    n_samples = len(audio(voice, SENTENCE, name))
    found = marks(voice, SENTENCE, name)
    assert all(m.pts < m.pts_end <= n_samples for m in found)
    assert found[-1].pts_end > n_samples / 2


def test_the_size_of_a_voice_leaves_its_pace(voice: NeuralVoice) -> None:
    """A larger speaker does not speak more slowly."""
    plain, large = (len(audio(voice, SENTENCE, name)) for name in ("alloy", "onyx"))
    assert large == pytest.approx(plain / TIMBRES["onyx"].speed, rel=0.2)


def test_speed_is_as_asked(voice: NeuralVoice) -> None:
    """Twice as fast is half as long."""
    slow, fast = (len(audio(voice, SENTENCE, speed=s)) for s in (1.0, 2.0))
    assert fast == pytest.approx(slow / 2, rel=0.2)


@pytest.mark.parametrize("speed", [0.25, 4.0])
def test_the_extremes_of_speed_are_spoken(voice: NeuralVoice, speed: float) -> None:
    """In every size."""
    for timbre in TIMBRES.values():
        assert 0.25 <= manner(SpeechRequest("a", speed=speed), timbre).speed <= 4
    assert len(audio(voice, "Hello.", "cedar", speed))


def test_the_same_request_gives_the_same_samples(voice: NeuralVoice) -> None:
    """So that a phrase may be kept."""
    assert np.array_equal(audio(voice, SENTENCE), audio(voice, SENTENCE))


def test_unpaced_speech_is_the_same_in_fewer_chunks(voice: NeuralVoice) -> None:
    """Nobody plays it as it is made: a clause at a time."""
    paced = list(voice.speak(SpeechRequest(SENTENCE)))
    whole = list(voice.speak(SpeechRequest(SENTENCE, paced=False)))
    assert len(whole) < len(paced) / 2
    one, two = (np.concatenate([c.samples for c in cs]) for cs in (paced, whole))
    assert one.shape == two.shape
    assert np.abs(one - two).max() < 1e-3
    said = [[m for c in chunks for m in c.words] for chunks in (paced, whole)]
    assert said[0] == said[1]


def test_a_long_text_begins_at_once_and_keeps_its_marks(voice: NeuralVoice) -> None:
    """It is cut into pieces; each word points at itself."""
    text = "The quick brown fox is here. " * 400
    stream = voice.speak(SpeechRequest(text))
    found: list[WordMark] = []
    for chunk in stream:
        found += chunk.words
        if found and found[-1].start > 700:
            break
    stream.close()
    assert [text[m.start : m.end] for m in found] == text.split()[: len(found)]


def test_an_unknown_voice_is_named_with_the_others(voice: NeuralVoice) -> None:
    """Before anything is spoken."""
    with pytest.raises(EngineFailed, match=r"no voice 'nobody'.*alloy"):
        audio(voice, "Hello.", "nobody")


def test_another_folder_can_be_configured(tmp_path: Path) -> None:
    """A voice that somebody trained."""
    folder = write_tiny_voice(tmp_path / "mine")
    assert len(audio(load({"model": str(folder)}), "One two.")) > 0


def test_an_operator_s_words_are_said_as_they_say(tmp_path: Path) -> None:
    """And so are the words that a request brings phones for."""
    folder = write_tiny_voice(tmp_path / "mine")
    words = tmp_path / "words.tsv"
    words.write_text("one\tT UW1\n")
    own = load({"model": str(folder), "lexicon": str(words)})
    plain = load({"model": str(folder)})
    said = (SaidAs(0, 3, "T UW1"),)
    asked = [c.samples for c in plain.speak(SpeechRequest("One two.", said=said))]
    assert np.array_equal(audio(own, "One two."), np.concatenate(asked))
    assert not np.array_equal(audio(own, "One two."), audio(plain, "One two."))


@pytest.mark.parametrize("content", ["one T UW1\n", "one\tT UX1\n", None])
def test_a_file_of_words_that_cannot_be_read_is_named(
    tmp_path: Path, content: str | None
) -> None:
    """With its line, before a call is taken."""
    words = tmp_path / "words.tsv"
    if content is not None:
        words.write_text("two\tT UW1\n" + content)
    folder = write_tiny_voice(tmp_path / "mine")
    why = r"words\.tsv" if content is None else r"words\.tsv: line 2"
    with pytest.raises(EngineFailed, match=why):
        load({"model": str(folder), "lexicon": str(words)})


def test_a_missing_folder_says_what_to_set(tmp_path: Path) -> None:
    """Both ways out."""
    with pytest.raises(EngineFailed, match=r"speech\.model.*espeak"):
        find_models(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("name", ["acoustic", "vocoder", "letters"])
def test_damaged_weights_are_a_clear_error(tmp_path: Path, name: str) -> None:
    """With the file's name."""
    folder = write_tiny_voice(tmp_path / "voice")
    path = folder / f"{name}.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(EngineFailed, match=name):
        load({"model": str(folder)})


def test_every_style_changes_the_speech(voice: NeuralVoice) -> None:
    """Each in its own way; an unknown one is ignored, as by a voice without styles."""
    said = {
        style: np.concatenate(
            [c.samples for c in voice.speak(SpeechRequest("Hello you.", style=style))]
        )
        for style in ("", "stern", *STYLES)
    }
    assert set(MANNERS) == set(STYLES)
    assert np.array_equal(said.pop("stern"), said[""])
    assert len({samples.tobytes() for samples in said.values()}) == len(said)


# What no rule was written for, and how many letters of it cannot be said; None where
# nothing sounds.
ODD_TEXTS = {
    "": None,
    "...?!": None,
    "\x00\u200b\u202e": None,
    "\U0001f600\u65e5\u672c": None,
    "\ud800 one": 0,
    "Two \u65e5\u672c, \u0301one.": 2,
    "<two> 1/0 &amp;": 0,
}


@pytest.mark.parametrize("style", ["", *STYLES])
def test_odd_texts_are_survived_by_every_speaker_in_every_style(
    odd_voice: NeuralVoice, style: str
) -> None:
    """Sound within its limits that tells what it left out, or nothing at all."""
    for name in TIMBRES:
        for text, left_out in ODD_TEXTS.items():
            request = SpeechRequest(text, name, style=style, paced=False)
            chunks = list(odd_voice.speak(request))
            assert bool(chunks) == (left_out is not None), (name, text)
            assert all(np.abs(c.samples).max() <= 1 for c in chunks), (name, text)
            assert sum(c.left_out for c in chunks) == (left_out or 0), (name, text)


def test_a_whisper_has_no_voice(voice: NeuralVoice) -> None:
    """Its waveform does not repeat itself at the pitch of the voice."""
    text = "We are all allowed one hour."
    voiced, whispered = (
        np.concatenate(
            [c.samples for c in voice.speak(SpeechRequest(text, style=style))]
        )
        for style in ("", "whispered")
    )
    assert periodicity(voiced) > 0.7
    # Formants alone come near a half.
    assert periodicity(whispered) < 0.6
    assert abs(loudness(whispered, SPEECH_RATE) + 29) < 6


def periodicity(samples: Samples) -> float:
    """Median over loud frames of the highest autocorrelation at 80 to 300 Hz."""
    frames = [samples[i : i + 1200] for i in range(0, len(samples) - 1200, 600)]
    loud = sorted(frames, key=lambda f: float(np.dot(f, f)))[-len(frames) // 2 :]
    found = []
    for frame in loud:
        spectrum = np.abs(np.fft.rfft(frame * np.hanning(1200), 4096)) ** 2
        correlation = np.fft.irfft(spectrum)
        found.append(float(correlation[80:300].max() / correlation[0]))
    return float(np.median(found))


def test_pitch_is_as_asked(voice: NeuralVoice) -> None:
    """Another request, another pitch; beyond what can be done it stays there."""
    assert manner(SpeechRequest("a", pitch=3), Timbre(pitch=-1)).pitch == 2
    assert manner(SpeechRequest("a", pitch=12), Timbre(pitch=4)).pitch == 12


def test_sizes_resample_by_small_ratios() -> None:
    """A rate converter's table grows with the ratio's terms."""
    for timbre in TIMBRES.values():
        assert round(timbre.size * 20) / 20 == timbre.size


def test_a_question_for_yes_or_no_rises() -> None:
    """Its end lies above its middle, the same words as a statement end below it."""
    inner = load_voice(find_models(""))

    def end(text: str) -> float:
        (clause,) = inner.phonemiser.phonemise(text)
        ends = []
        for seed in range(3):
            plan = plan_clause(inner.model, clause, Manner(seed=seed))
            heard = plan.pitch[plan.voicing > 0.5]
            ends.append(float(heard[-8:].mean() - heard.median()))
        return sum(ends) / len(ends) * 12 / math.log(2)

    assert end("Is the library open on Sunday?") > 2
    assert end("Is the library open on Sunday.") < 0


class _Clumsy:
    """A voice that fails at digits."""

    speakers = ("heart",)

    def __init__(self) -> None:
        self.said: list[str] = []

    def speak(self, text: str, how: Manner, chunks: tuple[int, ...]) -> Iterator[Piece]:
        if any(c.isdigit() for c in text):
            raise ValueError
        self.said.append(text)
        yield Piece(np.zeros(2400, np.float32), 0, ())


def test_a_part_that_fails_is_spoken_in_plain_words_and_the_next_goes_on() -> None:
    """One form that cannot be read never costs the reply its voice."""
    clumsy = _Clumsy()
    text = "A 50-50 chance. " + "So it goes on. " * 30
    voice = NeuralVoice(cast(Voice, clumsy))
    assert list(voice.speak(SpeechRequest(text, "alloy")))
    assert clumsy.said[0].startswith("A       chance")
    assert len(clumsy.said) > 1

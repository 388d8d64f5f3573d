"""eSpeak NG as a speech core, and behind a process."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from scripts.espeak_loudness import loudness
from tests.engines.conformance import check_synthesizer
from voiceserver.audio import SPEECH_RATE, Samples
from voiceserver.engines.base import SpeechRequest, WordMark
from voiceserver.engines.espeak.voice import QUIET, TIMBRES, EspeakVoice, load
from voiceserver.engines.remote.synthesizer import RemoteSynthesizer, speech_spec
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics

OPENAI_VOICES = (
    "alloy ash ballad coral echo sage shimmer verse marin cedar fable nova onyx"
)


@pytest.fixture(scope="module")
def voice() -> EspeakVoice:
    """The library has one state in a process, so there is one."""
    try:
        return load({})
    except EngineFailed as error:
        pytest.skip(str(error))


def audio(voice: EspeakVoice, text: str, name: str = "alloy") -> Samples:
    chunks = [chunk.samples for chunk in voice.speak(SpeechRequest(text, name))]
    return np.concatenate([np.zeros(0, np.float32), *chunks])


def marks(voice: EspeakVoice, text: str) -> list[WordMark]:
    return [m for chunk in voice.speak(SpeechRequest(text)) for m in chunk.words]


@pytest.mark.net
async def test_espeak_in_a_process_conforms() -> None:
    """As the server uses it."""
    spec = speech_spec("espeak", "voiceserver.engines.espeak.voice:load")
    async with RemoteSynthesizer(spec, Metrics()) as remote:
        try:
            await remote.ready()
        except EngineFailed as error:
            pytest.skip(str(error))
        await check_synthesizer(remote)


@pytest.mark.parametrize("language", ["es", "pt-BR", "zh", "no", "fr-CA"])
def test_it_speaks_other_languages(voice: EspeakVoice, language: str) -> None:
    """With their own sounds, in the timbre that was asked for."""
    text = "Buenos dias, amigo."
    request = SpeechRequest(text, language=language)
    foreign = np.concatenate([chunk.samples for chunk in voice.speak(request)])
    english = audio(voice, text)
    assert len(foreign) and not np.array_equal(foreign, english)


def test_a_language_that_it_does_not_have_is_refused(voice: EspeakVoice) -> None:
    """By its name, before any sound."""
    with pytest.raises(EngineFailed, match="does not speak Tibetan"):
        next(voice.speak(SpeechRequest("Hello.", language="bo")))


def test_every_openai_voice_is_there(voice: EspeakVoice) -> None:
    """And all of them speak."""
    assert set(OPENAI_VOICES.split()) <= set(voice.voices)
    assert all(len(audio(voice, "Hi.", name)) for name in voice.voices)


def test_an_unknown_voice_is_told_the_valid_ones(voice: EspeakVoice) -> None:
    """The error names them."""
    with pytest.raises(EngineFailed, match="one of: alloy, ash"):
        audio(voice, "Hi.", "nobody")


def test_every_word_is_marked_where_it_stands(voice: EspeakVoice) -> None:
    """Numbers, abbreviations and markup included; the marks meet without a gap."""
    text = "It costs $1,234.50 for Dr. Smith, don't **worry** - \U0001f600 na\u00efve."
    found = marks(voice, text)
    words = [text[mark.start : mark.end].strip("*") for mark in found]
    assert words[:4] == ["It", "costs", "$1,234.50", "for"]
    assert words[4:] == ["Dr.", "Smith,", "don't", "worry", "na\u00efve."]
    assert [mark.pts_end for mark in found[:-1]] == [mark.pts for mark in found[1:]]


def test_marks_go_on_over_pieces_of_a_long_text(voice: EspeakVoice) -> None:
    """A text longer than a piece has its words in order and inside the audio."""
    text = "one two three four five, " * 30  # 750 characters
    found = marks(voice, text)
    assert [text[m.start : m.end].strip(",") for m in found[:5]] == [
        *("one", "two", "three", "four", "five")
    ]
    assert len(found) == 150
    assert [m.pts for m in found] == sorted(m.pts for m in found)
    assert found[-1].pts_end <= len(audio(voice, text))


def test_silence_before_and_after_is_trimmed(voice: EspeakVoice) -> None:
    """5 ms before the first sound; 200 ms after a sentence, 80 ms after a clause."""
    for text, pause_s in (("Hello there.", 0.2), ("Hello there,", 0.08)):
        samples = audio(voice, text)
        loud = np.flatnonzero(np.abs(samples) > QUIET)
        assert loud[0] < 0.02 * SPEECH_RATE
        quiet = len(samples) - loud[-1]
        assert quiet <= (pause_s + 0.01) * SPEECH_RATE


@pytest.mark.parametrize("name", ["alloy", "onyx", "cedar", "espeak"])
def test_voices_are_equally_loud(voice: EspeakVoice, name: str) -> None:
    """-23 LUFS within 2 LU on other words than they were levelled with."""
    text = "We will be there tomorrow morning, unless the weather changes again."
    assert loudness(audio(voice, text, name), SPEECH_RATE) == pytest.approx(-23, abs=2)


def test_speed_changes_the_duration(voice: EspeakVoice) -> None:
    """Twice as fast is about half as long; beyond its limits it stays there."""

    def seconds(speed: float) -> float:
        request = SpeechRequest("This is a sentence of ordinary length.", speed=speed)
        return sum(len(c.samples) for c in voice.speak(request)) / SPEECH_RATE

    assert seconds(2.0) == pytest.approx(seconds(1.0) / 2, rel=0.25)
    assert seconds(4.0) < seconds(2.0) < seconds(1.0) < seconds(0.25)


@pytest.mark.parametrize(
    "text", ["", "   ", "?!...", "\U0001f600", "\x00\x01", "- * _"]
)
def test_nothing_to_speak_is_an_empty_stream(voice: EspeakVoice, text: str) -> None:
    """No letter and no digit: no sound."""
    assert list(voice.speak(SpeechRequest(text))) == []


def test_markup_is_not_obeyed(voice: EspeakVoice) -> None:
    """A break of nine seconds is not made."""
    text = "<speak>one <break time='9s'/> two</speak>"
    assert len(audio(voice, text)) < 3 * SPEECH_RATE


def test_a_closed_phrase_stops_the_library_within_a_callback(
    voice: EspeakVoice,
) -> None:
    """The thread of a phrase ends long before its piece would."""
    stream = voice.speak(SpeechRequest("a very long text without an end " * 1000))
    next(stream)
    stream.close()
    until = time.monotonic() + 5
    while any(t.name == "espeak" for t in threading.enumerate()):
        assert time.monotonic() < until
        time.sleep(0.002)


def test_phrases_interleave(voice: EspeakVoice) -> None:
    """Two at once sound as they do alone."""
    alone = audio(voice, "one two three four", "echo")
    first = voice.speak(SpeechRequest("one two three four", "echo"))
    second = voice.speak(SpeechRequest("five six seven eight", "nova"))
    heard = []
    for chunk in first:
        heard.append(chunk.samples)
        next(second, None)
    assert len(np.concatenate(heard)) == pytest.approx(len(alone), rel=0.02)


def test_the_table_is_within_espeaks_ranges() -> None:
    """Pitch and range 0 to 100, gains that keep peaks."""
    for timbre in TIMBRES.values():
        assert 0 <= timbre.pitch <= 100
        assert 0 <= timbre.pitch_range <= 100
        assert 0.2 < timbre.gain < 3

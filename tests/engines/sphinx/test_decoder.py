"""Dictation and grammar over the same audio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.recordings import recording
from voiceserver.audio import to_int16
from voiceserver.engines.base import Hypothesis
from voiceserver.engines.responder.grammar import jsgf
from voiceserver.engines.sphinx.decoder import SphinxDecoder, load
from voiceserver.errors import EngineFailed

PIECE = 1600  # 100 ms
Pcm = NDArray[np.int16]


@pytest.fixture(scope="module")
def decoder() -> SphinxDecoder:
    return load({"model": "", "grammar": jsgf()})


def quiet(seconds: float) -> Pcm:
    """A quiet room: 14 bits under full scale."""
    return np.random.default_rng(3).normal(0, 2, int(16_000 * seconds)).astype(np.int16)


def spoken(name: str, gain: float = 1.0) -> Pcm:
    """A recording as the recogniser gets it: pre-roll, speech, endpointing silence."""
    speech = to_int16(recording(name) * np.float32(gain))
    return np.concatenate([quiet(0.3), speech, quiet(0.3)])


def heard(decoder: SphinxDecoder, pcm: Pcm) -> tuple[list[Hypothesis], Hypothesis]:
    """Partials after each piece, and the final hypothesis."""
    decoder.start()
    partials = []
    for at in range(0, len(pcm), PIECE):
        decoder.push(pcm[at : at + PIECE])
        partials.append(decoder.partial())
    return partials, decoder.finish()


def test_silence_is_no_words(decoder: SphinxDecoder) -> None:
    """Not even a partial."""
    partials, final = heard(decoder, quiet(2.0))
    assert final == Hypothesis(final=True)
    assert {partial.text for partial in partials} == {""}


def test_digital_silence_is_no_words(decoder: SphinxDecoder) -> None:
    """A muted microphone gives zeros."""
    _, final = heard(decoder, np.zeros(16_000, np.int16))
    assert final == Hypothesis(final=True)


def test_no_audio_is_no_words(decoder: SphinxDecoder) -> None:
    """An utterance may be empty."""
    decoder.start()
    assert decoder.partial() == Hypothesis()
    assert decoder.finish() == Hypothesis(final=True)


def test_audio_before_start_is_refused(decoder: SphinxDecoder) -> None:
    """A slip of the caller is not hidden."""
    decoder.start()
    decoder.finish()
    with pytest.raises(EngineFailed, match="before start"):
        decoder.push(quiet(0.1))


def test_finish_may_be_called_again(decoder: SphinxDecoder) -> None:
    """The second finds nothing open."""
    decoder.start()
    decoder.finish()
    assert decoder.finish() == Hypothesis(final=True)


def test_a_model_that_is_not_there_is_an_engine_failure(tmp_path: Path) -> None:
    """The message names the folder."""
    with pytest.raises(EngineFailed, match=str(tmp_path)):
        load({"model": str(tmp_path), "grammar": ""})


@pytest.mark.speech
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("brooklyn", "how old is the brooklyn bridge"),
        ("whatstheweatherlike", "what's the weather like"),
    ],
)
def test_a_question_of_the_grammar_is_heard_exactly(
    decoder: SphinxDecoder, name: str, text: str
) -> None:
    """Words as the grammar has them, known to be a whole request."""
    partials, final = heard(decoder, spoken(f"speech/command/{name}.wav"))
    assert final == Hypothesis(text, final=True, complete=True)
    assert partials[-1] == Hypothesis(text, complete=True)


@pytest.mark.speech
def test_partials_arrive_while_speaking(decoder: SphinxDecoder) -> None:
    """Words are there in the middle of the sentence; none is called complete."""
    pcm = spoken("speech/command/brooklyn.wav")
    partials, _ = heard(decoder, pcm)
    middle = partials[len(partials) // 2]
    assert middle.text.startswith("how")
    assert not middle.complete
    assert not any(partial.final for partial in partials)


@pytest.mark.speech
def test_a_sentence_outside_the_grammar_is_dictated(decoder: SphinxDecoder) -> None:
    """Whatever was made of it comes from dictation."""
    _, final = heard(decoder, spoken("speech/read/sb_spk1_snt1.wav"))
    assert final.final
    assert not final.complete
    assert {"child", "almost", "small", "dog"} <= set(final.text.split())


@pytest.mark.speech
def test_clipped_speech_is_still_heard(decoder: SphinxDecoder) -> None:
    """Recorded five times too loud."""
    _, final = heard(decoder, spoken("speech/command/brooklyn.wav", gain=5.0))
    assert "brooklyn bridge" in final.text


@pytest.mark.speech
def test_an_abandoned_utterance_leaves_nothing(decoder: SphinxDecoder) -> None:
    """The next one is heard as if it were the first."""
    pcm = spoken("speech/command/whatstheweatherlike.wav")
    decoder.start()
    decoder.push(spoken("speech/command/brooklyn.wav")[:24_000])
    _, after = heard(decoder, pcm)
    assert after.text == "what's the weather like"


@pytest.mark.speech
def test_what_was_heard_before_does_not_matter(decoder: SphinxDecoder) -> None:
    """Decoders serve one caller after another: no adaptation is carried over."""
    pcm = spoken("speech/read/sb_spk2_snt2.wav")
    _, alone = heard(decoder, pcm)
    heard(decoder, spoken("speech/command/cards_001.wav", gain=0.05))
    assert heard(decoder, pcm)[1] == alone


@pytest.mark.speech
@pytest.mark.parametrize("name", ["sb_noise1.flac", "sb_noise5.flac"])
def test_noise_is_no_words(decoder: SphinxDecoder, name: str) -> None:
    """Words drawn out over seconds are not passed on."""
    noise = to_int16(recording(f"speech/noise/{name}"))[-3 * 16_000 :]
    assert heard(decoder, noise)[1] == Hypothesis(final=True)


@pytest.mark.speech
def test_a_long_monologue_is_heard_to_its_end(decoder: SphinxDecoder) -> None:
    """30 s in one utterance; its end is not slower to come for that."""
    pcm = to_int16(recording("speech/read/two_cities_16k.flac"))[: 30 * 16_000]
    decoder.start()
    for at in range(0, len(pcm), PIECE):
        decoder.push(pcm[at : at + PIECE])
    final = decoder.finish()
    assert not final.complete
    assert len(final.text.split()) > 50

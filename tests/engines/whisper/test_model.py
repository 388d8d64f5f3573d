"""Whisper by CTranslate2, with real weights where they can be had."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.recordings import recording
from voiceserver.audio import MIC_RATE, resample
from voiceserver.engines.whisper.beliefs import (
    NEARLY_AS_LIKELY,
    is_endless,
    n_strange,
)
from voiceserver.engines.whisper.model import Asked, WhisperModel
from voiceserver.errors import EngineFailed
from voiceserver.weights.place import is_there, model_folder

pytest.importorskip("ctranslate2", reason="needs voiceserver[whisper]")
BROOKLYN = "speech/command/brooklyn.wav"


MODELS = [
    pytest.param(name, marks=pytest.mark.weights(name))
    for name in ("whisper-tiny.en", "whisper-base")
]


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> WhisperModel:
    """Either model."""
    if not is_there(request.param):
        pytest.skip(f"needs the weights: voiceserver models get {request.param}")
    return WhisperModel(model_folder(request.param), "cpu")


@pytest.mark.speech
def test_several_are_decoded_in_one_pass(model: WhisperModel) -> None:
    """Each as it is alone, whatever its length, language or words."""
    speech = recording(BROOKLYN)
    asked = [
        Asked(speech),
        Asked(recording("speech/read/librivox_0880.wav"), "auto"),
        Asked(speech, "xx", prompt="bridges, New York", timed=True),
        Asked(speech[:0]),
    ]
    found = model.decode(asked)
    assert [one.text for one in found[:3:2]] == ["How old is the Brooklyn Bridge?"] * 2
    assert "young man" in found[1].text
    assert [word.text for word in found[2].timed] == found[2].text.split()
    assert all(one.language == "en" for one in found[:3])
    assert not found[3].believed


def test_what_it_costs_is_measured_on_as_many_tokens_as_people_say(
    model: WhisperModel,
) -> None:
    """Noise ends at once, which says nothing of speech."""
    cost_s = model.cost_s()
    began_s = time.process_time()
    model.decode([Asked(np.zeros(MIC_RATE // 2, np.float32))])
    assert cost_s > 0
    assert cost_s > 0.5 * (time.process_time() - began_s)


@pytest.mark.speech
def test_words_of_another_place_spoil_nothing(model: WhisperModel) -> None:
    """What is in doubt with them is decoded without."""
    [found] = model.decode([Asked(recording(BROOKLYN), prompt="espresso, latte")])
    assert "Brooklyn" in found.text


@pytest.mark.speech
def test_a_place_that_knows_its_words_looks_for_them(model: WhisperModel) -> None:
    """A strange word among them is decoded in more ways; what was clear stays so."""
    known = frozenset("how old is a brooklyn bridge".split())  # "the" is strange
    asked = Asked(recording(BROOKLYN), timed=True, known=known)
    [first] = model.decode([asked])
    [found] = model.decode([replace(asked, last=True)])
    assert n_strange(found.text, known) <= n_strange(first.text, known) == 1
    assert found.logprob >= first.logprob - NEARLY_AS_LIKELY
    assert "Brooklyn" in found.text
    assert [word.text for word in found.timed] == found.text.split()


@pytest.mark.speech
def test_where_nobody_speaks_nothing_is_believed(model: WhisperModel) -> None:
    """Silence, hiss, a tone, clipping."""
    rng = np.random.default_rng(5)
    t = np.arange(2 * MIC_RATE) / MIC_RATE
    sounds = [
        np.zeros(2 * MIC_RATE),
        rng.normal(0, 0.02, 2 * MIC_RATE),
        0.3 * np.sin(2 * np.pi * 440 * t),
        np.sign(np.sin(2 * np.pi * 50 * t)),
    ]
    asked = [Asked(each.astype(np.float32), last=True) for each in sounds]
    for found in model.decode(asked):
        assert not (found.believed and found.text)


@pytest.mark.speech
def test_what_is_not_believed_is_decoded_with_more_care(model: WhisperModel) -> None:
    """A question in noise, of which the first decode makes a word that is none."""
    speech = recording(BROOKLYN)
    noise = recording("speech/noise/sb_noise5.flac")[: len(speech)]
    level = np.sqrt((speech**2).mean() / 10 / (noise**2).mean())
    noisy = (speech + level * noise).astype(np.float32)
    [first] = model.decode([Asked(noisy)])
    [found] = model.decode([Asked(noisy, last=True)])
    assert found.believed
    assert "Bridge" in found.text
    if first.believed:
        assert found == first


@pytest.mark.speech
def test_bad_lines_are_heard_as_what_they_are(model: WhisperModel) -> None:
    """Keys of a phone are no words; clipping, 8 kHz, a voice next door spoil none."""
    speech, t = recording(BROOKLYN), np.arange(2 * MIC_RATE) / MIC_RATE
    keys = np.sin(2 * np.pi * 770 * t) + np.sin(2 * np.pi * 1336 * t)  # the 5
    keys *= 0.2 * (t % 0.4 < 0.2)
    narrow = resample(resample(speech, MIC_RATE, 8000), 8000, MIC_RATE)
    other = 0.05 * recording("speech/read/librivox_0880.wav")[: len(speech)]
    both = speech + np.pad(other, (0, len(speech) - len(other)))
    sounds = [keys, np.clip(4 * speech, -1, 1), narrow, both]
    asked = [Asked(each.astype(np.float32)) for each in sounds]
    dialled, *heard = (found for one in asked for found in model.decode([one]))
    assert not (dialled.believed and dialled.text)
    assert all(each.believed for each in heard)
    assert all("How old" in each.text and "Bridge?" in each.text for each in heard)


@pytest.mark.speech
def test_two_people_at_once_are_a_few_words(model: WhisperModel) -> None:
    """One of them, both or neither: no loop, and an end."""
    speech = recording(BROOKLYN)
    other = recording("speech/read/librivox_0880.wav")[: len(speech)]
    other *= speech.std() / other.std()
    [found] = model.decode([Asked(np.clip(speech + other, -1, 1), last=True)])
    assert not is_endless(found.text)
    assert len(found.text.split()) <= 20


def test_a_folder_without_a_model_says_what_to_do(tmp_path: Path) -> None:
    """Rather than a traceback of the library."""
    with pytest.raises(EngineFailed, match="fetch the model again"):
        WhisperModel(tmp_path)

"""A streaming transducer, by a tiny one that hears when it is loud and when quiet."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.engines.conformance import check_recogniser, heard
from tests.tiny_transducer import TOKENS, export
from voiceserver.audio import MIC_RATE, from_int16
from voiceserver.config import Config, EnginesConfig, RecogniserConfig
from voiceserver.engines.base import Hypothesis
from voiceserver.engines.opening import open_engines
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics

pytest.importorskip("sherpa_onnx", reason="voiceserver[sherpa] is not installed")

from voiceserver.engines.sherpa.transducer import (
    UTTERANCES,
    Transducer,
    load,
    written,
)

NOISE = np.random.default_rng(1).normal(0, 3000, MIC_RATE).astype(np.int16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def core(folder: Path) -> Transducer:
    return load({"model": str(folder), "language": "en"})


def sound(*seconds: float) -> NDArray[np.int16]:
    """Loud and quiet in turn."""
    parts = [
        NOISE[: round(MIC_RATE * each)] * (number % 2 == 0)
        for number, each in enumerate(seconds)
    ]
    return np.concatenate(parts).astype(np.int16)


def said(core: Transducer, pcm: NDArray[np.int16], block: int = 1600) -> list[str]:
    """What is heard after each block, and at the end."""
    utterance = core.open()
    texts = []
    for at in range(0, len(pcm), block):
        utterance.push(pcm[at : at + block])
        texts.append(utterance.partial().text)
    final = utterance.finish()
    utterance.close()
    assert final.final
    return [*texts, final.text]


def test_words_come_while_it_is_heard_and_the_last_at_the_end(core: Transducer) -> None:
    texts = said(core, sound(0.5, 0.5, 0.5))
    assert list(dict.fromkeys(texts)) == [
        "loud",
        "loud quiet",
        "loud quiet loud",
        "loud quiet loud quiet",
    ]


@pytest.mark.parametrize("block", [1, 159, 1601, 48_000])
def test_blocks_of_any_length_are_the_same_words(core: Transducer, block: int) -> None:
    pcm = sound(0.2, 0.2)
    assert said(core, pcm, block)[-1] == "loud quiet"


def test_utterances_do_not_mix(core: Transducer) -> None:
    loud, quiet = core.open(), core.open()
    for at in range(0, MIC_RATE // 2, 640):
        loud.push(NOISE[at : at + 640])
        quiet.push(np.zeros(640, np.int16))
    assert loud.partial().text == "loud"
    assert quiet.finish() == Hypothesis(final=True)
    assert core.utterances == UTTERANCES > 1


def test_words_have_a_probability(core: Transducer) -> None:
    utterance = core.open()
    utterance.push(NOISE)
    told = utterance.finish()
    assert told.logprob is not None
    assert -1 < told.logprob < 0


def test_capitals_alone_are_not_shouted() -> None:
    assert written("HELLO  THERE") == "hello there"
    assert written("Hello there.") == "Hello there."


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("tokens.txt", b"a b c\n", "line 1: no token and its number"),
        ("tokens.txt", b"\xff\xfe", "missing or no text"),
        ("encoder-epoch-1-avg-1.onnx", b"junk", "it tells no model_type"),
        ("encoder-epoch-1-avg-1.onnx", b"", "it tells no model_type"),
        ("encoder-epoch-1-avg-1.onnx", b"model_type" * 9, "cannot be loaded"),
        ("joiner-epoch-1-avg-1.onnx", None, r"has no joiner\*\.onnx"),
        ("tokens.txt", None, "missing or no text"),
        ("encoder-2.onnx", b"", "has several encoders"),
    ],
)
def test_a_model_that_cannot_be_used_is_told(
    tmp_path: Path, file: str, content: bytes | None, words: str
) -> None:
    """File, line and what to do."""
    broken = export(tmp_path / "broken") / file
    if content is None:
        broken.unlink()
    else:
        broken.write_bytes(content)
    with pytest.raises(EngineFailed, match=words):
        load({"model": str(broken.parent)})


def test_without_a_folder_it_says_what_to_set() -> None:
    for model in ("", "/nowhere/at/all"):
        with pytest.raises(EngineFailed, match=r"set model in \[recogniser\]"):
            load({"model": model})


def test_the_int8_networks_are_taken_where_there_are_both(tmp_path: Path) -> None:
    both = export(tmp_path / "both")
    encoder = both / "encoder-epoch-1-avg-1.onnx"
    (both / "encoder-epoch-1-avg-1.int8.onnx").write_bytes(encoder.read_bytes())
    encoder.write_bytes(b"junk")
    assert said(load({"model": str(both)}), sound(0.5))[-1].startswith("loud")
    assert len(TOKENS) == 5


@pytest.mark.net
async def test_it_is_opened_by_name_and_conforms(folder: Path) -> None:
    """In a process of its own; its language is the configured one."""
    ears = RecogniserConfig(1, str(folder), language="de", standby=False)
    names = EnginesConfig(vad="stub", recogniser="sherpa", text="stub", speech="stub")
    config = Config(engines=names, recogniser=ears)
    async with open_engines(config, Metrics()) as engines:
        assert engines.recogniser.name == "sherpa"
        assert engines.recogniser.language == "de"
        loud = from_int16(NOISE)
        await check_recogniser(engines.recogniser, loud)
        async with asyncio.timeout(20):
            assert (await heard(engines.recogniser, loud)).text == "loud quiet"

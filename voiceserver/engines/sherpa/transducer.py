"""A streaming transducer as a recogniser core: words while somebody speaks, on a CPU.

The model is a folder of the user's with what icefall or NeMo exports for sherpa-onnx
(k2-fsa.github.io/sherpa/onnx/pretrained_models/online-transducer): ``tokens.txt``, an
encoder, a decoder and a joiner. ``load`` is what a recogniser process calls. Knows
nothing of processes, sockets or turns; words to be expected are not told to it.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
import sherpa_onnx
from numpy.typing import NDArray

from voiceserver.audio import MIC_RATE, from_int16
from voiceserver.engines.base import Hypothesis
from voiceserver.errors import EngineFailed

NAME = "sherpa"
UTTERANCES = 4  # at a time in a process; a step of each in turn
TAIL_S = 0.66  # of silence at the end, so that the encoder gives its last frames
TOKENS = "tokens.txt"
_WHERE = "https://k2-fsa.github.io/sherpa/onnx/pretrained_models/online-transducer"


class Transducer:
    """A recogniser core.

    Args:
        folder: Of the model.
        language: That it writes down, BCP 47.

    Raises:
        EngineFailed: If there is none, or it cannot be loaded; says what to do.
    """

    utterances = UTTERANCES

    def __init__(self, folder: Path, language: str) -> None:
        self.language = language
        tokens = folder / TOKENS
        encoder, decoder, joiner = (
            _file(folder, part) for part in ("encoder", "decoder", "joiner")
        )
        # What it cannot read it ends the process for, with a line for programmers.
        _check_tokens(tokens)
        _check_encoder(encoder)
        try:
            self._recogniser = sherpa_onnx.OnlineRecognizer.from_transducer(
                tokens=str(tokens),
                encoder=str(encoder),
                decoder=str(decoder),
                joiner=str(joiner),
                num_threads=1,
                sample_rate=MIC_RATE,
            )
        except (RuntimeError, ValueError) as error:
            why = " ".join(str(error).split())[:200]
            raise EngineFailed(NAME, f"{folder} cannot be loaded: {why}") from error

    def open(self) -> TransducerUtterance:
        """Begin an utterance."""
        return TransducerUtterance(self._recogniser)


class TransducerUtterance:
    """One utterance, and where the search for its words stands.

    Args:
        recogniser: sherpa-onnx's; many utterances use it in turn.
    """

    def __init__(self, recogniser: Any) -> None:
        self._recogniser = recogniser
        self._stream = recogniser.create_stream()

    def push(self, pcm: NDArray[np.int16]) -> None:
        """Take audio, 16 kHz, and decode what it completes."""
        self._stream.accept_waveform(MIC_RATE, from_int16(pcm))
        self._decode()

    def partial(self) -> Hypothesis:
        """What was heard so far; some hundred milliseconds behind what was said."""
        return self._heard(final=False)

    def finish(self) -> Hypothesis:
        """No more audio comes: what was said."""
        tail = np.zeros(round(TAIL_S * MIC_RATE), np.float32)
        self._stream.accept_waveform(MIC_RATE, tail)
        self._stream.input_finished()
        self._decode()
        return self._heard(final=True)

    def close(self) -> None:
        """Let go of its state."""
        self._stream = None

    def _decode(self) -> None:
        while self._recogniser.is_ready(self._stream):
            self._recogniser.decode_stream(self._stream)

    def _heard(self, final: bool) -> Hypothesis:
        found = self._recogniser.get_result_all(self._stream)
        text = written(found.text)
        probable = found.ys_probs
        return Hypothesis(
            text,
            final,
            logprob=min(0.0, float(np.mean(probable))) if text and probable else None,
        )


def written(text: str) -> str:
    """A text as it is read: many models know capitals alone, which shout."""
    text = " ".join(text.split())
    return text.lower() if text.isupper() else text


def _file(folder: Path, part: str) -> Path:
    """The network of that name; the int8 one where there are two.

    Raises:
        EngineFailed: If there is none, or more.
    """
    found = sorted(folder.glob(f"*{part}*.onnx"))
    small = [file for file in found if file.name.endswith(".int8.onnx")]
    chosen = small or found
    if not folder.is_dir() or not chosen:
        raise EngineFailed(
            NAME,
            f"{folder} has no {part}*.onnx; set model in [recogniser] to the folder of "
            f"a streaming transducer, for example one of {_WHERE}",
        )
    if len(chosen) > 1:
        names = ", ".join(file.name for file in chosen)
        raise EngineFailed(NAME, f"{folder} has several {part}s: {names}; leave one")
    return chosen[0]


def _check_tokens(file: Path) -> None:
    """Refuse what is no list of tokens: one a line, and its number."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise EngineFailed(NAME, f"{file} is missing or no text") from None
    for number, line in enumerate(lines, 1):
        # A line with its number alone is the token of a space.
        parts = line.split()
        if (
            not 1 <= len(parts) <= 2
            or not parts[-1].isascii()
            or not parts[-1].isdigit()
        ):
            raise EngineFailed(NAME, f"{file}, line {number}: no token and its number")


def _check_encoder(file: Path) -> None:
    """Refuse a network that does not say what kind of encoder it is."""
    try:
        with file.open("rb") as opened:
            told = file.stat().st_size > 0 and _tells_type(opened.fileno())
    except OSError as error:
        raise EngineFailed(NAME, f"{file} cannot be read: {error.strerror}") from None
    if not told:
        raise EngineFailed(
            NAME,
            f"{file} is no encoder of a streaming transducer: it tells no model_type; "
            "export it with export-onnx-streaming.py of its icefall recipe",
        )


def _tells_type(file: int) -> bool:
    with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as whole:
        return whole.find(b"model_type") >= 0


def load(settings: dict[str, object]) -> Transducer:
    """Load the model.

    Args:
        settings: ``"model"``: its folder; ``"language"`` that it knows. Others are
            ignored.

    Raises:
        EngineFailed: If it is missing or unusable; says what to do.
    """
    model = str(settings.get("model") or "")
    if not model:
        raise EngineFailed(
            NAME,
            "set model in [recogniser] to the folder of a streaming transducer, for "
            f"example one of {_WHERE}",
        )
    language = str(settings.get("language") or "")
    return Transducer(
        Path(model).expanduser(), "en" if language in ("", "auto") else language
    )

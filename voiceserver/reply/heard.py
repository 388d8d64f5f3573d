"""What the caller heard of a reply, in words: samples played to source characters.

A source word is heard when its midpoint has been played. Voices that give word marks
make this exact; for others each word gets a share of its phrase's audio by its
length, and the answer says that it is an estimate. Pure: fed with what was
synthesized, asked with how many samples were played.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from voiceserver.audio import SPEECH_RATE

_WORD = re.compile(r"\S+")
# Brisk speech; only used for a phrase that is cut while it is still being made.
_CHARACTERS_PER_S = 14


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a word of the reply sounds.

    Attributes:
        end: Index after its last character, in the reply's text.
        midpoint: Sample of the turn's audio at which it counts as heard.
    """

    end: int
    midpoint: int


@dataclass(frozen=True, slots=True)
class Heard:
    """How much of a reply was heard.

    Attributes:
        characters: Length of the prefix of the reply's text.
        exact: False if some of it was estimated.
    """

    characters: int
    exact: bool


@dataclass(slots=True)
class _Phrase:
    text: str
    start: int  # first character, in the reply's text
    pts: int  # first sample, in the turn's audio
    n_samples: int = 0
    marks: list[Mark] = field(default_factory=list)
    done: bool = False


class HeardText:
    """Follows the synthesis of one reply; phrases come in order, one at a time."""

    def __init__(self) -> None:
        self._phrases: list[_Phrase] = []
        self._n_samples = 0

    @property
    def n_samples(self) -> int:
        """Samples of audio made so far."""
        return self._n_samples

    def begin(self, text: str, start: int) -> None:
        """A phrase begins.

        Args:
            text: Its source text.
            start: Index of its first character in the reply's text.
        """
        self._phrases.append(_Phrase(text, start, self._n_samples))

    def add(self, n_samples: int) -> None:
        """Audio of the current phrase was made."""
        self._n_samples += n_samples
        self._phrases[-1].n_samples += n_samples

    def mark(self, end: int, pts: int, pts_end: int) -> None:
        """A word of the current phrase was located.

        Args:
            end: Index after its last character, in the phrase.
            pts: Its first sample, in the phrase's audio.
            pts_end: The sample after its last.
        """
        phrase = self._phrases[-1]
        midpoint = phrase.pts + (pts + pts_end) // 2
        phrase.marks.append(Mark(phrase.start + end, midpoint))

    def end(self) -> None:
        """The current phrase is complete."""
        self._phrases[-1].done = True

    def at(self, played: int) -> Heard:
        """What was heard once ``played`` samples of the turn have sounded."""
        characters, exact = 0, True
        for phrase in self._phrases:
            if played <= phrase.pts:
                break
            if phrase.done and played >= phrase.pts + phrase.n_samples:
                characters = phrase.start + len(phrase.text)
                continue
            marks = phrase.marks or _spread(phrase)
            exact = exact and bool(phrase.marks)
            heard = [mark.end for mark in marks if mark.midpoint <= played]
            characters = max([characters, *heard])
        return Heard(characters, exact)


def _spread(phrase: _Phrase) -> list[Mark]:
    """Estimate marks: every word gets audio in proportion to its length."""
    n_samples = phrase.n_samples
    if not phrase.done:
        expected = len(phrase.text) * SPEECH_RATE // _CHARACTERS_PER_S
        n_samples = max(n_samples, expected)
    per_character = n_samples / max(1, len(phrase.text))
    return [
        Mark(
            phrase.start + word.end(),
            phrase.pts + round(per_character * (word.start() + word.end()) / 2),
        )
        for word in _WORD.finditer(phrase.text)
    ]

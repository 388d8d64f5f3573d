"""Speech over a reply: what of it stops the reply, what is let pass, what waits.

Pure. It weighs one stretch of voice while a reply sounds: how long it has lasted, the
words in it as far as they are known, and the words of the reply that sounded just then.

Voice and words together stop a reply, and so does voice that nothing explains. A yes
("uh-huh", in the language that is heard) and the echo of our own words explain the
voice up to where they were heard, and no further: whoever talks on is listened to.
Voice that is no louder than an echo of the reply explains itself (``echo``).
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum, auto

from voiceserver.turns.cues import asks_to_stop, is_backchannel
from voiceserver.turns.echo import Echo

INTERRUPTING_WORDS = 2  # fewer may be a misheard noise
# Words are ours if so many of them, and at least two in a row, sounded just then. A
# caller who answers with our words says them after us; echoes come within the window.
OWN_SHARE = 0.6
OWN_RUN = 2
# Words in so much voice, beyond two, that nobody says: a recogniser that makes seven of
# half a second is going round in a circle.
MOST_WORDS_PER_S = 7.0
# How much later than it sounds here an echo of the reply is heard: a client's buffer,
# the network there and back, the room.
ECHO_MS = 600
# Of voice beyond what an echo explains: the next words come with the next decode.
OWN_VALID_MS = 1000
# Here and there an echo is louder than it should be; all of it together is less.
BLIP_MS = 200
SUSPECTED_MS = 900  # of voice, that may turn out to be an echo
# Whoever speaks for so long has the turn, whatever the words seem to be.
LONGEST_MS = 4000


class Verdict(Enum):
    """What becomes of it."""

    WAIT = auto()
    DURATION = auto()
    WORDS = auto()
    STOP_WORD = auto()


@dataclass(slots=True)
class Overlap:
    """One stretch of voice over a reply.

    Attributes:
        onset: Its first voiced sample.
        language: Of the words, BCP 47; ``""`` if it is not known.
        words: Those that are not ours.
        ours: Some of what was heard was our own.
        explained_ms: Voice, from the onset, that is explained by what it says.
        valid_ms: Voice beyond it that waits for the next words.
        echo_ms: Of the time from the onset, what is an echo by its level.
        louder: Some of it was louder than the echo that was known of.
        suspected: There seems to be an echo: it stops nothing for ``SUSPECTED_MS``.
    """

    onset: int
    language: str = ""
    words: str = ""
    ours: bool = False
    explained_ms: float = 0.0
    valid_ms: float = 0.0
    echo_ms: float = 0.0
    louder: bool = False
    suspected: bool = False

    def level(self, echo: Echo, voiced_ms: float, lasts_ms: float) -> None:
        """Take what the level of a stretch of voice says.

        Args:
            echo: Whether it may be echo.
            voiced_ms: From the onset to the last voice before it.
            lasts_ms: Its length.
        """
        self.suspected = echo is Echo.SUSPECTED
        if echo is Echo.LOUDER:
            self.louder = True
        elif echo is not Echo.ALL:
            return
        elif self.louder:
            self.echo_ms += lasts_ms
        else:  # that there is an echo was just found out: so far it was one, too
            self.echo_ms = max(self.echo_ms, voiced_ms)

    def is_echo(self, voiced_ms: float) -> bool:
        """Whether there was nothing in it but the reply itself.

        Args:
            voiced_ms: From the onset to the last voice.
        """
        by_words = self.ours and self.is_explained
        return by_words or self._is_level(voiced_ms)

    def _is_level(self, voiced_ms: float) -> bool:
        return self.echo_ms > 0 and voiced_ms - self.echo_ms < BLIP_MS

    def heard(
        self,
        words: str,
        own: str,
        voiced_ms: float,
        language: str,
        doubtful: str = "",
    ) -> None:
        """Take what a recogniser has made of it.

        Args:
            words: As ``cues`` takes them.
            own: Words of the reply that sounded since ``ECHO_MS`` before the onset.
            voiced_ms: From the onset to the last voice.
            language: BCP 47, or ``""``.
            doubtful: Words that are not believed. The first half of a short word seldom
                is; a yes or an echo is let pass all the same, and nothing else counts.
        """
        n_words = len(words.split())
        if n_words > 2 + MOST_WORDS_PER_S * voiced_ms / 1000:
            words = ""
        self.words = beyond(words, own)
        self.ours = bool(words) and self.words != words
        self.language = language or self.language
        if doubtful and not words:
            echo = not beyond(doubtful, own)
            if echo or is_backchannel(doubtful, self.language):
                self.explained_ms = max(self.explained_ms, voiced_ms)
                self.valid_ms = OWN_VALID_MS if echo else 0.0
        if words and self.is_explained:
            self.explained_ms = max(self.explained_ms, voiced_ms)
            self.valid_ms = OWN_VALID_MS if self.ours else 0.0

    @property
    def is_explained(self) -> bool:
        """Whether all words in it are ours, or only show that somebody listens."""
        few = self.ours and len(self.words.split()) < INTERRUPTING_WORDS
        stops = asks_to_stop(self.words, self.language)
        return not stops and (few or is_backchannel(self.words, self.language))

    def verdict(self, voiced_ms: float, confirm_ms: float) -> Verdict:
        """Weigh it.

        Args:
            voiced_ms: From the onset to the last voice.
            confirm_ms: Voice that stops the reply by itself, if nothing explains it.
        """
        if self._is_level(voiced_ms):
            return Verdict.WAIT  # its words, too, are the reply's
        if asks_to_stop(self.words, self.language):
            return Verdict.STOP_WORD
        enough = len(self.words.split()) >= INTERRUPTING_WORDS
        if enough and not is_backchannel(self.words, self.language):
            known = not self.suspected or voiced_ms >= SUSPECTED_MS
            return Verdict.WORDS if known else Verdict.WAIT
        needed = max(confirm_ms, self.valid_ms, SUSPECTED_MS * self.suspected)
        unexplained = voiced_ms - max(self.explained_ms, self.echo_ms)
        longest = voiced_ms - self.echo_ms >= max(confirm_ms, LONGEST_MS)
        if unexplained >= needed or longest:
            return Verdict.DURATION
        return Verdict.WAIT


def beyond(heard: str, own: str) -> str:
    """Words that were heard, without the echo of our own.

    Args:
        heard: Lower-case words.
        own: Words of the reply that sounded at that time.

    Returns:
        What follows the last of our words, where most are ours; else all of them.
    """
    words, ours = heard.split(), own.split()
    if not words or not ours:
        return heard
    matcher = SequenceMatcher(None, words, ours, autojunk=False)
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    end = max((block.a + block.size for block in blocks), default=0)
    matched = sum(block.size for block in blocks)
    in_a_row = max((block.size for block in blocks), default=0)
    if in_a_row < OWN_RUN or matched < OWN_SHARE * end:
        return heard
    return " ".join(words[end:])

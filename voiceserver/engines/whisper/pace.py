"""When an utterance is decoded, and whose is next: the scheduler. Pure.

Whisper keeps nothing between two decodes, so each is a job of its own: final before
speculative (in a pause, so that it is ready when the turn ends) before overlap (a few
words, to tell an interruption from a yes) before partial. What an utterance wants
follows from its audio, so a newer decode replaces the one that waits, and there is
never more than one. Time is counted in samples at 16 kHz, and told in seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

from voiceserver.audio import MIC_RATE


def _samples(ms: int) -> int:
    return ms * MIC_RATE // 1000


PAUSE = _samples(180)  # of quiet, at which a speculative decode begins
OVERLAP_PAUSE = _samples(140)  # the same over a reply: there the words are urgent
# Of an utterance over a reply, at each of which its words are wanted: whether it is an
# interruption is decided within its first second or two.
OVERLAPS = tuple(map(_samples, (500, 630, 760, 1000, 1400)))
TAIL = _samples(200)  # kept of the quiet after the last voice
SEGMENT = _samples(8_000)  # from here on a pause settles what was said
SETTLING = _samples(300)  # such a pause
SETTLED_TAIL = _samples(150)  # of it, that goes with what was said
LONGEST = _samples(25_000)  # of a segment; then it is cut where it is quietest

# Seconds of new audio between partials, by how much of its time the core has worked.
# A decode cannot be broken off, so that a final waits for the partial before it: with
# partials up to a share of 0.6 finals wait a tenth to a quarter longer on a slow core
# (p95, ``benchmarks.hearing_pace``); on a fast one it makes no difference.
INTERVALS = ((0.25, 1.0), (0.35, 2.0), (0.5, 4.0))
MEMORY_S = 4.0
# Of a core's time that decodes in pauses may take before finals wait for each other:
# with half of it, some twelve speakers on a core with AVX512-VNNI and four on one
# without (``benchmarks.hearing_pace``: 1 to 2 s between turns). A speaker takes 0.4 of
# what two seconds of speech cost: of each second, that much is decoded, some twice.
BUSY_SHARE = 0.5
COST_SHARE = 0.4


def capacity(cost_s: float) -> int:
    """How many may speak at once before their words are late; at least 1.

    Args:
        cost_s: A decode of two seconds of speech, in seconds of the core.
    """
    return max(1, round(BUSY_SHARE / (COST_SHARE * max(cost_s, 1e-3))))


class Want(IntEnum):
    """What an utterance wants, the most urgent first."""

    ANSWER = 0  # something is known that has not been told: no decode
    FINAL = 1
    SPECULATIVE = 2
    OVERLAP = 3
    PARTIAL = 4


@dataclass(slots=True)
class Pace:
    """One utterance's audio and decodes, in samples from its beginning.

    Attributes:
        overlap: It is spoken over a reply.
        whole: It is a recording: only the final is wanted.
        pushed: Heard.
        voiced: End of the last voice.
        marked: Voices are told; else every sample may be one.
        speech: Voice in the open segment.
        complete: No more comes.
        begin: Where the open segment begins; what was before is settled.
        covered: Up to here every voice was decoded.
        decoded: What had been pushed at the last decode.
        decodes: Of the open segment.
    """

    overlap: bool = False
    whole: bool = False
    pushed: int = 0
    voiced: int = 0
    marked: bool = False
    speech: int = 0
    complete: bool = False
    begin: int = 0
    covered: int = 0
    decoded: int = 0
    decodes: int = 0

    def voice(self, until: int) -> None:
        """A voice goes on, or went on, up to there."""
        if until > self.voiced:
            known = max(self.voiced, self.begin)
            # Over a pause nobody spoke; a step of the notes is about this long.
            self.speech += max(0, min(until - known, 2 * PAUSE))
            self.voiced = until
        self.marked = True

    @property
    def last_voice(self) -> int:
        """Where the last voice ends, as far as that is known."""
        return self.voiced if self.marked else self.pushed

    @property
    def quiet(self) -> int:
        """Samples since the last voice."""
        return max(0, self.pushed - self.last_voice)

    @property
    def fresh(self) -> bool:
        """Whether the last decode of the segment heard every voice in it."""
        return self.last_voice <= max(self.covered, self.begin)

    @property
    def too_long(self) -> bool:
        """Whether the segment has to be cut without a pause."""
        return self.end - self.begin > LONGEST

    @property
    def settles(self) -> bool:
        """Whether what was said so far is settled by a pause."""
        long = self.voiced - self.begin >= SEGMENT
        paused = self.marked and self.quiet >= SETTLING
        return long and paused and self.fresh and self.decodes > 0

    @property
    def end(self) -> int:
        """Sample after the last that is worth decoding."""
        return min(self.pushed, self.last_voice + TAIL)

    def want(self, interval: int | None) -> Want | None:
        """What is to be done about it.

        Args:
            interval: New samples at which a partial is due; None if there is no room
                for one.
        """
        if self.complete:
            return Want.ANSWER if self.fresh and not self.too_long else Want.FINAL
        if self.too_long:
            return Want.SPECULATIVE
        if self.whole or self.fresh:
            return Want.ANSWER if self.settles else None
        if self.marked:
            if self.quiet >= (OVERLAP_PAUSE if self.overlap else PAUSE):
                return Want.SPECULATIVE
            urgent = self.overlap and self.decodes < len(OVERLAPS)
            if urgent and self.speech >= OVERLAPS[self.decodes]:
                return Want.OVERLAP
        since = max(self.decoded, self.begin)
        due = interval is not None and self.pushed - since >= interval
        return Want.PARTIAL if due else None

    def heard(self, last_voice: int, pushed: int, want: Want) -> None:
        """The segment was decoded as it stood then.

        A word that was cut by the end of the audio is not heard as it was meant: only
        what was decoded in a pause, or at the end, is as good as a final.
        """
        if want in (Want.FINAL, Want.SPECULATIVE):
            self.covered = max(self.covered, last_voice)
        self.decoded = max(self.decoded, pushed)
        self.decodes += 1

    def settle(self, at: int) -> None:
        """A new segment begins here."""
        self.begin = at
        self.speech = min(self.speech, max(0, self.voiced - at))
        self.decodes = 0

    @property
    def pause_at(self) -> int:
        """Where the pause that settles a segment divides it from the next."""
        return self.voiced + SETTLED_TAIL


class Room:
    """How much of its time a core has worked, and so how often it gives partials.

    They are what is left out first: a final is late before a call is refused.
    """

    def __init__(self) -> None:
        self._work_s = 0.0
        self._at_s = 0.0

    def worked(self, now_s: float, took_s: float) -> None:
        """A decode has ended now."""
        self._work_s = self._work_at(now_s) + took_s
        self._at_s = now_s

    def share(self, now_s: float) -> float:
        """Of the last seconds, 0 to about 1."""
        return self._work_at(now_s) / MEMORY_S

    def interval(self, now_s: float) -> int | None:
        """New samples between partials; None if there is no room for any."""
        share = self.share(now_s)
        for most, interval_s in INTERVALS:
            if share <= most:
                return int(interval_s * MIC_RATE)
        return None

    def _work_at(self, now_s: float) -> float:
        return self._work_s * math.exp(-max(0.0, now_s - self._at_s) / MEMORY_S)

"""How long the words of an answer are waited for.

Up to its first words and its first clause the caller waits. Afterwards a voice has
something to say, and only the silence counts that begins when all that was written has
sounded: a model that is ahead of the voice may pause. Pure: seconds of one clock are
passed in. Knows neither the model nor the voice.
"""

from __future__ import annotations

from voiceserver.phrases import FIRST_CLAUSE_S


class Patience:
    """The ``streams.Limits`` of one answer's text.

    Args:
        words_s: Longest silence that the caller is left in: to the first words, and
            between later ones.
        total_s: Longest wait for the first clause, however steadily it grows; in an
            answer that is read, for any more of it.
        read: The answer is read, not heard: nobody waits in silence.
    """

    def __init__(self, words_s: float, total_s: float, read: bool = False) -> None:
        self._words_s = words_s
        self._total_s = total_s
        self._read = read
        self._clause_s = min(FIRST_CLAUSE_S, total_s / 2)
        self._asked_s: float | None = None
        self._since_s = 0.0  # the last sign of more, or the wait for it
        self._worded = False
        self._begun = False  # a first clause was there, or a call grows
        self._voiced = False  # the voice has something to say
        self._silent_s = 0.0  # from when on nothing sounds

    @property
    def limit_ms(self) -> float:
        """The limit that applies now."""
        waits = self._worded if self._read else self._clause_is_due()
        return (self._total_s if waits else self._words_s) * 1000

    def waits(self, now_s: float) -> None:
        """The next words are waited for."""
        self._since_s = now_s
        if self._asked_s is None:
            self._asked_s = now_s

    def came(self, now_s: float) -> None:
        """There are more of them, told or held back."""
        self._since_s = now_s
        self._worded = True

    def clause(self) -> None:
        """The first clause is there, or what is none and takes its time: a call."""
        self._begun = True

    def clause_is_late(self, now_s: float) -> bool:
        """Whether the first clause grows, but has taken long."""
        waited_s = now_s - (now_s if self._asked_s is None else self._asked_s)
        return self._worded and not self._begun and waited_s >= self._clause_s

    def sounding(self) -> None:
        """The voice has something to say, for as long as nothing else is told."""
        self._voiced = True

    def sounds_until(self, moment_s: float) -> None:
        """All that was written is with the caller, who hears it until then."""
        self._voiced = False
        self._silent_s = moment_s

    def due_s(self, now_s: float) -> float:
        """When the words are too late, as things stand."""
        if self._read and self._worded:
            return self._since_s + self._total_s
        since_s = max(self._since_s, self._silent_s)
        if self._voiced and self._begun:
            since_s = now_s
        due_s = since_s + self._words_s
        return due_s if self._begun else min(due_s, self._total_due_s())

    def _total_due_s(self) -> float:
        return (self._asked_s or 0.0) + self._total_s

    def _clause_is_due(self) -> bool:
        """Whether the first clause is what is missing, though words are there."""
        late_s = max(self._since_s, self._silent_s) + self._words_s
        return self._worded and not self._begun and self._total_due_s() < late_s

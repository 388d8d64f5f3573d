"""One utterance at a time: dictation and grammar over the same audio.

``load`` is what a recogniser process calls. Knows nothing of processes, sockets or
turns. Dictation costs 0.35 to 0.45 of a core while someone speaks, the grammar 0.12.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from voiceserver.engines.base import Hypothesis
from voiceserver.engines.sphinx.acceptance import Limits, accepted, is_speech
from voiceserver.engines.sphinx.grammar import GrammarSearch, open_grammar
from voiceserver.engines.sphinx.search import Search, Word, find_model, text_of
from voiceserver.errors import EngineFailed

# Both later passes off: 18 ms to end an utterance instead of 114, and no more errors
# (a third of the test recordings, 24.3 % against 26.4 %). The other, bestpath, is off
# for every search.
DICTATION: dict[str, bool | int | float | str] = {"fwdflat": False}


class SphinxDecoder:
    """A recogniser core that takes one utterance at a time, and is that utterance.

    Not for use by two threads.

    Args:
        dictation: Search of open dictation.
        grammar: What the place can answer, or None.
        limits: When the grammar is believed.
    """

    language = "en"
    utterances = 1

    def __init__(
        self,
        dictation: Search,
        grammar: GrammarSearch | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._dictation = dictation
        self._grammar = grammar
        self._limits = limits or Limits()
        self._phones: dict[str, Sequence[str]] = {}
        self._open = False

    def open(self) -> SphinxDecoder:
        """Begin an utterance; it is this object."""
        self.start()
        return self

    def close(self) -> None:
        """Nothing to do: the next one to begin abandons it, while nobody waits."""

    def start(self) -> None:
        """Begin an utterance; one still open is abandoned."""
        self._dictation.start()
        if self._grammar:
            self._grammar.search.start()
        self._open = True

    def push(self, pcm: NDArray[np.int16]) -> None:
        """Decode more audio; takes about half of the audio's duration.

        Args:
            pcm: Shape ``(n,)``, 16 kHz; may be empty.

        Raises:
            EngineFailed: If no utterance is open.
        """
        if not self._open:
            raise EngineFailed("pocketsphinx", "audio came before start()")
        if self._grammar:
            self._grammar.search.push(pcm)
        self._dictation.push(pcm)

    def partial(self) -> Hypothesis:
        """What seems to have been said so far; later words may change it."""
        if not self._open:
            return Hypothesis()
        dictated = self._dictation.words()
        sentence = self._sentence(dictated, settled=True)
        if sentence:
            return _heard(text_of(sentence), complete=True)
        return _heard(self._dictated_text(dictated))

    def finish(self) -> Hypothesis:
        """End the utterance and say what was said; "" if it was no speech."""
        if not self._open:
            return Hypothesis(final=True)
        self._open = False
        if self._grammar:
            self._grammar.search.finish()
            # Ending dictation takes 20 ms; when the grammar is believed on what
            # dictation has so far, that is left to the next start().
            sentence = self._sentence(self._dictation.words(), settled=False)
            if sentence:
                return _heard(text_of(sentence), final=True, complete=True)
        self._dictation.finish()
        dictated = self._dictation.words()
        sentence = self._sentence(dictated, settled=False)
        if sentence:
            return _heard(text_of(sentence), final=True, complete=True)
        return _heard(self._dictated_text(dictated), final=True)

    def _dictated_text(self, words: tuple[Word, ...]) -> str:
        """Text of what was dictated, "" if it was noise."""
        return text_of(words) if is_speech(words, self._phones_of, self._limits) else ""

    def _sentence(
        self, dictated: tuple[Word, ...], *, settled: bool
    ) -> tuple[Word, ...]:
        """The grammar's sentence if it is believed, else nothing."""
        grammar = self._grammar
        if grammar is None:
            return ()
        path = grammar.path()
        if not path:
            return ()
        quiet = grammar.search.n_frames - path[-1].end
        if settled and quiet < self._limits.settled_frames:
            return ()
        if not grammar.is_sentence(path):
            return ()
        believed = accepted(path, dictated, self._phones_of, self._limits)
        return path if believed else ()

    def _phones_of(self, word: str) -> Sequence[str]:
        """Phones of a word of either search."""
        phones = self._phones.get(word)
        if phones is None:
            phones = self._dictation.phones(word)
            if not phones and self._grammar:
                phones = self._grammar.search.phones(word)
            self._phones[word] = phones
        return phones


def _heard(text: str, *, final: bool = False, complete: bool = False) -> Hypothesis:
    """What was heard; it is written as the dictionary has it, in plain words."""
    return Hypothesis(text, final, complete, words=text)


def load(settings: dict[str, object]) -> SphinxDecoder:
    """Load the model; takes about a second.

    Args:
        settings: ``"model"``: folder of an acoustic model, "" for the bundled one;
            ``"grammar"``: JSGF, "" for none. Others are ignored.

    Raises:
        EngineFailed: If the model is missing or unusable; says what to do.
    """
    model = find_model(str(settings.get("model") or ""))
    dictation = Search(model, DICTATION, language=True)
    return SphinxDecoder(
        dictation, open_grammar(model, str(settings.get("grammar") or ""))
    )

"""Grammar search: JSGF text in, a path and whether the grammar accepts it out.

JSGF as pocketsphinx compiles it. Words that the dictionary lacks get a pronunciation
by rule; alternatives with a word that cannot be pronounced are dropped with a
warning. A grammar that does not parse leaves the recogniser with dictation alone:
the operator's questions must not keep the server from hearing.
"""

from __future__ import annotations

import logging
import re

from voiceserver.engines.sphinx.pronunciation import pronounce
from voiceserver.engines.sphinx.search import Model, Search, Word, text_of
from voiceserver.errors import EngineFailed

log = logging.getLogger(__name__)

# Words of a rule's right-hand side, rule names and tags apart.
_TOKEN = re.compile(r"<[^>]*>|\{[^}]*\}|/[^/]*/|[^\s|()\[\];=*+{}<>/]+")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_HEADER = re.compile(r"^\s*(#JSGF[^;]*;|grammar\s[^;]*;|import\s[^;]*;)", re.MULTILINE)
_NOT_A_WORD = frozenset({"public", "grammar", "import"})
# Stands for words that cannot be pronounced: never spoken, so what holds it is never
# heard. (JSGF's <VOID> makes pocketsphinx drop the alternatives beside it too.)
_UNSAYABLE = "unsayable-word"
_UNSAYABLE_PHONES = "ZH OY ZH UH OY ZH OY UH ZH OY ZH UH"


class GrammarSearch:
    """Listens for the sentences of a grammar.

    Args:
        model: Files of the model.
        jsgf: The grammar; words in lower case.

    Raises:
        EngineFailed: If the grammar does not parse or can never match.
    """

    def __init__(self, model: Model, jsgf: str) -> None:
        # compallsen makes scores relative to the best sound of the whole model: the
        # background that acceptance measures against, for 5 % of a core.
        self.search = Search(model, {"compallsen": True})
        text = self._with_pronunciations(jsgf)
        try:
            self._accepted = self.search.raw.parse_jsgf(text)
            self.search.raw.add_jsgf_string("grammar", text)
            self.search.raw.activate_search("grammar")
        except (RuntimeError, ValueError) as error:
            raise EngineFailed("pocketsphinx", f"grammar refused: {error}") from error

    def _with_pronunciations(self, jsgf: str) -> str:
        """Teach the decoder unknown words; replace those that cannot be taught."""
        decoder = self.search.raw
        added: list[str] = []
        dropped: list[str] = []

        def known(found: re.Match[str]) -> str:
            token = found[0]
            if token[0] in "<{/" or token in _NOT_A_WORD:
                return token
            word = token.strip('"').lower()
            if word and decoder.lookup_word(word) is None:
                phones = pronounce(word, decoder.lookup_word)
                if phones is None:
                    dropped.append(word)
                    return _UNSAYABLE
                decoder.add_word(word, phones, False)
                added.append(word)
            return word

        header, body = _split_header(_COMMENT.sub(" ", jsgf))
        text = header + _TOKEN.sub(known, body)
        if dropped:
            decoder.add_word(_UNSAYABLE, _UNSAYABLE_PHONES, False)
        if added:
            log.info("pronounced by rule", extra={"words": len(added)})
        if dropped:
            log.warning("left out of the grammar", extra={"words": len(dropped)})
        return text

    def path(self) -> tuple[Word, ...]:
        """Best path through the grammar so far; it may stop anywhere in it."""
        return self.search.words()

    def is_sentence(self, words: tuple[Word, ...]) -> bool:
        """Whether the words are a whole sentence of the grammar."""
        return bool(words) and self.allows(text_of(words))

    def allows(self, text: str) -> bool:
        """Whether a text, words separated by spaces, is a sentence of the grammar."""
        return bool(self._accepted.accept(text))


def _split_header(jsgf: str) -> tuple[str, str]:
    """Header lines and rules of a grammar."""
    end = 0
    for found in _HEADER.finditer(jsgf):
        end = max(end, found.end())
    return jsgf[:end], jsgf[end:]


def open_grammar(model: Model, jsgf: str) -> GrammarSearch | None:
    """Open a grammar search, or None if there is no usable grammar (logged)."""
    if not jsgf.strip():
        return None
    try:
        return GrammarSearch(model, jsgf)
    except EngineFailed as error:
        log.warning("dictation only", extra={"reason": str(error)[:200]})
        return None

"""Whisper's tokens: words to numbers and back. Knows no audio."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from voiceserver.errors import EngineFailed
from voiceserver.events import TimedWord

LEAST_PROBABILITY = 1e-6
_BROKEN = "\ufffd"  # of a character of which only some bytes are there


class Tokens:
    """The tokens of one model.

    Args:
        folder: With its ``tokenizer.json``.

    Raises:
        EngineFailed: If there is none, or it is not Whisper's.
    """

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        path = folder / "tokenizer.json"
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:
            why = f"{path} cannot be read ({error})"
            raise EngineFailed("whisper", f"{why}; fetch the model again") from error
        self.start = self._special("<|startoftranscript|>", path)
        self.end = self._special("<|endoftext|>", path)
        self.no_times = self._special("<|notimestamps|>", path)
        self.previous = self._special("<|startofprev|>", path)
        self._transcribe = self._special("<|transcribe|>", path)

    def _special(self, name: str, path: Path) -> int:
        found = self._tokenizer.token_to_id(name)
        if found is None:
            raise EngineFailed("whisper", f"{path} is not Whisper's: no {name}")
        return int(found)

    def knows(self, language: str) -> bool:
        """Whether Whisper has a token for a language."""
        return self._tokenizer.token_to_id(f"<|{language}|>") is not None

    @staticmethod
    def language(token: str) -> str:
        """The language of a token such as ``"<|en|>"``."""
        return token.strip("<|>")

    def transcribing(self, language: str) -> list[int]:
        """How a transcript in a language it ``knows`` begins."""
        token = self._tokenizer.token_to_id(f"<|{language}|>")
        assert token is not None
        return [self.start, int(token), self._transcribe]

    def told(self, words: str) -> list[int]:
        """Words as if they had been said before."""
        encoded = self._tokenizer.encode(f" {words.strip()}", add_special_tokens=False)
        return [n for n in encoded.ids if n < self.end]

    def text(self, ids: Sequence[int]) -> str:
        """What tokens say; the special ones are left out."""
        plain = [n for n in ids if n < self.end]
        return str(self._tokenizer.decode(plain)).replace(_BROKEN, "").strip()

    def words(
        self,
        ids: Sequence[int],
        starts: Sequence[float],
        probabilities: Sequence[float],
    ) -> tuple[TimedWord, ...]:
        """Put tokens together to words.

        Args:
            ids: Plain tokens.
            starts: When each begins, seconds, and where the last one ends.
            probabilities: Of each.
        """
        words: list[list[int]] = []  # places of their tokens
        open_bytes = False
        for place in range(len(ids)):
            piece = str(self._tokenizer.decode([ids[place]]))
            if not words or (piece.startswith(" ") and not open_bytes):
                words.append([])
            words[-1].append(place)
            open_bytes = str(
                self._tokenizer.decode([ids[each] for each in words[-1]])
            ).endswith(_BROKEN)
        return tuple(
            TimedWord(
                str(self._tokenizer.decode([ids[n] for n in places])).strip(),
                round(starts[places[0]], 2),
                round(max(starts[places[0]], starts[places[-1] + 1]), 2),
                round(
                    sum(
                        math.log(max(probabilities[n], LEAST_PROBABILITY))
                        for n in places
                    )
                    / len(places),
                    4,
                ),
            )
            for places in words
        )

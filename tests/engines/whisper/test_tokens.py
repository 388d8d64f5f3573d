"""Whisper's tokens, with a tokenizer of a few words that the test makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from voiceserver.engines.whisper.tokens import Tokens
from voiceserver.errors import EngineFailed
from voiceserver.events import TimedWord

tokenizers = pytest.importorskip("tokenizers", reason="needs voiceserver[whisper]")
SPECIAL = (
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|de|>",
    "<|transcribe|>",
    "<|startofprev|>",
    "<|notimestamps|>",
)


def tokens(folder: Path, special: tuple[str, ...] = SPECIAL) -> Tokens:
    """Bytes are tokens, and so are some words with the space before them."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: n for n, letter in enumerate(alphabet)}
    bpe = tokenizers.models.BPE(vocab=vocabulary, merges=[])
    made = tokenizers.Tokenizer(bpe)
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    made.add_special_tokens(list(special))
    made.save(str(folder / "tokenizer.json"))
    return Tokens(folder)


def test_words_become_tokens_and_words_again(tmp_path: Path) -> None:
    """Special tokens are no words."""
    ours = tokens(tmp_path)
    ids = ours.told("Grüß Gott")
    assert ours.text([ours.start, *ids, ours.end]) == "Grüß Gott"
    assert ours.text(ids[:4]) == "Gr"  # a character that was cut is left out
    assert len(ours.transcribing("de")) == 3
    assert (ours.knows("de"), ours.knows("xx")) == (True, False)
    assert ours.language("<|de|>") == "de"


def test_tokens_are_put_together_to_words(tmp_path: Path) -> None:
    """With the time of the first, and the mean of their logarithms."""
    ours = tokens(tmp_path)
    ids = ours.told("Oh, ß.")
    starts = [n / 10 for n in range(len(ids) + 1)]
    words = ours.words(ids, starts, [1.0] * (len(ids) - 1) + [0.0])
    assert [word.text for word in words] == ["Oh,", "ß."]
    assert words[0] == TimedWord("Oh,", 0.0, 0.4, 0.0)
    assert words[1].start_s == 0.4
    assert words[1].logprob < -3


def test_a_tokenizer_of_something_else_is_refused(tmp_path: Path) -> None:
    """And one that is not there; both say what to do."""
    with pytest.raises(EngineFailed, match=r"no <\|notimestamps\|>"):
        tokens(tmp_path, SPECIAL[:4])
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(EngineFailed, match="fetch the model again"):
        Tokens(tmp_path)

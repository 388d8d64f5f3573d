"""Sentences as assistants write them, of many kinds, each judged by ear."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.voice.text.test_normalise import shown
from voiceserver.voice.text.normalise import MARKS, normalise

TABLE = Path(__file__).with_name("written.tsv")


def rows() -> list[tuple[str, str, str]]:
    """Kind, text and reading of each row."""
    out = []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            kind, text, said = line.split("\t")
            text = text.replace("\\n", "\n").replace("\\\\", "\\")
            out.append((kind, text, said))
    return out


def said(text: str) -> str:
    """Spoken words as the table writes them, marks left out."""
    return " ".join(w for w in shown(normalise(text)).split() if w not in MARKS)


@pytest.mark.parametrize("kind", sorted({kind for kind, _, _ in rows()}))
def test_each_kind_is_read_as_it_was_judged(kind: str) -> None:
    """All sentences of a kind at once, so that a change shows all it touches."""
    wrong = {
        text: (said(text), reading)
        for its_kind, text, reading in rows()
        if its_kind == kind and said(text) != reading
    }
    assert not wrong


def test_the_table_is_large_and_has_no_row_twice() -> None:
    """Several hundred sentences."""
    texts = [text for _, text, _ in rows()]
    assert len(texts) == len(set(texts)) > 400


def test_where_other_normalisers_differ_ours_is_as_judged() -> None:
    """What ``benchmarks.text_normaliser`` found and somebody looked at."""
    table = TABLE.with_name("compared.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in table.splitlines() if line[0] != "#"]
    assert len(rows) > 30
    assert [(text, said(text)) for text, _, _ in rows] == [(t, r) for t, r, _ in rows]

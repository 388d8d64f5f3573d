"""Which recordings of a corpus are made into features."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.voice import prepare
from scripts.voice.corpus import Recording, read_corpus, validation_names

WORDS = "one two three four five six seven eight nine ten eleven twelve".split()


def test_kept_only_makes_what_judges_need_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recordings kept back, and an index of all, so that the split is the same."""
    rows = [f"take_{i}.flac\t1.0\t{word}" for i, word in enumerate(WORDS)]
    table = "\n".join(["file\tseconds\ttext", *rows, ""])
    (tmp_path / "transcripts.tsv").write_text(table, "utf-8")
    made: list[str] = []

    def note(recording: Recording, levels: prepare.Levels, out: Path) -> None:
        made.append(recording.name)

    monkeypatch.setattr(prepare, "prepare_recording", note)
    monkeypatch.setattr(prepare, "load_levels", lambda *_: prepare.Levels(1.0, []))
    cache = tmp_path / "cache"
    arguments = [str(tmp_path), str(cache), "--consent", "Me."]
    assert prepare.main([*arguments, "--kept-only"]) == 0
    assert frozenset(made) == validation_names(read_corpus(tmp_path))
    assert (cache / "index.json").read_text("utf-8").count('"name"') == len(WORDS)

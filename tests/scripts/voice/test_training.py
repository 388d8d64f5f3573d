"""What trainings share: splits, checkpoints, losses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from scripts.voice.checkpoint import load_checkpoint, save_checkpoint
from scripts.voice.corpus import Recording, plain_text, read_corpus, validation_names
from scripts.voice.losses import plain_distance
from scripts.voice.train_letters import edit_distance


def test_plain_distance_of_equals_is_nothing() -> None:
    """A recording is at no distance from itself."""
    x = torch.randn(1, 6000)
    assert plain_distance(x, x).item() == 0


def test_plain_distance_grows_with_the_wrong_level() -> None:
    """Noise of the right level is nearer than noise half or twice as loud."""
    rng = torch.Generator().manual_seed(0)
    real, right, other = (torch.randn((4, 12_000), generator=rng) for _ in range(3))
    near = plain_distance(real, right)
    assert near < plain_distance(real, 0.5 * other)
    assert near < plain_distance(real, 2 * other)


def test_checkpoints_are_whole_or_absent(tmp_path: Path) -> None:
    """Saving leaves no partial file; a missing one is None."""
    path = tmp_path / "checkpoint.pt"
    assert load_checkpoint(path) is None
    save_checkpoint(path, {"step": 3, "net": {"w": torch.ones(2)}})
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.pt"]
    state = load_checkpoint(path)
    assert state is not None
    assert state["step"] == 3


def test_edit_distance() -> None:
    """One replacement, one insertion."""
    assert edit_distance(list("kitten"), list("sitting")) == 3
    assert edit_distance([], ["a"]) == 1


def corpus(tmp_path: Path, rows: list[tuple[str, str]]) -> list[Recording]:
    """A corpus folder with a table and no recordings."""
    lines = ["file\tseconds\ttext", *(f"{f}.flac\t1.0\t{t}" for f, t in rows)]
    (tmp_path / "transcripts.tsv").write_text("\n".join(lines) + "\n")
    return read_corpus(tmp_path)


def test_takes_of_a_text_are_on_one_side(tmp_path: Path) -> None:
    """Takes of a prompt, and prompts of the same words, are never split."""
    rows = [
        (f"p{n:04d}_10000000{take}", f"Sentence {chr(97 + n % 26)} {n % 7} end.")
        for n in range(200)
        for take in range(2)
    ]
    recordings = corpus(tmp_path, rows)
    kept = validation_names(recordings)
    assert 0 < len(kept) < len(rows) / 2
    sides: dict[str, set[bool]] = {}
    for r in recordings:
        sides.setdefault(plain_text(r.text), set()).add(r.name in kept)
        sides.setdefault(r.name.split("_")[0], set()).add(r.name in kept)
    assert all(len(side) == 1 for side in sides.values())


def test_ljspeech_folders_are_read(tmp_path: Path) -> None:
    """``metadata.csv`` with the normalised text last."""
    (tmp_path / "metadata.csv").write_text("a1|5 cats|five cats\na2|x|y\n")
    first = read_corpus(tmp_path)[0]
    assert (first.name, first.text) == ("a1", "five cats")
    assert first.path == tmp_path / "wavs" / "a1.wav"


def test_a_folder_without_texts_is_an_error(tmp_path: Path) -> None:
    """The message names what was looked for."""
    (tmp_path / "x.json").write_text(json.dumps({}))
    with pytest.raises(FileNotFoundError, match=r"transcripts\.tsv"):
        read_corpus(tmp_path)

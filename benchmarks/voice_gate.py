"""Whether the voice is still as good and as fast as the committed figures say.

    python -m benchmarks.voice_gate FEATURES [--models FOLDER] [--count 40]
        [--measured FOLDER]

Judges the voice by `voice_quality` and `voice_speed` and compares with the baselines in
``benchmarks/results``. Quality is compared figure by figure; speed as a ratio to eSpeak
NG in the same run, as no two machines, and no two hours of one, are equally fast. Ends
with status 1 and the figures that got worse. ``--measured`` takes the figures of both,
``voice_quality.json`` and ``voice_speed.json``, from a folder where they are there:
quality may be judged on a loaded machine, and speed on a quiet one. Needs the packages
of the ``train`` extra.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import RESULTS

SLOWER = 1.3  # a speed ratio may grow by this factor: the noise of a shared machine


@dataclass(frozen=True, slots=True)
class Gate:
    """One figure that must not get worse.

    Attributes:
        voice: Row of the quality result.
        key: Figure in it.
        slack: How much worse is noise.
        high: More of it is better.
    """

    voice: str
    key: str
    slack: float
    high: bool = True


GATES = (
    Gate("said", "words", 0.02, high=False),
    Gate("said", "p808_difference", 0.06),
    Gate("copy", "p808_difference", 0.06),
    Gate("copy", "pesq", 0.05),
    Gate("copy", "stoi", 0.004),
)
F0_SPREAD = (0.85, 1.15)


def worse_quality(now: dict[str, Any], baseline: dict[str, Any]) -> Iterator[str]:
    """A line for every figure of quality that is worse than it was."""
    for gate in GATES:
        is_now = now["voices"][gate.voice][gate.key]
        was = baseline["voices"][gate.voice][gate.key]
        lost = was - is_now if gate.high else is_now - was
        if lost > gate.slack:
            yield f"{gate.voice} {gate.key}: {is_now}, was {was}"
    spread = now["voices"]["said"]["f0_spread_ratio"]
    if not F0_SPREAD[0] <= spread <= F0_SPREAD[1]:
        yield f"said f0_spread_ratio: {spread}, to be within {F0_SPREAD}"


def to_espeak(result: dict[str, Any], key: str) -> float:
    """Median of a speed figure over eSpeak NG's in the same run."""
    ratio: float = result["neural"][key]["p50"] / result["espeak"][key]["p50"]
    return ratio


def slower(now: dict[str, Any], baseline: dict[str, Any]) -> Iterator[str]:
    """A line for every figure of speed that is worse than it was."""
    for key in ("minute_one_core_s", "paced_minute_one_core_s", "first_audio_ms"):
        is_now, was = to_espeak(now, key), to_espeak(baseline, key)
        if is_now > SLOWER * was:
            yield f"{key} over eSpeak NG's: {is_now:.1f}, was {was:.1f}"


def measured(name: str, arguments: list[str], folder: Path) -> dict[str, Any]:
    """Figures of a benchmark of the voice: those of a folder, or of a run now.

    Raises:
        CalledProcessError: If it fails.
    """
    out = folder / f"{name}.json"
    if not out.is_file():
        command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
        subprocess.run([*command, "--out", str(out)], check=True)
    return figures(name, folder)


def figures(name: str, folder: Path = RESULTS) -> dict[str, Any]:
    """Of a benchmark as they lie in a folder; in ``RESULTS`` the committed ones."""
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return found


def main() -> int:
    """Measure and compare; returns 1 if anything got worse."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("features", type=Path)
    parser.add_argument("--models", type=Path, default=None)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--measured", type=Path, help="a folder of figures")
    a = parser.parse_args()
    models = ["--models", str(a.models)] if a.models else []
    of_quality = [str(a.features), *models, "--count", str(a.count)]
    with tempfile.TemporaryDirectory() as name:
        folder = a.measured or Path(name)
        quality = measured(
            "voice_quality", [*of_quality, "--only", "copy", "said"], folder
        )
        speed = measured("voice_speed", models, folder)
    worse = [
        *worse_quality(quality, figures("voice_quality")),
        *slower(speed, figures("voice_speed")),
    ]
    for line in worse:
        print(f"worse: {line}")
    print("worse than the baseline" if worse else "as good as the baseline")
    return int(bool(worse))


if __name__ == "__main__":
    raise SystemExit(main())

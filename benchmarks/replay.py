"""How long a recorded minute takes to be played again, with stub engines.

A minute is made up of recorded sentences over silence, heard with real voice activity
and recorded in virtual time; then ``voiceserver replay`` plays it in a process of its
own, its start included.

    python -m benchmarks.replay [--rounds 3]
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import RESULTS, spread, write
from benchmarks.processes import machine
from benchmarks.recordings import read
from tests.recording.taped import Script, recorded
from voiceserver.audio import MIC_RATE, resample
from voiceserver.engines.acoustic.silero import Silero
from voiceserver.engines.opened import Engines
from voiceserver.engines.stub import StubRecogniser, StubSpeech, StubText

MINUTE_S, EVERY_S = 60, 12
SENTENCES = ("speech/command/brooklyn.wav", "speech/read/sb_spk2_snt2.wav")
AIM_S = 5.0


def minute() -> Script:
    """A caller who speaks every twelve seconds."""
    samples = np.zeros(MINUTE_S * MIC_RATE, np.float32)
    for turn, at_s in enumerate(range(2, MINUTE_S - EVERY_S + 1, EVERY_S)):
        said = read(SENTENCES[turn % len(SENTENCES)])
        audio = resample(said.samples, said.sample_rate, MIC_RATE)
        at = at_s * MIC_RATE
        samples[at : at + len(audio)] = audio
    return [(0.0, samples)]


def engines() -> Engines:
    """Stubs, but for voice activity."""
    return Engines(Silero(), StubRecogniser(), StubText(), StubSpeech())


def replayed(folder: Path) -> dict[str, Any]:
    """Play a recorded call in a process of its own."""
    result = folder.parent / "result.json"
    options = ["--config", str(folder.parent / "server.toml"), "--json", str(result)]
    began_s, before = time.monotonic(), _cpu_s()
    done = subprocess.run(
        [sys.executable, "-m", "voiceserver", "replay", str(folder), *options],
        check=False,
        capture_output=True,
        text=True,
    )
    took_s = time.monotonic() - began_s
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    (one,) = json.loads(result.read_text())["calls"]
    return {
        "wall_s": took_s,
        "cpu_s": _cpu_s() - before,
        "same_events": one["same_events"],
    }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Record, play some times, write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS / "replay.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "call"
        (Path(name) / "server.toml").write_text("")
        recording = recorded(folder, minute(), engines=engines)
        rounds = [replayed(folder) for _ in range(args.rounds)]
    result = {
        "machine": machine(),
        "aim_s": AIM_S,
        "recorded_s": round(recording.length_s, 1),
        "wall_s": spread([one["wall_s"] for one in rounds], 2),
        "cpu_s": spread([one["cpu_s"] for one in rounds], 2),
        "same_events": all(one["same_events"] for one in rounds),
    }
    write(args.output, result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

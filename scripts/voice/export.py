"""Make model files from training runs: ``python -m scripts.voice.export OUT ...``.

Takes the moving averages of the weights from the checkpoints given, in half precision.
Prosody is trained apart and goes into the acoustic model's file.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from scripts.voice.checkpoint import average_weights, load_checkpoint
from voiceserver.voice.networks.acoustic import AcousticShape
from voiceserver.voice.networks.vocoder import VocoderShape
from voiceserver.voice.speaker import LEXICON_FILE
from voiceserver.voice.weights import save_weights
from voiceserver.voice.words.letters import LettersShape

SPEAKERS_FILE = "speakers.json"  # of a run: names in the order of their numbers


@dataclass(frozen=True, slots=True)
class _Learnt:
    """What a run's checkpoint holds for us."""

    state: dict[str, object]
    weights: dict[str, Tensor]
    steps: int

    def shape(self, name: str) -> dict[str, int]:
        """A network's shape."""
        described = self.state[name]
        assert isinstance(described, dict)
        return described

    def part(self, prefix: str) -> dict[str, Tensor]:
        """Weights of one network of several."""
        return {
            k.removeprefix(prefix): v
            for k, v in self.weights.items()
            if k.startswith(prefix)
        }


def _learnt(run: Path) -> _Learnt:
    """Read a run.

    Raises:
        FileNotFoundError: If it has no checkpoint.
    """
    state = load_checkpoint(run / "checkpoint.pt")
    if state is None:
        raise FileNotFoundError(f"no checkpoint in {run}")
    step = state["step"]
    assert isinstance(step, int)
    return _Learnt(state, average_weights(state), step)


def export_speech(run: Path, prosody: Path, out: Path) -> int:
    """Write the acoustic model and the vocoder; returns the number of steps in them.

    Args:
        run: Of ``train_jointly``.
        prosody: Of ``train_prosody``, for the same speakers.
        out: Folder of the voice.

    Raises:
        FileNotFoundError: If a run has no checkpoint.
    """
    joint, tune = _learnt(run), _learnt(prosody)
    names = json.loads((run / SPEAKERS_FILE).read_text(encoding="utf-8"))
    acoustic = joint.part("acoustic.")
    acoustic = {k: v for k, v in acoustic.items() if not k.startswith("prosody.")}
    acoustic |= {f"prosody.{k}": v for k, v in tune.weights.items()}
    save_weights(
        out / "acoustic.safetensors",
        "acoustic",
        AcousticShape(**joint.shape("shape")),
        acoustic,
        joint.steps,
        names,
    )
    vocoder = VocoderShape(**joint.shape("vocoder_shape"))
    path = out / "vocoder.safetensors"
    save_weights(path, "vocoder", vocoder, joint.part("vocoder."), joint.steps)
    return joint.steps


def export_letters(run: Path, out: Path) -> int:
    """Write the letter-to-sound network; returns its number of steps.

    Raises:
        FileNotFoundError: If the run has no checkpoint.
    """
    letters = _learnt(run)
    shape = LettersShape(**letters.shape("shape"))
    path = out / "letters.safetensors"
    save_weights(path, "letters", shape, letters.weights, letters.steps)
    return letters.steps


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--lexicon", type=Path)
    for kind in ("joint", "prosody", "letters"):
        parser.add_argument(f"--{kind}", type=Path, help="folder of the run")
    a = parser.parse_args(argv)
    if bool(a.joint) != bool(a.prosody):
        parser.error("--joint and --prosody go into one file: give both")
    a.out.mkdir(parents=True, exist_ok=True)
    if a.lexicon:
        shutil.copyfile(a.lexicon, a.out / LEXICON_FILE)
    if a.joint:
        print("speech after", export_speech(a.joint, a.prosody, a.out), "steps")
    if a.letters:
        print("letters after", export_letters(a.letters, a.out), "steps")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Make model files from training runs: ``python -m scripts.voice.export OUT ...``.

Takes the moving averages of the weights from the checkpoints given, in half precision.
Prosody is trained apart and goes into the acoustic model's file.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from torch import Tensor

from scripts.voice.checkpoint import average_weights, load_checkpoint
from voiceserver.voice.acoustic import AcousticShape
from voiceserver.voice.letters import LettersShape
from voiceserver.voice.speaker import LEXICON_FILE
from voiceserver.voice.vocoder import VocoderShape
from voiceserver.voice.weights import Shape, save_weights

SHAPES: dict[str, type[Shape]] = {
    "acoustic": AcousticShape,
    "vocoder": VocoderShape,
    "letters": LettersShape,
}


def _load(run: Path) -> tuple[dict[str, int], dict[str, Tensor], int]:
    """Shape, averaged weights and steps of a run.

    Raises:
        FileNotFoundError: If it has no checkpoint.
    """
    state = load_checkpoint(run / "checkpoint.pt")
    if state is None:
        raise FileNotFoundError(f"no checkpoint in {run}")
    described, step = state["shape"], state["step"]
    assert isinstance(described, dict)
    assert isinstance(step, int)
    return described, average_weights(state), step


def export_run(kind: str, run: Path, out: Path, prosody: Path | None = None) -> int:
    """Write one model file; returns the number of training steps in it.

    Args:
        kind: "acoustic", "vocoder" or "letters".
        run: Folder of the run.
        out: Folder of the voice.
        prosody: Run of the prosody net, which an acoustic model needs beside its own.

    Raises:
        FileNotFoundError: If a run has no checkpoint.
    """
    described, weights, step = _load(run)
    if prosody is not None:
        _, own, _ = _load(prosody)
        weights = {k: v for k, v in weights.items() if not k.startswith("prosody.")}
        weights |= {f"prosody.{k}": v for k, v in own.items()}
    shape = SHAPES[kind](**described)
    save_weights(out / f"{kind}.safetensors", kind, shape, weights, step)
    return step


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--lexicon", type=Path)
    for kind in (*SHAPES, "prosody"):
        parser.add_argument(f"--{kind}", type=Path, help="folder of the run")
    a = parser.parse_args(argv)
    if bool(a.acoustic) != bool(a.prosody):
        parser.error("--acoustic and --prosody go into one file: give both")
    a.out.mkdir(parents=True, exist_ok=True)
    if a.lexicon:
        shutil.copyfile(a.lexicon, a.out / LEXICON_FILE)
    for kind in SHAPES:
        run = getattr(a, kind)
        if run:
            prosody = a.prosody if kind == "acoustic" else None
            steps = export_run(kind, run, a.out, prosody)
            print(kind, "after", steps, "steps")
    return 0


if __name__ == "__main__":
    sys.exit(main())

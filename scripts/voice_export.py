"""Make model files from training runs: ``python -m scripts.voice_export OUT ...``.

Takes the moving averages of the weights from the checkpoints given, in half precision.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from scripts.voice_checkpoint import average_weights, load_checkpoint
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


def export_run(kind: str, run: Path, out: Path) -> int:
    """Write one model file; returns the number of training steps in it.

    Raises:
        FileNotFoundError: If the run has no checkpoint.
    """
    state = load_checkpoint(run / "checkpoint.pt")
    if state is None:
        raise FileNotFoundError(f"no checkpoint in {run}")
    described, step = state["shape"], state["step"]
    assert isinstance(described, dict)
    assert isinstance(step, int)
    shape = SHAPES[kind](**described)
    save_weights(out / f"{kind}.safetensors", kind, shape, average_weights(state))
    return step


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--lexicon", type=Path)
    for kind in SHAPES:
        parser.add_argument(f"--{kind}", type=Path, help="folder of the run")
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    if a.lexicon:
        shutil.copyfile(a.lexicon, a.out / LEXICON_FILE)
    for kind in SHAPES:
        run = getattr(a, kind)
        if run:
            print(kind, "after", export_run(kind, run, a.out), "steps")
    return 0


if __name__ == "__main__":
    sys.exit(main())

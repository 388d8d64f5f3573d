"""A voice with all its parts, of random weights and a handful of words: fast."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from voiceserver.voice.networks.acoustic import AcousticModel, AcousticShape
from voiceserver.voice.networks.vocoder import VocoderNet, VocoderShape
from voiceserver.voice.weights import save_weights
from voiceserver.voice.words.letters import LettersNet, LettersShape

WORDS = "one W AH1 N\ntwo T UW1\nthe DH AH0\napple AE1 P AH0 L\n"
ACOUSTIC = AcousticShape(16, 1, 2, 16, 1, 16, 1, 16, 1)
VOCODER = VocoderShape(16, 1)
LETTERS = LettersShape(4, 8)


def write_tiny_voice(folder: Path, speakers: Sequence[str] = ("reader",)) -> Path:
    """Write the model files of a tiny voice; returns the folder."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "lexicon.gz").write_bytes(gzip.compress(WORDS.encode()))
    acoustic = replace(ACOUSTIC, speakers=len(speakers))
    model = AcousticModel(acoustic)
    model.prosody.mean.copy_(torch.tensor([2.0, -0.2, 0.0, -4.0]))
    model.prosody.scale.copy_(torch.tensor([0.4, 0.2, 0.1, 1.0]))
    for kind, shape, net in (
        ("acoustic", acoustic, model),
        ("vocoder", VOCODER, VocoderNet(VOCODER)),
        ("letters", LETTERS, LettersNet(LETTERS)),
    ):
        path = folder / f"{kind}.safetensors"
        names = tuple(speakers) if kind == "acoustic" else ()
        save_weights(path, kind, shape, dict(net.state_dict()), speakers=names)
    return folder

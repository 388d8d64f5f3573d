"""Model files: safetensors with the networks' shapes and a format version inside.

Only tensors and strings are read, never code. A file of another format, kind or size
is refused with a sentence that says so. Knows nothing of training.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from voiceserver.voice.networks.acoustic import AcousticModel, AcousticShape
from voiceserver.voice.networks.vocoder import VocoderNet, VocoderShape
from voiceserver.voice.words.letters import LettersNet, LettersShape

# Of each kind. Format 1 of a voice had one speaker and a longer window of synthesis.
FORMATS = {"acoustic": "2", "vocoder": "2", "letters": "1"}
KINDS = tuple(FORMATS)

Shape = AcousticShape | VocoderShape | LettersShape
Net = TypeVar("Net", bound=nn.Module)


class WeightsError(Exception):
    """A model file is missing, damaged or not one of ours."""


def save_weights(
    path: Path,
    kind: str,
    shape: Shape,
    weights: dict[str, Tensor],
    steps: int = 0,
    speakers: Sequence[str] = (),
) -> None:
    """Write weights in half precision; they are read back as float32.

    Args:
        path: Of the file.
        kind: One of ``KINDS``.
        shape: Sizes of the network.
        weights: By name.
        steps: Of training, for the card.
        speakers: Their names, of an acoustic model.
    """
    half = {k: v.half().contiguous() for k, v in weights.items()}
    described = {
        "format": FORMATS[kind],
        "kind": kind,
        "shape": json.dumps(asdict(shape)),
        "steps": str(steps),
        "speakers": json.dumps(list(speakers)),
    }
    save_file(half, path, metadata=described)
    path.chmod(0o644)  # the library leaves it readable for its owner alone


def _read(path: Path, kind: str) -> tuple[dict[str, int], dict[str, Tensor]]:
    try:
        with safe_open(path, "pt") as f:
            described = f.metadata() or {}
            tensors = {k: f.get_tensor(k).float() for k in f.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as e:
        raise WeightsError(f"cannot read the model file {path}: {e}") from e
    if described.get("kind", kind) != kind:
        raise WeightsError(f"{path} is not a model of kind {kind}")
    if described.get("format") != FORMATS[kind]:
        found = described.get("format", "none")
        raise WeightsError(
            f"{path} has format {found}; this version reads {FORMATS[kind]}: train the "
            "voice anew (docs/train-a-voice.md), or use the voice that comes along"
        )
    try:
        shape = json.loads(described["shape"])
    except (KeyError, ValueError) as e:
        raise WeightsError(f"{path} does not say the shape of its network") from e
    return shape, tensors


def _fill(path: Path, net: Net, tensors: dict[str, Tensor]) -> Net:
    try:
        net.load_state_dict(tensors)
    except RuntimeError as e:
        raise WeightsError(f"{path} does not fit its network: {e}") from e
    if not all(bool(torch.isfinite(t).all()) for t in tensors.values()):
        raise WeightsError(f"{path} holds values that are not finite")
    return net.eval().requires_grad_(False)


def _shape_error(path: Path, e: TypeError) -> WeightsError:
    return WeightsError(f"{path} describes a network of another kind: {e}")


def load_acoustic(path: Path) -> AcousticModel:
    """Read an acoustic model.

    Raises:
        WeightsError: If it is missing, damaged or of another format or kind.
    """
    shape, tensors = _read(path, "acoustic")
    try:
        return _fill(path, AcousticModel(AcousticShape(**shape)), tensors)
    except TypeError as e:
        raise _shape_error(path, e) from e


def speaker_names(path: Path) -> tuple[str, ...]:
    """Names of an acoustic model's speakers, in the order of their numbers.

    Raises:
        WeightsError: If it does not name each of its speakers.
    """
    try:
        with safe_open(path, "pt") as f:
            described = f.metadata() or {}
        names = json.loads(described["speakers"])
        count = json.loads(described["shape"])["speakers"]
    except (OSError, SafetensorError, KeyError, ValueError) as e:
        raise WeightsError(f"{path} does not name its speakers") from e
    if not isinstance(names, list) or len(names) != count:
        raise WeightsError(f"{path} does not name each of its speakers")
    return tuple(map(str, names))


def load_vocoder(path: Path) -> VocoderNet:
    """Read a vocoder.

    Raises:
        WeightsError: As `load_acoustic`.
    """
    shape, tensors = _read(path, "vocoder")
    try:
        return _fill(path, VocoderNet(VocoderShape(**shape)), tensors)
    except TypeError as e:
        raise _shape_error(path, e) from e


def load_letters(path: Path) -> LettersNet:
    """Read a letter-to-sound network.

    Raises:
        WeightsError: As `load_acoustic`.
    """
    shape, tensors = _read(path, "letters")
    try:
        return _fill(path, LettersNet(LettersShape(**shape)), tensors)
    except TypeError as e:
        raise _shape_error(path, e) from e

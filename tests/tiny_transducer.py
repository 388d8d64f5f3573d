"""A streaming transducer of a few hundred bytes: hears when it is loud, when quiet.

It writes ``LOUD`` where a sound begins and ``QUIET`` where it ends, in the form that
sherpa-onnx reads of icefall's LSTM transducers: three ONNX files with metadata, and the
tokens. ONNX is written here by hand (onnx/onnx, onnx/onnx.proto), as the package is not
needed for anything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TOKENS = ("<blk>", "<sos/eos>", "<unk>", "▁LOUD", "▁QUIET")
LOUD, QUIET = 3, 4
N = len(TOKENS)
FRAMES = 4  # of 10 ms in a step
QUIETER = -9.0  # mean of log mel energies; silence has -15.9
NEVER = -1000.0
_FLOAT, _INT64 = 1, 7
_OPSET, _IR = 11, 6


def _varint(value: int) -> bytes:
    out = bytearray()
    value &= (1 << 64) - 1
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(raw)) + raw


def _tensor(name: str, values: NDArray[np.float32]) -> bytes:
    dims = b"".join(_field(1, size) for size in values.shape)
    raw = values.astype("<f4").tobytes()
    return dims + _field(2, _FLOAT) + _field(8, name) + _field(9, raw)


def _value(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    dims = b"".join(
        _field(1, _field(2 if isinstance(size, str) else 1, size)) for size in shape
    )
    tensor = _field(1, kind) + _field(2, dims)
    return _field(1, name) + _field(2, _field(1, tensor))


def _node(
    kind: str, inputs: str, output: str, **attributes: Sequence[int] | int
) -> bytes:
    told = b"".join(_field(1, each) for each in inputs.split())
    told += _field(2, output) + _field(4, kind)
    for name, value in attributes.items():
        if isinstance(value, int):
            given = _field(3, value) + _field(20, 2)
        else:
            given = b"".join(_field(8, each) for each in value) + _field(20, 7)
        told += _field(5, _field(1, name) + given)
    return told


def _model(
    nodes: Sequence[bytes],
    tensors: Sequence[bytes],
    inputs: Sequence[bytes],
    outputs: Sequence[bytes],
    metadata: Mapping[str, object],
) -> bytes:
    graph = _field(2, "tiny")
    for number, parts in ((1, nodes), (5, tensors), (11, inputs), (12, outputs)):
        graph += b"".join(_field(number, part) for part in parts)
    model = _field(1, _IR) + _field(7, graph) + _field(8, _field(2, _OPSET))
    for key, value in metadata.items():
        model += _field(14, _field(1, key) + _field(2, str(value)))
    return model


def _encoder() -> bytes:
    rising = np.zeros((1, N), np.float32)
    rising[0, [LOUD, QUIET]] = 1, -1
    bias = np.array([0, NEVER, NEVER, -QUIETER, QUIETER], np.float32)
    state: list[int | str] = ["layers", "N", 1]
    return _model(
        [
            _node("ReduceMean", "x", "mean", axes=[1, 2], keepdims=1),
            _node("MatMul", "mean rising", "risen"),
            _node("Add", "risen bias", "encoder_out"),
            _node("Identity", "h", "new_h"),
            _node("Identity", "c", "new_c"),
        ],
        [_tensor("rising", rising), _tensor("bias", bias)],
        [
            _value("x", _FLOAT, ["N", FRAMES, 80]),
            _value("h", _FLOAT, state),
            _value("c", _FLOAT, state),
        ],
        [
            _value("encoder_out", _FLOAT, ["N", 1, N]),
            _value("new_h", _FLOAT, state),
            _value("new_c", _FLOAT, state),
        ],
        {
            "model_type": "lstm",
            "num_encoder_layers": 1,
            "T": FRAMES,
            "decode_chunk_len": FRAMES,
            "rnn_hidden_size": 1,
            "d_model": 1,
        },
    )


def _decoder() -> bytes:
    """What may follow a token: LOUD, where it is not; QUIET only after that."""
    follows = np.zeros((N, N), np.float32)
    follows[LOUD, LOUD] = NEVER
    follows[:, QUIET] = NEVER
    follows[LOUD, QUIET] = 0
    return _model(
        [
            _node("Gather", "follows y", "embedded"),
            _node("Squeeze", "embedded", "decoder_out", axes=[1]),
        ],
        [_tensor("follows", follows)],
        [_value("y", _INT64, ["N", 1])],
        [_value("decoder_out", _FLOAT, ["N", N])],
        {"context_size": 1, "vocab_size": N},
    )


def _joiner() -> bytes:
    shape: list[int | str] = ["N", N]
    return _model(
        [_node("Add", "encoder_out decoder_out", "logit")],
        [],
        [_value("encoder_out", _FLOAT, shape), _value("decoder_out", _FLOAT, shape)],
        [_value("logit", _FLOAT, shape)],
        {"joiner_dim": N},
    )


def export(folder: Path) -> Path:
    """Write the model; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = "".join(f"{token} {number}\n" for number, token in enumerate(TOKENS))
    (folder / "tokens.txt").write_text(tokens, "utf-8")
    for name, model in (
        ("encoder", _encoder()),
        ("decoder", _decoder()),
        ("joiner", _joiner()),
    ):
        (folder / f"{name}-epoch-1-avg-1.onnx").write_bytes(model)
    return folder

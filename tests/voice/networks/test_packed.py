"""Packed layers say what the layers say, however long what they see is."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from voiceserver.voice.networks import packed
from voiceserver.voice.networks.features import N_MELS
from voiceserver.voice.networks.packed import (
    LEAST_ROOM,
    PackedBlock,
    pack,
    pack_vocoder,
    room_for,
)
from voiceserver.voice.networks.vocoder import ConvNeXtBlock, VocoderNet, VocoderShape

WIDTH = 32
NEAR = {torch.float32: 1e-5, torch.bfloat16: 0.01}  # of what a block changes
DTYPES = pytest.mark.parametrize("dtype", list(NEAR))


@pytest.fixture(params=["packed", "usual"])
def operators(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler's operators, and a torch that lacks them."""
    if request.param == "usual":
        monkeypatch.setattr(packed, "_NEEDED", ("_an_operator_that_is_gone",))
        assert not packed.can_pack(torch.float32)


def block() -> ConvNeXtBlock:
    torch.manual_seed(0)
    return ConvNeXtBlock(WIDTH).eval().requires_grad_(False)


@DTYPES
@pytest.mark.usefixtures("operators")
@pytest.mark.parametrize("frames", [1, 8, 13, 40, 100])
def test_a_packed_block_says_nearly_the_same(dtype: torch.dtype, frames: int) -> None:
    """At lengths that have a room of their own, and others; float32 in and out."""
    plain = block()
    own, x = PackedBlock(plain, dtype), torch.randn(1, frames, WIDTH)
    out, near = plain(x), own(x)
    assert near.dtype is torch.float32
    assert near.shape == out.shape
    assert (near - out).abs().max() < NEAR[dtype] * (out - x).abs().max()
    assert torch.equal(own.inner(torch.nn.functional.pad(x, (0, 0, 3, 3))), near)


@DTYPES
def test_a_frame_is_the_same_among_few_and_many(dtype: torch.dtype) -> None:
    """As wide as the voice's own blocks are: so that chunks are the whole."""
    if not packed.can_pack(dtype):
        return  # what torch's usual products promise is asked of them elsewhere
    torch.manual_seed(0)
    own = PackedBlock(ConvNeXtBlock(256).eval(), dtype)
    x = torch.randn(1, 330, 256)
    whole = own.inner(x)
    for n in (8, 40, 96, 224):
        few = own.inner(x[:, 50 : 56 + n])
        assert (few - whole[:, 50 : 50 + n]).abs().max() < 1e-6


@DTYPES
@pytest.mark.usefixtures("operators")
def test_a_packed_vocoder_says_nearly_the_same(dtype: torch.dtype) -> None:
    """Its first and last layers too."""
    torch.manual_seed(0)
    net = VocoderNet(VocoderShape(WIDTH, 2)).eval().requires_grad_(False)
    seen = (torch.randn(1, N_MELS, 21), torch.full((1, 21), 150.0), torch.ones(1, 21))
    whole = net(*seen)
    pack_vocoder(net, dtype)
    near = net(*seen)
    for out, other in ((whole.hiss, near.hiss), (whole.harmonic, near.harmonic)):
        assert distance(out, other) < NEAR[dtype]


def distance(one: Tensor, other: Tensor) -> float:
    """Of the second from the first, as a share of the first."""
    return float((one - other).norm() / one.norm())


def test_a_network_keeps_none_of_the_weights_it_was_loaded_with() -> None:
    """Only what is laid out."""
    net = torch.nn.Sequential(block(), block())
    pack(net, torch.bfloat16)
    assert all(isinstance(b, PackedBlock) for b in net)
    assert not list(net.parameters())


def test_there_are_few_lengths_and_little_beyond_the_end() -> None:
    """Four to each power of two, and no more than a quarter computed in vain."""
    rooms = [room_for(n) for n in range(1, 1025)]
    assert all(
        n <= room <= max(n + LEAST_ROOM - 1, 1.25 * n)
        for n, room in enumerate(rooms, 1)
    )
    assert len(set(rooms)) == 24
    assert all(room_for(room) == room for room in rooms)

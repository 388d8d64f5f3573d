"""Layers of trained networks as a processor wants them: packed once, fewer passes.

Weights are laid out for the processor's own products as a voice is loaded, and not at
each call; the activation is part of the product before it, a block's scale part of its
last weights. Sums of blocks, convolutions and norms stay in float32. What comes out is
what the layers say, to rounding. The operators are oneDNN's, which torch keeps for its
compiler: where they are missing, its usual ones do the same. Knows nothing of what the
networks say, nor of which precision pays.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from voiceserver.voice.networks.acoustic import Stack
from voiceserver.voice.networks.vocoder import ConvNeXtBlock, FrameConv, VocoderNet

LEAST_ROOM = 8  # frames
ROOMS = 4  # lengths between one power of two and the next
# Of a block's last product in bfloat16. With 768 it adds up in another order where
# there are 40 to 224 frames than where there are fewer or more, and chunks would not be
# the whole.
MOST_INPUTS = 384

_NEEDED = ("_reorder_linear_weight", "_linear_pointwise", "_is_mkldnn_bf16_supported")


def room_for(frames: int) -> int:
    """Length at which so many frames are computed; no more than a quarter longer.

    A product of a new length takes ten times as long as one that was seen before (1.4
    to 5 ms in place of 0.2 in bfloat16): the library writes a program for it. So there
    are few lengths, and what is computed beyond the end is left out.
    """
    step = max(LEAST_ROOM, (1 << frames.bit_length() - 1) // ROOMS)
    return -(-frames // step) * step


def _roomy(x: Tensor, beyond: int) -> Tensor:
    """Frames ``(batch, n, channels)``, lengthened so that ``n - beyond`` is a room."""
    missing = room_for(x.shape[1] - beyond) + beyond - x.shape[1]
    return functional.pad(x, (0, 0, 0, missing)) if missing else x


def can_pack(dtype: torch.dtype) -> bool:
    """Whether weights of a precision can be laid out here."""
    ops = torch.ops.mkldnn
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    if not all(hasattr(ops, name) for name in _NEEDED):
        return False
    return dtype is torch.float32 or bool(ops._is_mkldnn_bf16_supported())


class PackedLinear(nn.Module):
    """A linear layer whose weights are laid out once; for inference only.

    Args:
        weight: ``(outputs, inputs)``.
        bias: ``(outputs,)``.
        dtype: float32 or bfloat16; sums are float32 within a product.
        gelu: Whether the activation follows.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, dtype: torch.dtype, *, gelu: bool = False
    ) -> None:
        super().__init__()
        self.dtype, self.gelu = dtype, gelu
        self.packed = can_pack(dtype)
        own = weight.detach().to(dtype).contiguous()
        # No buffers: what is laid out can be neither saved nor moved.
        self._weight = (
            torch.ops.mkldnn._reorder_linear_weight(own) if self.packed else own
        )
        self._bias = bias.detach().to(dtype)

    def forward(self, x: Tensor) -> Tensor:
        """``(batch, n, inputs)`` to ``(batch, n, outputs)`` of ``dtype``."""
        x = x.to(self.dtype)
        out: Tensor
        if self.packed:
            then = "gelu" if self.gelu else "none"
            out = torch.ops.mkldnn._linear_pointwise(
                _roomy(x, 0), self._weight, self._bias, then, [], "none"
            )
            return out[:, : x.shape[1]]
        out = functional.linear(x, self._weight, self._bias)
        return functional.gelu(out) if self.gelu else out


class PackedFrames(nn.Module):
    """A `FrameConv` that mixes all channels, as one product over joined neighbours."""

    def __init__(self, layer: FrameConv, dtype: torch.dtype) -> None:
        super().__init__()
        assert layer.bias is not None
        self.kernel = layer.kernel_size[0]
        joined = layer.weight.permute(0, 2, 1).flatten(1)
        self.product = PackedLinear(joined, layer.bias, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """As the layer, in float32."""
        n = x.shape[1] - self.kernel + 1
        x = x.to(self.product.dtype)
        joined = torch.cat([x[:, i : i + n] for i in range(self.kernel)], 2)
        out: Tensor = self.product(joined)
        return out.float()


class PackedBlock(nn.Module):
    """A `ConvNeXtBlock` in five passes.

    Args:
        block: Whose weights are taken over.
        dtype: Of its products.
    """

    def __init__(self, block: ConvNeXtBlock, dtype: torch.dtype) -> None:
        super().__init__()
        self.reach = block.reach
        depthwise, norm, shrink = block.depthwise, block.norm, block.shrink
        assert depthwise.bias is not None
        self.width = (depthwise.out_channels,)
        self._taps = (
            depthwise.weight.detach()[:, :, None]
            .clone()
            .contiguous(memory_format=torch.channels_last)
        )
        self._offset = depthwise.bias.detach()
        self._norm = (norm.weight.detach(), norm.bias.detach(), norm.eps)
        weight, bias = shrink.weight * block.scale[:, None], shrink.bias * block.scale
        full = dtype is torch.float32
        self.parts = 1 if full else -(-weight.shape[1] // MOST_INPUTS)
        offsets = [bias, *[torch.zeros_like(bias)] * (self.parts - 1)]
        self.grow = PackedLinear(block.grow.weight, block.grow.bias, dtype, gelu=True)
        self.shrink = nn.ModuleList(
            PackedLinear(own, offset, dtype)
            for own, offset in zip(weight.chunk(self.parts, 1), offsets, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Same shape out as in; silence is assumed beyond both ends."""
        return self.inner(functional.pad(x, (0, 0, self.reach, self.reach)))

    def inner(self, x: Tensor) -> Tensor:
        """The frames that have all their neighbours: ``reach`` fewer at each end."""
        n = x.shape[1] - 2 * self.reach
        image = _roomy(x, 2 * self.reach).transpose(1, 2)[:, :, None]
        mixed = functional.conv2d(image, self._taps, self._offset, groups=self.width[0])
        h = functional.layer_norm(
            mixed[:, :, 0].transpose(1, 2), self.width, *self._norm
        )
        grown = self.grow(h)
        out = x[:, self.reach : -self.reach]
        parts = grown.chunk(self.parts, 2)
        for shrink, part in zip(self.shrink, parts, strict=True):
            out = out + shrink(part.contiguous())[:, :n]
        return out


@torch.no_grad()
def pack(net: nn.Module, dtype: torch.dtype) -> None:
    """Lay out every block of a trained network, for good.

    Args:
        net: In evaluation mode; it can be neither trained nor saved afterwards.
        dtype: Of the blocks' products.
    """
    for parent in list(net.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, ConvNeXtBlock):
                setattr(parent, name, PackedBlock(child, dtype))


def _in_full(layer: nn.Module) -> PackedLinear:
    """A layer that stays in float32.

    Packed all the same: the usual product adds up in another order when there are more
    frames, and what it changes by that in the seventh digit, a rounding to bfloat16
    further on makes one of the third; chunks would not be the whole.
    """
    assert isinstance(layer, nn.Linear)
    return PackedLinear(layer.weight, layer.bias, torch.float32)


@torch.no_grad()
def pack_stack(stack: Stack, dtype: torch.dtype) -> None:
    """Lay out a stack of blocks, its ends in float32."""
    pack(stack, dtype)
    stack.inlet, stack.outlet = _in_full(stack.inlet), _in_full(stack.outlet)


@torch.no_grad()
def pack_vocoder(net: VocoderNet, dtype: torch.dtype) -> None:
    """Lay out a vocoder: its blocks and its first layer, and its last in float32.

    What the last one says is taken as exponents and angles.
    """
    assert isinstance(net.inlet, FrameConv)
    pack(net, dtype)
    net.inlet, net.outlet = PackedFrames(net.inlet, dtype), _in_full(net.outlet)

"""AudioSocket's frames."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.carriers.audiosocket.frames import (
    IDENTITY,
    Frame,
    identity,
    read_frame,
)
from voiceserver.errors import BadRequest

NAME = UUID("40325ec2-5efd-4bd3-805f-53576e581d13")


async def read(octets: bytes) -> list[Frame]:
    reader = asyncio.StreamReader()
    reader.feed_data(octets)
    reader.feed_eof()
    frames = []
    while not reader.at_eof():
        frames.append(await read_frame(reader))
    return frames


@given(
    st.lists(st.builds(Frame, st.integers(0, 255), st.binary(max_size=700)), max_size=5)
)
def test_frames_are_read_as_they_were_written(frames: list[Frame]) -> None:
    """Header and payload of each are one piece."""
    octets = b"".join(frame.written() for frame in frames)
    assert asyncio.run(read(octets)) == frames


def test_a_frame_of_20_ms_has_three_bytes_before_it() -> None:
    """Kind, and length with the high byte first."""
    assert Frame(0x10, bytes(320)).written()[:4] == b"\x10\x01\x40\x00"


@pytest.mark.parametrize("octets", [b"\x10", b"\x10\x00", b"\x10\x00\x02\x00"])
async def test_half_a_frame_is_an_end(octets: bytes) -> None:
    """Whatever of it came."""
    with pytest.raises(EOFError):
        await read(octets)


def test_the_first_frame_names_the_call() -> None:
    """By sixteen bytes; nothing else does."""
    assert identity(Frame(IDENTITY, NAME.bytes)) == NAME
    for frame in (Frame(IDENTITY, b"x"), Frame(0x10, NAME.bytes)):
        with pytest.raises(BadRequest, match="must be the call's UUID"):
            identity(frame)

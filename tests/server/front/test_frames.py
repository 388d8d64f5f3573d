"""Where the frames of a WebSocket begin and end."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Close, Frame, Opcode

from voiceserver.server.front.frames import FrameBorders, close_frame

SIZES = st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
CUTS = st.sampled_from([1, 2, 3, 9, 14, 130, 20_000, 65_536])


def written(frame: Frame, mask: bool = False) -> bytes:
    return bytes(frame.serialize(mask=mask))


@settings(max_examples=60)
@given(
    sizes=st.lists(SIZES, max_size=4),
    mask=st.booleans(),
    cuts=st.lists(CUTS, min_size=1, max_size=6),
)
def test_a_border_is_seen_where_one_is_and_nowhere_else(
    sizes: list[int], mask: bool, cuts: list[int]
) -> None:
    """However the bytes are cut; after the cuts given, in large pieces."""
    ends, stream = {0}, b""
    for size in sizes:
        stream += written(Frame(Opcode.BINARY, bytes(size)), mask)
        ends.add(len(stream))
    borders, at = FrameBorders(), 0
    while at < len(stream):
        size = cuts.pop() if cuts else 30_000
        borders.feed(stream[at : at + size])
        at = min(at + size, len(stream))
        assert borders.between == (at in ends)
        assert not borders.closed


def test_a_close_frame_is_seen() -> None:
    """Whoever wrote it has said goodbye."""
    borders = FrameBorders()
    seen = []
    for frame in (written(Frame(Opcode.TEXT, b"hello")), close_frame(1012, "again")):
        borders.feed(frame)
        seen.append((borders.closed, borders.between))
    assert seen == [(False, True), (True, True)]


@given(code=st.sampled_from([1000, 1012, 4001]), reason=st.text(max_size=300))
def test_the_close_frame_is_one(code: int, reason: str) -> None:
    """As ``websockets`` reads it; a reason that is too long is cut between letters."""
    reason = reason.encode("utf-8", "ignore").decode()
    raw = close_frame(code, reason)
    assert raw[0] == 0x88
    assert raw[1] == len(raw) - 2 <= 125
    found = Close.parse(raw[2:])
    assert found.code == code
    assert reason.startswith(found.reason)
    if len(reason.encode()) <= 123:
        assert found.reason == reason

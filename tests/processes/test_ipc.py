"""Messages between processes: framing, bounds, and a dead peer."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.processes import ipc
from voiceserver.processes.ipc import (
    BlockingLine,
    Closed,
    Kind,
    Malformed,
    Message,
    read_settings,
)

messages = st.builds(
    Message,
    st.sampled_from(Kind),
    st.integers(0, ipc.MAX_SLOT),
    st.integers(0, ipc.MAX_GENERATION),
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), max_size=20),
        st.integers() | st.text(st.characters(codec="utf-8"), max_size=40),
        max_size=5,
    ),
    st.binary(max_size=200),
)


@given(messages)
def test_a_message_is_read_as_it_was_written(message: Message) -> None:
    """Encoding and decoding lose nothing."""
    assert ipc.decode(ipc.encode(message)) == message


@given(st.binary(max_size=64))
def test_any_bytes_are_a_message_or_malformed(packet: bytes) -> None:
    """Nothing but ``Malformed`` comes of nonsense."""
    with contextlib.suppress(Malformed):
        ipc.decode(packet)


@given(messages, st.integers(0, 100), st.integers(0, 255))
def test_a_damaged_message_is_a_message_or_malformed(
    message: Message, at: int, value: int
) -> None:
    """A changed byte raises nothing but ``Malformed``."""
    packet = bytearray(ipc.encode(message))
    packet[at % len(packet)] = value
    with contextlib.suppress(Malformed):
        ipc.decode(bytes(packet))


def test_deeply_nested_meta_is_malformed() -> None:
    """JSON that exhausts the parser's stack is no message."""
    raw = b"[" * 3000
    packet = bytes([Kind.ITEM, 0, 0, 0, 0, 0, 0, 0]) + len(raw).to_bytes(2, "little")
    with pytest.raises(Malformed):
        ipc.decode(packet + raw)


@pytest.mark.parametrize(
    "message",
    [
        Message(Kind.PUSH, body=bytes(ipc.MAX_BODY + 1)),
        Message(Kind.ITEM, meta={"text": "x" * ipc.MAX_META}),
    ],
)
def test_a_part_beyond_its_bound_is_not_written(message: Message) -> None:
    """Who makes a message cuts it first."""
    with pytest.raises(ValueError, match="too long"):
        ipc.encode(message)


@given(st.text(max_size=300), st.integers(2, 200))
def test_a_text_is_cut_to_what_it_takes_in_meta(text: str, most_bytes: int) -> None:
    """Signs of three bytes, and those that are written as escapes, count as such."""
    cut = ipc.fitting(text, most_bytes)
    assert text.startswith(cut)
    written = json.dumps(cut, ensure_ascii=False).encode("utf-8", "replace")
    assert len(written) <= most_bytes


def test_a_lone_surrogate_in_meta_does_not_stop_a_message() -> None:
    """Text that is no valid Unicode arrives with a replacement."""
    packet = ipc.encode(Message(Kind.FAILED, meta={"why": "a\ud800b"}))
    assert ipc.decode(packet).meta == {"why": "a?b"}


def test_the_longest_message_passes_the_socket() -> None:
    """A packet of the greatest size is delivered whole."""
    ours, theirs = map(BlockingLine, ipc.pair())
    message = Message(Kind.PUSH, body=bytes(ipc.MAX_BODY))
    ours.send(message)
    assert theirs.receive() == message
    ours.close()
    theirs.close()


def test_a_packet_longer_than_any_message_is_malformed() -> None:
    """What the socket would cut off is not taken for a message."""
    ours, theirs = ipc.pair()
    ours.send(bytes(ipc.MAX_MESSAGE + 100))
    with pytest.raises(Malformed, match="longer"):
        BlockingLine(theirs).receive()
    ours.close()
    theirs.close()


def test_receive_without_waiting_returns_none_when_nothing_is_there() -> None:
    """A child looks for a cancel between two steps and goes on."""
    ours, theirs = map(BlockingLine, ipc.pair())
    assert theirs.receive(wait=False) is None
    ours.close()
    theirs.close()


def test_a_dead_peer_is_an_end_of_file() -> None:
    """Reading and writing both say that the other end is gone."""
    ours, theirs = map(BlockingLine, ipc.pair())
    ours.close()
    with pytest.raises(Closed):
        theirs.receive()
    with pytest.raises(Closed):
        theirs.send(Message(Kind.READY))
    theirs.close()


def test_the_last_words_of_a_peer_that_left_input_unread_are_read() -> None:
    """Linux reports a reset before the packets that came ahead of it."""
    ours, theirs = map(BlockingLine, ipc.pair())
    ours.send(Message(Kind.PUSH))
    theirs.send(Message(Kind.FAILED))
    theirs.close()
    last = ours.receive()
    assert last is not None
    assert last.kind is Kind.FAILED
    with pytest.raises(Closed):
        ours.receive()
    ours.close()


def test_settings_come_in_parts() -> None:
    """Until one says that it is the last."""
    ours, theirs = map(BlockingLine, ipc.pair())
    raw = json.dumps({"kind": "speech", "grammar": "x" * 100}).encode()
    ours.send(Message(Kind.SETTINGS, meta={"last": False}, body=raw[:20]))
    ours.send(Message(Kind.SETTINGS, meta={"last": True}, body=raw[20:]))
    assert read_settings(theirs)["grammar"] == "x" * 100
    ours.send(Message(Kind.OPEN))
    with pytest.raises(Malformed):
        read_settings(theirs)
    ours.close()
    theirs.close()

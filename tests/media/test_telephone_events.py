"""Digits beside the audio."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.media.rtp import RtpPacket
from voiceserver.media.telephone_events import (
    DIGITS,
    EventReader,
    EventWriter,
    event_payloads,
)


def packet(digit: str, timestamp: int, end: bool = False) -> RtpPacket:
    flags = (0x80 if end else 0) | 10
    payload = struct.pack("!BBH", DIGITS.index(digit), flags, 400)
    return RtpPacket(101, 0, timestamp, 1, payload)


def test_a_digit_is_told_once() -> None:
    """At the first of its three ends."""
    reader = EventReader()
    told = [reader.read(packet("5", 80)) for _ in range(3)]
    assert reader.pressed
    told += [reader.read(packet("5", 80, end=True)) for _ in range(3)]
    assert told == ["", "", "", "5", "", ""]
    assert not reader.pressed


def test_a_digit_whose_ends_are_lost_is_told_by_the_next() -> None:
    """Or when its packets stop."""
    reader = EventReader()
    assert reader.read(packet("1", 80)) == ""
    assert reader.read(packet("2", 2000)) == "1"
    assert reader.read(packet("1", 80, end=True)) == ""
    assert reader.lapsed() == "2"
    assert reader.lapsed() == ""
    assert reader.read(packet("2", 2000, end=True)) == ""


def test_one_digit_twice_is_two() -> None:
    """They have times of their own."""
    reader = EventReader()
    told = [reader.read(packet("7", at, end=True)) for at in (0, 900, 900)]
    assert told == ["7", "7", ""]


@given(st.binary(max_size=8), st.integers(0, 2**32 - 1))
def test_anything_can_be_read(payload: bytes, timestamp: int) -> None:
    """Nothing raises."""
    reader = EventReader()
    for at in (0, timestamp):
        told = reader.read(RtpPacket(101, 0, at, 1, payload))
        assert set(told) <= set(DIGITS)


@pytest.mark.parametrize("duration_ms", [10, 40, 100, 250, 9000])
def test_what_is_sent_is_read(duration_ms: int) -> None:
    """The first packet has the marker, the last comes three times."""
    reader = EventReader()
    sent = list(event_payloads("#", duration_ms, 8000))
    told = [reader.read(RtpPacket(101, 0, 0, 1, payload)) for _, payload, _ in sent]
    assert "".join(told) == "#"
    assert [marked for _, _, marked in sent] == [True] + [False] * (len(sent) - 1)
    assert sum(bool(payload[1] & 0x80) for _, payload, _ in sent) == 3
    assert [at for at, _, _ in sent] == sorted(at for at, _, _ in sent)


def test_what_is_no_digit_cannot_be_sent() -> None:
    """An error says so."""
    with pytest.raises(ValueError, match="substring not found"):
        list(event_payloads("x", 100, 8000))


@pytest.mark.parametrize("tick_ms", [10, 20, 60])
def test_digits_are_written_one_after_the_other(tick_ms: int) -> None:
    """Each with a timestamp of its own, and a gap behind it."""
    writer, reader = EventWriter("1#1", 8000, tick_ms), EventReader()
    n_ticks, at, told, begun = len(writer), 0, "", []
    for tick in range(n_ticks):
        made = writer.next()
        assert made is not None
        if made.begins:
            begun.append(tick * tick_ms)
            at += 800
        for payload, _ in made.payloads:
            told += reader.read(RtpPacket(101, 0, at, 1, payload))
    assert told == "1#1"
    assert writer.next() is None
    assert all(b - a >= 180 for a, b in itertools.pairwise(begun))

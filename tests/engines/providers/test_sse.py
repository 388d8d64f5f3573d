"""SseParser: the standard's rules, for any cutting into chunks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.providers.sse import ServerSentEvent, SseParser
from voiceserver.errors import EngineFailed


def parse(*chunks: bytes) -> list[ServerSentEvent]:
    parser = SseParser("test")
    return [event for chunk in chunks for event in parser.feed(chunk)]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_any_line_end_ends_a_line(end: bytes) -> None:
    """Line feed, carriage return, or both."""
    # A lone carriage return ends its line only once it is known what follows, so
    # the comment pushes the event out.
    sent = b"data: a" + end + b"data: b" + end + end + b":"
    assert parse(sent) == [ServerSentEvent("a\nb")]


def test_fields_are_read_as_the_standard_says() -> None:
    """One space after the colon is dropped; unknown fields and comments are too."""
    sent = b": hello\nid: 7\nretry: 5\nevent: x\ndata:  a\ndata\nnonsense\n\n"
    assert parse(sent) == [ServerSentEvent(" a\n", "x")]


def test_an_event_without_data_is_none() -> None:
    """Its type is forgotten with it."""
    assert parse(b"event: x\n\ndata: a\n\n") == [ServerSentEvent("a")]


def test_a_byte_order_mark_is_passed_over() -> None:
    """At the start of the stream only."""
    assert parse(b"\xef\xbb\xbfdata: a\n\n") == [ServerSentEvent("a")]


def test_an_event_that_breaks_off_is_dropped() -> None:
    """Without the blank line it never was."""
    assert parse(b"data: a\n") == []


@pytest.mark.parametrize("cut", [b"x" * 99, b"data: x\n" * 20])
def test_an_endless_line_or_event_is_refused(cut: bytes) -> None:
    """Memory is bounded, and the error names the sender."""
    parser = SseParser("test", max_event_bytes=64)
    with pytest.raises(EngineFailed, match=r"test: .*too long"):
        parser.feed(cut)


LINES = st.sampled_from(
    [b"data: a", b"data:b", b"data: \xc3\xa9", b"event: x", b": c", b"", b"", b"id: 1"]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.tuples(LINES, ENDS), max_size=20), st.data())
def test_the_cutting_does_not_matter(
    lines: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    """The same bytes give the same events however they are cut."""
    sent = b"".join(line + end for line, end in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=30)))
    bounds = zip([0, *cuts], [*cuts, len(sent)], strict=True)
    assert parse(*(sent[a:b] for a, b in bounds)) == parse(sent)


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_any_bytes_are_survived(chunks: list[bytes]) -> None:
    """Garbage gives events or none, never another exception."""
    assert all(event.data is not None for event in parse(*chunks))

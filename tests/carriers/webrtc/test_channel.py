"""The event channel: kept until open, bounded, text only."""

from __future__ import annotations

from collections.abc import Callable

from voiceserver.carriers.webrtc.call import (
    MAX_MESSAGE_BYTES,
    MAX_WAITING_BYTES,
    EventChannel,
)


class FakeChannel:
    """A data channel that opens when told."""

    def __init__(self, label: str = "oai-events") -> None:
        self.label = label
        self.readyState = "connecting"
        self.bufferedAmount = 0
        self.sent: list[str] = []
        self.largest = 0  # 0 is any, as in an offer
        self.told: dict[str, Callable[..., None]] = {}

    def on(self, name: str, call: Callable[..., None]) -> None:
        self.told[name] = call

    def send(self, text: str) -> None:
        if self.largest and len(text) > self.largest:
            raise ValueError("the remote party only supports less")
        self.sent.append(text)

    def open(self) -> None:
        self.readyState = "open"
        self.told["open"]()


class Ends:
    """A channel with what it received and why it ended."""

    def __init__(self) -> None:
        self.received: list[str] = []
        self.reasons: list[str] = []
        self.channel = EventChannel(self.received.append, self.reasons.append)


def test_text_waits_for_the_channel() -> None:
    """Whatever comes first: the text, the channel, or its opening."""
    ends, channel = Ends(), FakeChannel()
    ends.channel.send("a")
    ends.channel.attach(channel)
    ends.channel.send("b")
    assert channel.sent == []
    channel.open()
    ends.channel.send("c")
    assert channel.sent == ["a", "b", "c"]


def test_only_the_first_channel_of_the_name_counts() -> None:
    """Others are the client's own affair."""
    ends, other, first, second = Ends(), FakeChannel("x"), FakeChannel(), FakeChannel()
    for channel in (other, first, second):
        channel.readyState = "open"
        ends.channel.attach(channel)
    ends.channel.send("a")
    assert (other.sent, first.sent, second.sent) == ([], ["a"], [])


def test_a_client_that_does_not_read_ends_the_call() -> None:
    """A megabyte on its way is enough."""
    ends, channel = Ends(), FakeChannel()
    ends.channel.attach(channel)
    channel.open()
    channel.bufferedAmount = MAX_WAITING_BYTES
    ends.channel.send("a")
    assert "does not read" in ends.reasons[0]


def test_a_client_without_a_channel_loses_events_only() -> None:
    """It may want nothing but audio."""
    ends = Ends()
    for _ in range(20):
        ends.channel.send("x" * 100_000)
    assert ends.reasons == []


def test_what_is_no_text_or_too_large_ends_the_call() -> None:
    """With a reason that says which."""
    ends, channel = Ends(), FakeChannel()
    ends.channel.attach(channel)
    channel.told["message"]("fine")
    channel.told["message"](b"bytes")
    channel.told["message"]("x" * (MAX_MESSAGE_BYTES + 1))
    assert ends.received == ["fine"]
    assert "text only" in ends.reasons[0]
    assert "larger" in ends.reasons[1]


def test_sizes_are_counted_in_bytes() -> None:
    """A letter of three bytes counts as three, both ways."""
    ends, channel = Ends(), FakeChannel()
    ends.channel.attach(channel)
    ends.channel.send("\u20ac" * (MAX_WAITING_BYTES // 2))
    assert "does not read" in ends.reasons[0]
    channel.told["message"]("\u20ac" * (MAX_MESSAGE_BYTES // 2))
    assert "larger" in ends.reasons[1]


def test_what_the_client_cannot_take_ends_the_call() -> None:
    """Its offer may name a largest message of one byte; sending never raises."""
    ends, channel = Ends(), FakeChannel()
    channel.largest = 1
    ends.channel.attach(channel)
    channel.open()
    ends.channel.send("ab")
    assert "larger than the client's offer" in ends.reasons[0]

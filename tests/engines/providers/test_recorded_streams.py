"""Streams of other dialects through the parser: the whole answer, and nothing else."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chat_streams import LOOK, OTHER, STREAMS, Stream
from voiceserver.engines.providers.services.chat_stream import ChatStream
from voiceserver.tools import ToolCall


def read(stream: Stream, pieces: list[bytes]) -> tuple[str, list[tuple[str, object]]]:
    """Text and calls."""
    kind = stream.kind.partition(";")[0]
    chat = ChatStream("p", kind=kind, offered=[LOOK, OTHER])
    told = [text for piece in pieces for text in chat.feed(piece)]
    told += chat.end()
    calls = [
        (item.name, json.loads(item.arguments))
        for item in chat.last
        if isinstance(item, ToolCall)
    ]
    return "".join(told), calls


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_read_whole(name: str) -> None:
    """Its words or its calls, as it sends them."""
    stream = STREAMS[name]
    pieces = [part for part in stream.parts if isinstance(part, bytes)]
    wanted = [(called, json.loads(arguments)) for called, arguments in stream.calls]
    assert read(stream, pieces) == (stream.says, wanted)


@settings(max_examples=100)
@given(st.sampled_from(sorted(STREAMS)), st.data())
def test_it_does_not_matter_where_it_is_cut(name: str, data: st.DataObject) -> None:
    """By the network, within events and characters."""
    stream = STREAMS[name]
    body = stream.body
    places = data.draw(st.lists(st.integers(0, len(body)), max_size=12))
    ends = [0, *sorted(places), len(body)]
    pieces = [body[a:b] for a, b in pairwise(ends)]
    text, calls = read(stream, [piece for piece in pieces if piece])
    assert text == stream.says
    assert len(calls) == len(stream.calls)

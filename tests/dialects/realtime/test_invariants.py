"""What holds for every order of events and every client: property tests.

Random conversations, mostly legal, with events out of order and client events mixed
in. Every message was parsed by ``Client``, so each is valid JSON with its envelope.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dialects.realtime.client import Client, names
from tests.dialects.test_fields import JSON
from voiceserver.budget import TurnRecord
from voiceserver.commands import HangUp
from voiceserver.events import (
    BargeIn,
    Event,
    Failed,
    Outcome,
    Playback,
    Played,
    ReplyDone,
    ReplyStarted,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    Transcript,
    UserTurn,
)

EXAMPLES = 40  # passes with thousands too; this is what a test run can spend

TYPES = (
    "session.update",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "output_audio_buffer.clear",
    "conversation.item.create",
    "conversation.item.retrieve",
    "conversation.item.delete",
    "conversation.item.truncate",
    "response.create",
    "response.cancel",
)
NUMBERS = st.integers(1, 4)
STRAY: st.SearchStrategy[Event] = st.one_of(
    st.builds(SpeechStarted, NUMBERS, st.integers(0, 99_999)),
    st.builds(SpeechStopped, NUMBERS, st.integers(0, 99_999)),
    st.builds(BargeIn, NUMBERS, st.integers(0, 99_999), st.just("words")),
    st.builds(Transcript, NUMBERS, st.sampled_from(["", "hello"]), st.booleans()),
    st.builds(UserTurn, NUMBERS, *[st.integers(0, 99_999)] * 3, st.just("silence")),
    st.builds(ReplyStarted, NUMBERS),
    st.builds(TextDelta, NUMBERS, st.sampled_from(["", "Hi ", "there. "])),
    st.builds(ReplyDone, NUMBERS, st.just("Hi there. "), st.sampled_from(Outcome)),
    st.builds(
        Playback, NUMBERS, st.sampled_from(Played), st.just(90), st.sampled_from(["Hi"])
    ),
    st.builds(Failed, st.just("recogniser"), st.just("it broke")),
)
PATCHES = (
    {"audio": {"input": {"turn_detection": None}}},
    {"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}},
    {"audio": {"input": {"transcription": None}}},
    {"audio": {"output": {"voice": "verse"}}},
    {"instructions": "Be brief."},
)


@st.composite
def turns(draw: st.DrawFn) -> list[Event]:
    """The events of one to three legal turns, each answered or not."""
    events: list[Event] = []
    for n in range(1, draw(st.integers(1, 3)) + 1):
        starts: list[Event] = [SpeechStarted(n, 9), BargeIn(n, 9, "words")]
        events += [
            draw(st.sampled_from(starts)),
            Transcript(n, "hel", final=False),
            SpeechStopped(n, 99),
        ]
        events += [UserTurn(n, 99, 200, 0, "silence"), Transcript(n, "hello", True)]
        if not draw(st.booleans()):
            continue
        words = draw(st.integers(0, 3))
        outcome = draw(st.sampled_from(Outcome))
        events.append(ReplyStarted(n))
        events += [TextDelta(n, "word ")] * words
        events.append(Playback(n, Played.STARTED))
        ending: list[Event] = [
            ReplyDone(n, "word " * words, outcome),
            Playback(n, draw(st.sampled_from(Played)), 90, "word"),
        ]
        events += draw(st.permutations(ending))
    return events


@st.composite
def conversations(draw: st.DrawFn) -> list[Event | tuple[str, dict[str, Any]]]:
    """Turns with stray events and client events put anywhere."""
    steps: list[Any] = list(draw(turns()))
    patch = st.tuples(
        st.just("session.update"),
        st.sampled_from(PATCHES).map(lambda patch: {"session": patch}),
    )
    create = st.tuples(
        st.just("conversation.item.create"),
        st.fixed_dictionaries(
            {"previous_item_id": st.sampled_from([None, "root", "mine", "gone"])}
        ).map(lambda where: {**where, "item": _message()}),
    )
    bare: dict[str, Any] = {}
    plain = st.tuples(st.sampled_from(TYPES), st.just(bare))
    for stray in draw(
        st.lists(st.one_of(STRAY, patch, create, plain), min_size=2, max_size=9)
    ):
        steps.insert(draw(st.integers(0, len(steps))), stray)
    return steps


def _message() -> dict[str, Any]:
    content = [{"type": "input_text", "text": "hello"}]
    return {"type": "message", "role": "user", "id": "mine", "content": content}


def played_out(steps: list[Event | tuple[str, dict[str, Any]]]) -> Client:
    """Run a conversation to its end."""
    client = Client()
    for step in steps:
        if isinstance(step, tuple):
            client.send(step[0], **step[1])
        else:
            client.notify(step)
            client.dialect.account(TurnRecord(1, "", 0.0, (), None, 1, "", "", ""))
    client.dialect.closed(HangUp("over"))
    return client


def of_response(events: list[dict[str, Any]], response_id: str) -> Iterator[str]:
    """The types of the events of one response, in order."""
    for event in events:
        own = event.get("response", {}).get("id") or event.get("response_id")
        if own == response_id and not event["type"].startswith("voiceserver."):
            yield event["type"]


@settings(max_examples=EXAMPLES, deadline=None)
@given(conversations())
def test_every_response_has_one_terminal_and_nothing_after_it(steps: Any) -> None:
    """But what is told of its playing, which goes on."""
    events = played_out(steps).events
    for created in [e for e in events if e["type"] == "response.created"]:
        own = list(of_response(events, created["response"]["id"]))
        assert own.count("response.created") == own.count("response.done") == 1
        later = own[own.index("response.done") + 1 :]
        assert all(name.startswith("output_audio_buffer.") for name in later)


@settings(max_examples=EXAMPLES, deadline=None)
@given(conversations())
def test_one_response_is_active_at_a_time(steps: Any) -> None:
    """The next is created after the terminal of the one before."""
    active = 0
    for event in played_out(steps).events:
        active += event["type"] == "response.created"
        active -= event["type"] == "response.done"
        assert active in (0, 1)
    assert active == 0


@settings(max_examples=EXAMPLES, deadline=None)
@given(conversations())
def test_everything_added_is_done(steps: Any) -> None:
    """Items, output items and content parts, on cancellation too; each once."""
    counts: Counter[tuple[str, str]] = Counter()
    for event in played_out(steps).events:
        name, _, end = event["type"].rpartition(".")
        if end in ("added", "done") and name != "response":
            item_id = event.get("item_id") or event["item"]["id"]
            counts[event["type"], item_id] += 1
    for (name, item_id), count in list(counts.items()):
        stem, _, end = name.rpartition(".")
        assert count == 1
        if end == "added":
            assert counts[f"{stem}.done", item_id] == 1


@settings(max_examples=EXAMPLES, deadline=None)
@given(conversations())
def test_previous_item_ids_give_one_order(steps: Any) -> None:
    """Each names an item added before, so a client can keep the list."""
    order: list[str] = []
    for event in played_out(steps).events:
        if event["type"] == "conversation.item.added":
            previous, new = event["previous_item_id"], event["item"]["id"]
            assert new not in order
            place = 0 if previous is None else order.index(previous) + 1
            order.insert(place, new)


@settings(max_examples=EXAMPLES, deadline=None)
@given(conversations())
def test_event_ids_are_unique(steps: Any) -> None:
    """Over the whole call."""
    ids = [event["event_id"] for event in played_out(steps).events]
    assert len(ids) == len(set(ids))


@settings(max_examples=EXAMPLES, deadline=None)
@given(conversations())
def test_playing_starts_and_ends_in_turn(steps: Any) -> None:
    """Each .started has at most one .stopped or .cleared, after response.done."""
    events = played_out(steps).events
    for created in [e for e in events if e["type"] == "response.created"]:
        own = list(of_response(events, created["response"]["id"]))
        ends = [n for n in own if n.endswith((".stopped", ".cleared"))]
        assert len(ends) <= own.count("output_audio_buffer.started") <= 1
        for end in ends:
            assert own.index(end) > own.index("response.done")


@settings(max_examples=EXAMPLES, deadline=None)
@given(conversations())
def test_deltas_add_up_to_the_transcript(steps: Any) -> None:
    """What a client collected is what the response says at its end."""
    collected: dict[str, str] = {}
    for event in played_out(steps).events:
        if event["type"] == "response.output_audio_transcript.delta":
            item_id = event["item_id"]
            collected[item_id] = collected.get(item_id, "") + event["delta"]
        elif event["type"] == "response.output_audio_transcript.done":
            assert event["transcript"] == collected[event["item_id"]]


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.text() | JSON.map(json.dumps))
def test_arbitrary_message_is_refused_and_changes_nothing(text: str) -> None:
    """Any text, any JSON: one error, no command."""
    client = Client()
    assert client.dialect.receive(text) == []
    assert names(client.events) == ["session.created", "error"]


NEAR = st.sampled_from(
    "id type message function_call function_call_output item_reference function none "
    "required auto content role user assistant input_text output_text input_audio "
    "AAAA call_1 look text audio 1 [] {}".split()
)
NESTED = st.recursive(
    JSON | NEAR,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "id type role content text transcript audio name call_id arguments "
                "output input conversation metadata instructions tools tool_choice "
                "parameters output_modalities max_output_tokens voice format".split()
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=3 * EXAMPLES, deadline=None)
@given(
    st.sampled_from(TYPES),
    st.dictionaries(
        st.sampled_from(
            "event_id session item item_id previous_item_id content_index "
            "audio_end_ms audio response response_id".split()
        ),
        NESTED,
    ),
    st.sampled_from(["webrtc", "websocket"]),
)
def test_arbitrary_fields_never_raise(
    name: str, fields: dict[str, Any], carrier: Literal["webrtc", "websocket"]
) -> None:
    """Whatever was sent, the session is whole and the next turn is rendered."""
    client = Client(carrier=carrier)
    before = set(client.session)
    client.send(name, **fields)
    client.send("session.update", session={"instructions": "Still here."})
    assert client.session["instructions"] == "Still here."
    assert set(client.session) == before


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    st.recursive(
        JSON,
        lambda inner: st.dictionaries(
            st.sampled_from(
                "audio input output turn_detection type threshold eagerness format "
                "transcription voice speed instructions tracing id".split()
            ),
            inner,
        ),
        max_leaves=8,
    )
)
def test_arbitrary_session_is_taken_whole_or_refused(patch: Any) -> None:
    """The settings are usable afterwards, and the same after a refusal."""
    client = Client()
    before = client.session
    [event] = client.answer("session.update", session=patch)
    if event["type"] == "error":
        assert client.answer("session.update", session={})[0]["session"] == before
    else:
        assert set(client.session["audio"]["input"]) == set(before["audio"]["input"])

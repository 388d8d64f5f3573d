"""What holds for any client: random commands, speech and delays, in virtual time.

The session, the dialect and the carrier are the real ones, so that every order in which
commands, speech and engines can meet is open to the search.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.carriers.websocket.test_messages import IDLE, LOOK, OFF, MemorySocket, played
from tests.fakes import FakeRecogniser, FakeText
from voiceserver.carriers.websocket.messages import WebSocketCall
from voiceserver.engines.stub import StubText

EXAMPLES = 60  # passes with thousands too; this is what a test run can spend

Step = tuple[str, Any]


def _part(text: str) -> dict[str, Any]:
    part = {"type": "input_text", "text": text}
    return {"type": "message", "role": "user", "content": [part]}


DEAF = {"type": "server_vad", "interrupt_response": False}
ASIDE = {"conversation": "none", "output_modalities": ["text"]}
DELAY = st.sampled_from([0.0, 0.001, 0.02, 0.1, 0.3, 0.7, 1.5, 4.0])
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.tuples(st.just("wait"), DELAY),
    st.tuples(st.just("speak"), st.sampled_from([0.05, 0.3, 0.8])),
    st.tuples(st.just("silence"), st.sampled_from([0.05, 0.7])),
    st.tuples(
        st.just("response.create"),
        st.sampled_from(
            [{}, {"response": ASIDE}, {"response": {"output_modalities": ["text"]}}]
        ),
    ),
    st.tuples(
        st.sampled_from(
            [
                "response.cancel",
                "input_audio_buffer.commit",
                "input_audio_buffer.clear",
                "output_audio_buffer.clear",
                "nonsense",
            ]
        ),
        st.just({}),
    ),
    st.tuples(
        st.just("conversation.item.create"),
        st.sampled_from(
            [
                {"item": _part("hello")},
                {"item": _part("use the tool"), "previous_item_id": "root"},
                {"item": _part("fail")},
            ]
        ),
    ),
    st.tuples(
        st.just("session.update"),
        st.sampled_from(
            [
                {"session": OFF},
                {"session": {"tools": [LOOK]}},
                {"session": {"output_modalities": ["text"]}},
                {"session": {"audio": {"input": {"turn_detection": IDLE}}}},
                {"session": {"output_modalities": ["audio"]}},
                {"session": {"audio": {"input": {"turn_detection": DEAF}}}},
                {"session": {"audio": {"output": {"format": {"type": "audio/pcma"}}}}},
            ]
        ),
    ),
    st.tuples(st.just("about the last reply"), st.sampled_from([0, 100, 900, 10**6])),
)


async def _take(step: Step, socket: MemorySocket) -> None:
    name, value = step
    match name:
        case "wait":
            await asyncio.sleep(value)
        case "speak" | "silence":
            for _ in range(round(value / 0.05)):
                socket.say(0.05, 0.3 if name == "speak" else 0.0)
                await asyncio.sleep(0.05)
        case "about the last reply":
            added = [event["item"] for event in socket.of("conversation.item.added")]
            for item in [each for each in added if each.get("role") == "assistant"][
                -1:
            ]:
                where = {"item_id": item["id"], "content_index": 0}
                socket.ask("conversation.item.truncate", **where, audio_end_ms=value)
                socket.ask("conversation.item.retrieve", item_id=item["id"])
                if not value:
                    socket.ask("conversation.item.delete", item_id=item["id"])
        case _:
            socket.ask(name, **value)


def conversation(steps: list[Step], text: Any) -> MemorySocket:
    """Play the steps, then wait until all has come to its end."""

    async def scenario(socket: MemorySocket, _call: WebSocketCall) -> None:
        for step in steps:
            await _take(step, socket)
        await asyncio.sleep(30)

    return played(scenario, text, FakeRecogniser(("hello there", "", "and you")))


def check(socket: MemorySocket) -> None:
    """All that must hold of what a client was sent."""
    active: str | None = None
    asides: set[str] = set()
    over: set[str] = set()
    pending: Counter[tuple[str, str]] = Counter()
    for event in socket.events:
        name = event["type"]
        if name.startswith("voiceserver."):
            continue
        response_id = event.get("response_id")
        assert response_id not in over, f"{name} after the end of its response"
        if name == "response.created":
            made = event["response"]
            if made["conversation_id"] is None:
                asides.add(made["id"])
            else:
                assert active is None, "two responses at a time"
                active = made["id"]
        elif name == "response.done":
            ended = event["response"]["id"]
            assert ended == active or ended in asides
            active = None if ended == active else active
            over.add(ended)
        elif name.endswith((".added", ".done")):
            thing, _, what = name.rpartition(".")
            ident = event.get("item_id") or event.get("item", {}).get("id", "")
            if what == "added":
                pending[thing, ident] += 1
            elif thing in (
                "conversation.item",
                "response.output_item",
                "response.content_part",
            ):
                pending[thing, ident] -= 1
        elif name == "input_audio_buffer.committed" and active is not None:
            raise AssertionError("a turn was committed during a response")
    assert active is None, "a response without an end"
    assert set(pending.values()) <= {0}, f"added without done: {pending}"
    assert {e["response"]["id"] for e in socket.of("response.created")} == over
    assert "internal error" not in str(socket.closed)
    assert socket.closed == (1000, "The connection was closed.")


SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@SETTINGS
@given(st.lists(STEPS, max_size=14))
def test_invariants_hold_for_a_talkative_model(steps: list[Step]) -> None:
    """Long replies, so that everything can interrupt."""
    check(conversation(steps, FakeText(words=25)))


@SETTINGS
@given(st.lists(STEPS, max_size=14))
def test_invariants_hold_for_a_model_that_calls_and_fails(steps: list[Step]) -> None:
    """Answers of one sentence, calls of tools, faults."""
    check(conversation(steps, StubText()))

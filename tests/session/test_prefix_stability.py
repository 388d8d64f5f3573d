"""What is sent to a text model begins, from turn to turn, with what was sent before.

Services keep what they have computed of a beginning; every byte that changes in it is
paid for in time to the first word.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from voiceserver.config import TextProvider
from voiceserver.engines.base import TextRequest
from voiceserver.engines.providers.services.chat_request import request_body
from voiceserver.session.history import KEPT, History, Said
from voiceserver.session.speaking import messages_of
from voiceserver.tools import Tool, ToolCall, ToolUse

PROVIDER = TextProvider("p", "http://h/v1", "m", extra={"temperature": 0.2})
TOOLS = ToolUse((Tool("b", "", {"type": "object"}), Tool("a", "", {"x": 1, "b": 2})))
WORDS = st.text('ab é\U0001f600\ud800"\\\n', min_size=1, max_size=12)


@dataclass(frozen=True)
class Turn:
    """What the user says, and what became of the answer.

    Attributes:
        user: Their words.
        answer: The model's.
        heard: How many characters of it were heard; a late figure after a first one.
        called: A function was called first, and has answered.
        guess: Words that an answer was begun to before the final ones came.
    """

    user: str
    answer: str
    heard: tuple[int, int]
    called: bool
    guess: str


HEARD = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(
    lambda n: (min(n), max(n))
)
TURNS = st.lists(
    st.builds(Turn, WORDS, WORDS, HEARD, st.booleans(), WORDS), min_size=2, max_size=8
)


def sent(history: History, saying: str = "", key: str = "") -> bytes:
    """The body of a request."""
    messages = messages_of(history, saying, key)
    return request_body(PROVIDER, TextRequest(messages, "Be brief.", 80, TOOLS))


def stable(body: bytes) -> bytes:
    """All up to the end of the last message's words, which may still grow."""
    return body[: body.rindex(b'"}], "stream"')]


def asked(history: History, number: int, turn: Turn) -> list[bytes]:
    """Go through a turn as the session does; return what was sent, without guesses."""
    key = f"u{number}"
    history.add(Said("user", "", key))
    sent(history, turn.guess, key)  # of a guess: nothing of it stays
    history.fill(key, turn.user)
    bodies = [sent(history)]
    if turn.called:
        call = ToolCall(f"c{number}", "a", '{"x": 1}')
        history.add(Said("assistant", "", f"t{number}", (call,)))
        history.add(Said("tool", "done", call_id=call.call_id))
        body = sent(history)
        assert body.startswith(stable(bodies[-1]))
        bodies.append(sent(history))
    reply = f"r{number}"
    history.add(Said("assistant", turn.answer, reply))
    for heard in turn.heard:
        history.cut(reply, turn.answer[:heard])
    return bodies


@given(TURNS, st.booleans())
def test_a_request_begins_with_the_one_before(turns: list[Turn], noted: bool) -> None:
    """Interrupted answers, calls, guesses and joined words included."""
    history = History()
    if noted:
        history.add(Said("system", "The shop closes at six."))
    before = b""
    for number, turn in enumerate(turns):
        for body in asked(history, number, turn):
            assert body.startswith(before)
            before = stable(body)


def test_a_long_conversation_is_shortened_seldom() -> None:
    """Each time the beginning changes, and all of it has to be read anew."""
    history, before, changes = History(max_messages=40), b"", 0
    for number in range(200):
        history.add(Said("user", f"question {number}"))
        body = sent(history)
        changes += not body.startswith(before)
        before = stable(body)
        history.add(Said("assistant", f"answer {number}"))
        assert len(history.messages()) <= 40
    assert changes <= 400 / (40 * (1 - KEPT)) + 1

"""Streams of chat services, each in a dialect that is met, and what they say.

What an answer is in each: its words or its calls, whole, and nothing else. A fake
service plays them (``chat_faults``), and the parser is fed with them as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

WORDS = ("The ", "garden ", "door ", "is ", "shut ", "now.")
ANSWER = "".join(WORDS)
STEADY = ("We ", "walked ", "along ", "the ", "river ", "and ", "talked. ") * 10
LOOK, CALL = "look_up", '{"place": "Oslo"}'
OTHER, OTHER_CALL = "tell_time", '{"place": "Rome"}'
EVENTS = "text/event-stream; charset=utf-8"


@dataclass(frozen=True)
class Stream:
    """One answer.

    Attributes:
        parts: Bytes of the body, and pauses in seconds.
        says: Its words.
        calls: Names and arguments of functions that it calls.
        spoken: Whether a voice can say any of it.
        kind: Media type; ``""`` has no such header.
        refuses: A member of the request without which alone it is given.
    """

    parts: tuple[bytes | float, ...]
    says: str = ANSWER
    calls: tuple[tuple[str, str], ...] = ()
    spoken: bool = True
    kind: str = EVENTS
    refuses: str = ""

    @property
    def body(self) -> bytes:
        """All bytes."""
        return b"".join(part for part in self.parts if isinstance(part, bytes))


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    """One event."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    document = {"object": "chat.completion.chunk", "choices": [choice]}
    return f"data: {json.dumps(document)}\n\n".encode()


ROLE = chunk({"role": "assistant", "content": ""})
DONE = b"data: [DONE]\n\n"
END = (chunk({}, "stop"), DONE)
CALLED = (chunk({}, "tool_calls"), DONE)


def text(*contents: object, **more: object) -> tuple[bytes, ...]:
    """The events of contents, from the role to the end."""
    return (ROLE, *(chunk({"content": each, **more}) for each in contents), *END)


def call(name: str | None, arguments: object, **more: object) -> bytes:
    """A part of a call, in an event of its own."""
    function = {"name": name, "arguments": arguments}
    given = {key: value for key, value in function.items() if value is not None}
    return chunk({"tool_calls": [{"type": "function", "function": given, **more}]})


def paced(words: Sequence[str], gap_s: float) -> tuple[bytes | float, ...]:
    """Words, each after a pause."""
    steady: list[bytes | float] = [ROLE]
    for word in words:
        steady += [gap_s, chunk({"content": word})]
    return (*steady, *END)


def _framed() -> Iterator[tuple[str, Stream]]:
    plain = b"".join(text(*WORDS))
    yield "plain", Stream(text(*WORDS))
    yield "no space", Stream((plain.replace(b"data: ", b"data:"),))
    crlf = b": hello\r\n\r\n" + plain.replace(b"\n", b"\r\n")
    yield "carriage returns and a comment", Stream((crlf,))
    yield "a byte order mark", Stream((b"\xef\xbb\xbf" + plain,))
    yield "no last line", Stream((plain.removesuffix(b"\n\n" + DONE),))
    cut = b"".join(text("Voil\u00e0, ", "it is."))
    raw = cut.replace(b"\\u00e0", "\u00e0".encode())
    at = raw.index("\u00e0".encode()) + 1
    parts = (raw[:at], raw[at:])
    yield "cut within a character", Stream(parts, "Voil\u00e0, it is.")
    for kind in ("text/plain", "application/json", "application/octet-stream", ""):
        yield f"as {kind or 'nothing'}", Stream(text(*WORDS), kind=kind)
    yield (
        "another choice first",
        Stream(
            tuple(
                part.replace(
                    b'[{"index": 0', b'[{"index": 1, "delta": {}}, {"index": 0'
                )
                for part in text(*WORDS)
            )
        ),
    )
    again = {"delta": {}, "message": {"content": ANSWER}, "finish_reason": "stop"}
    once_more = f"data: {json.dumps({'choices': [again]})}\n\n".encode()
    yield "all once more at the end", Stream((*text(*WORDS)[:-2], once_more, DONE))
    half = (b'{"content": "Well \\ud83d"}', b'{"content": "\\ude00 then."}')
    whole = b'data: {"choices": [{"delta": %s, "finish_reason": null}]}\n\n'
    joined = (*(whole % each for each in half), *END)
    yield "halves of a character", Stream(joined, "Well \U0001f600 then.")
    lone = (whole % b'{"content": "Well \\udcaf then."}', *END)
    yield "half a character", Stream(lone, "Well  then.")


def _thoughts() -> Iterator[tuple[str, Stream]]:
    mused = ("Okay, the user ", "asks about the door. ", "Be brief.\n")
    for tag in ("think", "thinking"):
        opened = (f"<{tag}>", *mused, f"</{tag}>\n\n", *WORDS)
        yield f"{tag} in tags", Stream(text(*opened))
    yield "tags in pieces", Stream(text("<th", "ink>", *mused, "</thi", "nk>", *WORDS))
    yield "empty thoughts", Stream(text("<think>", "\n\n", "</think>", "\n\n", *WORDS))
    yield "a closing tag alone", Stream(text(*mused, "</think>", "\n\n", *WORDS))
    own = [chunk({key: "hm"}) for key in ("reasoning", "reasoning_content")]
    yield "thoughts apart", Stream((ROLE, *own, *text(*WORDS)[1:]))
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    parts = [[thinking], *([{"type": "text", "text": word}] for word in WORDS)]
    yield (
        "tokens of a template",
        Stream(
            text(
                "<|im_start|>",
                "assistant\n",
                *WORDS,
                "<|im_",
                "end|>\n<|im_start|>user\n",
            )
        ),
    )
    yield "a list of parts", Stream(text(*parts))
    yield "a list, then text", Stream(text([thinking], *WORDS))


def _calls() -> Iterator[tuple[str, Stream]]:
    one, two = ((LOOK, CALL),), ((LOOK, CALL), (LOOK, OTHER_CALL))
    first = call(LOOK, "", index=0, id="a")
    pieces = (call(None, part, index=0) for part in (CALL[:9], CALL[9:]))
    called: dict[str, tuple[tuple[bytes, ...], tuple[tuple[str, str], ...]]] = {
        "a call in pieces": ((first, *pieces), one),
        "an object": ((call(LOOK, json.loads(CALL), index=0, id="a"),), one),
        "no id": ((call(LOOK, CALL, index=0),), one),
        "no number": (
            (call(LOOK, CALL, id="a"), call(OTHER, OTHER_CALL, id="b")),
            ((LOOK, CALL), (OTHER, OTHER_CALL)),
        ),
        "no arguments, then all": (
            (call(LOOK, "{}", index=0, id="a"), call(None, CALL, index=0)),
            one,
        ),
        "a null for a number": ((call(LOOK, CALL, index=None, id="a"),), one),
        "numbered from one": ((call(LOOK, CALL, index=1, id="a"),), one),
        "the same number twice": (
            (
                call(LOOK, CALL, index=0, id="a"),
                call(LOOK, OTHER_CALL, index=0, id="b"),
            ),
            two,
        ),
    }
    for name, (parts, calls) in called.items():
        yield name, Stream((ROLE, *parts, *CALLED), "", calls, spoken=False)
    stopped = (ROLE, call(LOOK, CALL, index=0, id="a"), *END)
    yield "a call that stops", Stream(stopped, "", one, spoken=False)
    named = json.dumps({"name": LOOK, "arguments": json.loads(CALL)})
    for name, contents in {
        "a call in tags": ("<tool_", f"call>{named}", "</tool_call>"),
        "a call as text": (named[:5], named[5:]),
        "a call as Python": (f"[{LOOK}(pla", 'ce="Oslo")]<|eot_id|>'),
    }.items():
        yield name, Stream(text(*contents), "", one, spoken=False)
    nulls: dict[str, object] = {
        "tool_calls": None,
        "function_call": None,
        "refusal": None,
    }
    yield "nulls for calls", Stream(text(*WORDS, **nulls))
    yield "no calls in each", Stream(text(*WORDS, tool_calls=[]))


def _written() -> Iterator[tuple[str, Stream]]:
    code = "```python\nprint('hello')\n```"
    around = f"Here it is.\n\n{code}\n\nRun it."
    table = "Here.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nIs that all?"
    mixed = "The word is \u4f60\u597d, which means hello."
    for name, words in {"code": around, "a table": table, "two scripts": mixed}.items():
        pieces = [words[at : at + 7] for at in range(0, len(words), 7)]
        yield name, Stream(text(*pieces), words)
    other = "\u4f60\u597d\uff0c\u5929\u6c14\u5f88\u597d\u3002"
    yield "another script", Stream(text(other), other)  # some voices say its letters
    silent = {
        "a sign alone": "\U0001f44d",
        "dots alone": "...",
        "code alone": code,
    }
    for name, words in silent.items():
        yield name, Stream(text(words), words, spoken=False)


def _paced() -> Iterator[tuple[str, Stream]]:
    steady = Stream(paced(STEADY, 0.05), "".join(STEADY))
    yield "slow and steady", steady
    before, behind = text(*WORDS[:3])[:-2], text(*WORDS[3:])[1:]
    yield "a pause", Stream((*before, 0.4, *behind))


def _refusing() -> Iterator[tuple[str, Stream]]:
    for name in ("max_tokens", "stream_options"):
        yield f"refuses {name}", Stream(text(*WORDS), refuses=name)


STREAMS: dict[str, Stream] = {
    name: stream
    for kind in (_framed, _thoughts, _calls, _written, _paced, _refusing)
    for name, stream in kind()
}

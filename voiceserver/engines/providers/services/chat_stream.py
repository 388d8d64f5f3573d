"""One streamed answer of a chat URL, read without I/O.

Chat Completions as its many imitators speak it, so what they stream is read
forgivingly; but an answer that broke off, is empty or too long is an error. Words and
calls of functions are passed on; reasoning is not content. Knows no request, and not
whom to ask when it fails.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from voiceserver.engines.base import Shortened, TextItem
from voiceserver.engines.providers.calls import StreamedCalls
from voiceserver.engines.providers.services.http import MAX_EVENT_BYTES, SseParser
from voiceserver.engines.providers.services.service_errors import (
    check_pins,
    error_code,
    fault_of,
)
from voiceserver.engines.providers.unspoken.unspoken import Unspoken
from voiceserver.errors import ProviderFailed

MAX_ANSWER_BYTES = 4 * 1024 * 1024  # of one stream, protocol included
_FIELDS = (b"data", b"event", b"id", b"retry", b":")
_BOM = b"\xef\xbb\xbf"


class ChatStream:
    """Reads one streamed answer, without I/O.

    Args:
        source: Name of the provider, for error messages.
        expect_model: The model that must answer; ``""`` takes any.
        kind: Media type of the response; under another than that of events the first
            bytes tell what it is.
        opened: The answer is expected to begin within a thought.
        offered: Names of the functions that may be called.
        life: Any sign of life is an answer: thoughts, or one cut by its length.
        expect_fingerprint: As ``expect_model``, of the ``system_fingerprint``.

    Attributes:
        done: Whether the answer is complete, and nothing more comes.
        usage: Tokens sent and received, once the provider has told them.
        n_deltas: Pieces of the answer so far, words and reasoning.
        logprobs: Of the newest tokens of the text, where they are told.
    """

    def __init__(
        self,
        source: str,
        expect_model: str = "",
        kind: str = "text/event-stream",
        opened: bool = False,
        offered: Sequence[str] = (),
        life: bool = False,
        expect_fingerprint: str = "",
    ) -> None:
        self._source = source
        self._pins = {
            "expect_model": expect_model,
            "expect_fingerprint": expect_fingerprint,
        }
        self._kind = kind
        self._life = life
        self.usage: tuple[int, int] | None = None
        self.n_deltas = 0
        self.logprobs: tuple[float, ...] = ()
        self.done = False
        self._parser = SseParser(source)
        self._head = b""  # until it is known whether it is a stream of events
        self._events = kind == "text/event-stream"
        self._document = False
        self._n_bytes = 0
        self._has_words = False
        self._told_any = False  # any text, spoken or not
        self._finish_reason = ""
        self._names_finish = False  # whether its chunks have a ``finish_reason`` at all
        self._unspoken = Unspoken(source, offered, opened)
        self._calls = StreamedCalls(source)
        self.last: list[TextItem] = []

    @property
    def finished(self) -> bool:
        """Whether the words are complete; what it cost may still come."""
        return self.done or bool(self._finish_reason)

    @property
    def opened(self) -> bool:
        """Whether the next answer is to be expected to begin within a thought."""
        return self._unspoken.opened

    def feed(self, chunk: bytes) -> list[str]:
        """Add bytes of the response; return the text they complete.

        ``""`` says that a call of a function has grown.

        Raises:
            ProviderFailed: If they are no answer, or the answer is too long.
        """
        self._n_bytes += len(chunk)
        if self._n_bytes > MAX_ANSWER_BYTES:
            raise ProviderFailed(self._source, "its answer is too long", "refused")
        if not self._events:
            chunk = self._look(chunk)
        return self._read(self._parser.feed(chunk)) if self._events else []

    def end(self) -> list[str]:
        """Say that the response has ended; return the rest of the text.

        What follows the text, calls or a cut, is in ``last`` then.

        Raises:
            ProviderFailed: If the answer had not, or was empty.
        """
        texts = self._rest()
        named = self._finish_reason or not self._names_finish
        if not (self._finish_reason or (self.done and named)):
            raise ProviderFailed(self._source, "its answer broke off")
        if self._finish_reason == "content_filter":
            message = "its content filter stopped the answer"
            raise ProviderFailed(self._source, message, "refused")
        cut = self._finish_reason == "length"
        texts += self._flush()
        calls = [*self._calls.ended(), *self._unspoken.calls]
        alive = self._life and (self.n_deltas > 0 or cut)
        if not (self._has_words or calls or alive):
            raise ProviderFailed(self._source, "its answer was empty", "refused")
        self.last = [*calls, Shortened()] if cut else [*calls]
        return texts

    def _look(self, chunk: bytes) -> bytes:
        """Find out from the first bytes what the response is; return what to parse."""
        self._head += chunk
        head = self._head.removeprefix(_BOM).lstrip()
        if head.startswith(b"{"):
            self._document = True
            if len(head) > MAX_EVENT_BYTES:
                raise ProviderFailed(self._source, "its answer is too long", "refused")
            return b""
        if any(head.startswith(name) for name in _FIELDS):
            self._events = True
            return self._head
        if not any(name.startswith(head) for name in (*_FIELDS, _BOM)):
            message = f"answered with {self._kind}, not a stream"
            raise ProviderFailed(self._source, message)
        return b""

    def _rest(self) -> list[str]:
        """Read what lacks only its end: the last event, or a whole document."""
        if self._document:
            data = self._head.removeprefix(_BOM).decode(errors="replace")
            return self._told_by(data)
        if not self._events and self._head:
            message = f"answered with {self._kind}, not a stream"
            raise ProviderFailed(self._source, message)
        if self.done:
            return []
        try:
            return self._read(self._parser.finish())
        except ProviderFailed:
            if self._finish_reason:
                return []
            raise ProviderFailed(self._source, "its answer broke off") from None

    def _read(self, events: Sequence[Any]) -> list[str]:
        texts = []
        for event in events:
            if self.done:
                break
            if event.data.strip() == "[DONE]":
                self.done = True
                texts += self._flush()
            else:
                texts += self._told_by(event.data)
        return texts

    def _flush(self) -> list[str]:
        """Return the text that was held back until the end."""
        return self._told(self._unspoken.flush(self._finish_reason == "length"))

    def _told_by(self, data: str) -> list[str]:
        """Return the text in one chunk object; ``""`` for a part of a call."""
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            raise ProviderFailed(self._source, "sent what is not JSON") from None
        if not isinstance(chunk, dict):
            raise ProviderFailed(self._source, "sent what is no chat chunk")
        if error := chunk.get("error"):
            status = error.get("code") if isinstance(error, dict) else None
            kind = fault_of(status if isinstance(status, int) else 200, data)
            message = f"reported an error{error_code(data)}"
            raise ProviderFailed(self._source, message, kind)
        self._identify(chunk)
        choices = chunk.get("choices")
        # The usage chunk, and Azure's first one, have no choices.
        if not isinstance(choices, list) or not choices:
            return []
        ours = (c for c in choices if isinstance(c, dict) and not c.get("index"))
        if (choice := next(ours, None)) is None:
            return []
        self._names_finish = self._names_finish or "finish_reason" in choice
        if isinstance(reason := choice.get("finish_reason"), str):
            self._finish_reason = reason
        self.logprobs += _logprobs(choice.get("logprobs"))
        delta = choice.get("delta")
        if not delta and isinstance(words := choice.get("text"), str):
            delta = {"content": words}
        if not delta and not self._told_any:
            # Who does not stream gives a message; who does, perhaps all once more.
            delta = choice.get("message")
        return self._delta(delta) if isinstance(delta, dict) and delta else []

    def _delta(self, delta: dict[str, Any]) -> list[str]:
        self.n_deltas += 1
        text, mused = _parts(delta.get("content"))
        if mused or any(delta.get(key) for key in ("reasoning", "reasoning_content")):
            self._unspoken.apart()
        text = text or _parts(delta.get("refusal"))[0]
        self._told_any = self._told_any or bool(text)
        texts = self._told(self._unspoken.push(text))
        grown = self._calls.grow(delta.get("tool_calls"))
        grown = self._calls.grow(delta.get("function_call")) or grown
        return texts or ([""] if grown or self._life else [])

    def _told(self, text: str) -> list[str]:
        self._has_words = self._has_words or bool(text.strip())
        return [text] if text else []

    def _identify(self, chunk: dict[str, Any]) -> None:
        """Look at who answers and what it cost so far."""
        check_pins(self._source, chunk, **self._pins)
        usage = chunk.get("usage")
        if isinstance(usage, dict):
            counts = (usage.get("prompt_tokens"), usage.get("completion_tokens"))
            if all(isinstance(n, int) and 0 <= n < 10**9 for n in counts):
                self.usage = counts  # type: ignore[assignment]


def _parts(content: object) -> tuple[str, bool]:
    """Return the text of content, a text or a list of parts, and whether it mused."""
    if isinstance(content, str):
        return content, False
    if isinstance(content, dict):
        content = [content]
    text, mused = "", False
    for part in content if isinstance(content, list) else []:
        if isinstance(part, str):
            text += part
        elif isinstance(part, dict):
            kind = part.get("type", "text")
            if kind in ("text", "output_text", "refusal"):
                words = part.get("refusal" if kind == "refusal" else "text")
                text += words if isinstance(words, str) else ""
            mused = mused or kind in ("thinking", "reasoning")
    return text, mused


def _logprobs(told: object) -> tuple[float, ...]:
    """Those of a choice's tokens; absent, null or of another kind are none."""
    tokens = told.get("content") if isinstance(told, dict) else None
    values = [
        each.get("logprob")
        for each in (tokens if isinstance(tokens, list) else [])
        if isinstance(each, dict)
    ]
    return tuple(
        float(value)
        for value in values
        if isinstance(value, int | float) and value <= 0  # NaN is neither
    )

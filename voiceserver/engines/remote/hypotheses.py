"""A hypothesis on its way out of an engine's process: both ends of its form.

Also how one that was told in parts is put together. Knows no sockets.
"""

from __future__ import annotations

import json
from dataclasses import replace

from voiceserver.engines.base import Hypothesis
from voiceserver.events import TimedWord
from voiceserver.processes.ipc import MAX_BODY, Meta

_PART = MAX_BODY // 3  # bytes: text, words and times share a message
_MOST_DOUBTFUL = 200  # characters; a yes is short


def written(hypothesis: Hypothesis) -> tuple[Meta, bytes]:
    """Write a hypothesis as a message; ``read`` is the other end.

    Its text comes first, then its words if they differ, then the times of words.
    """
    text = hypothesis.text.encode("utf-8", "replace")[:_PART]
    meta: Meta = {"complete": hypothesis.complete}
    if hypothesis.unsure:
        meta["unsure"] = True
    if hypothesis.behind:
        meta["behind"] = True
    if hypothesis.doubtful:
        meta["doubtful"] = hypothesis.doubtful[:_MOST_DOUBTFUL]
    if hypothesis.language:
        meta["language"] = hypothesis.language
    if hypothesis.logprob is not None:
        meta["logprob"] = round(hypothesis.logprob, 4)
    times = _times(hypothesis)
    if hypothesis.words == hypothesis.text and not times:
        return meta, text
    words = hypothesis.words.encode("utf-8", "replace")[:_PART]
    meta["text"] = len(text)
    if times:
        meta["words"] = len(words)
    return meta, text + words + times


def _times(hypothesis: Hypothesis) -> bytes:
    if not hypothesis.timed:
        return b""
    rows = [(w.text, w.start_s, w.end_s, w.logprob) for w in hypothesis.timed]
    raw = json.dumps(rows, separators=(",", ":")).encode()
    return raw if len(raw) <= _PART else b""


def read(meta: Meta, body: bytes, final: bool) -> Hypothesis:
    """Read a hypothesis as ``written`` writes it."""
    size, n_words = meta.get("text"), meta.get("words")
    at = size if isinstance(size, int) else len(body)
    end = at + n_words if isinstance(n_words, int) else len(body)
    text = body[:at].decode("utf-8", "replace")
    words = text if size is None else body[at:end].decode("utf-8", "replace")
    logprob = meta.get("logprob")
    return Hypothesis(
        text,
        final,
        bool(meta.get("complete")),
        words,
        unsure=bool(meta.get("unsure")),
        language=str(meta.get("language", "")),
        logprob=logprob if isinstance(logprob, int | float) else None,
        timed=tuple(TimedWord(*row) for row in json.loads(body[end:] or b"[]")),
        doubtful=str(meta.get("doubtful", "")),
        behind=bool(meta.get("behind")) and not final,
    )


def joined(before: Hypothesis, after: Hypothesis, at_s: float) -> Hypothesis:
    """Put what was said first before what was said then.

    Args:
        before: Settled.
        after: Of the audio behind it; whether it is final holds for both.
        at_s: Where that audio begins.
    """
    timed = tuple(
        TimedWord(w.text, w.start_s + at_s, w.end_s + at_s, w.logprob)
        for w in after.timed
    )
    if not (before.text or before.unsure):
        return replace(after, timed=timed) if timed else after
    parts = [(h.logprob, len(h.words.split())) for h in (before, after)]
    known = [(logprob, n) for logprob, n in parts if logprob is not None and n]
    total = sum(n for _, n in known)
    mean = sum(logprob * n for logprob, n in known) / total if total else None
    return Hypothesis(
        f"{before.text} {after.text}".strip(),
        after.final,
        after.complete,
        f"{before.words} {after.words}".strip(),
        unsure=before.unsure or after.unsure,
        language=after.language or before.language,
        logprob=mean,
        timed=(*before.timed, *timed),
        behind=after.behind,
    )

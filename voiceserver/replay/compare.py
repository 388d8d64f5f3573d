"""What is otherwise in a call that was played again: turn by turn, and in all.

Pure. Turns are matched by where in the caller's audio they ended; what is compared is
what was heard, when the turn was held to be over, when the answer sounded, what each
stage took, what was said and what it cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from voiceserver.audio import MIC_RATE
from voiceserver.recording.layout import Recording

SAME_TURN_MS = 1500.0  # ends of one turn are no further apart


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn of the caller's, and what came of it.

    Attributes:
        at_ms: Of the caller's audio: its last voice.
        endpoint_ms: From there to the decision that it is over.
        reason: For that.
        words: As they were heard.
        answer: What was said to it.
        answered_by: Who said so.
        first_audio_ms: From the decision to the answer's first sound.
        stages_ms: By stage.
        cost_usd: Of the turn.
    """

    at_ms: float
    endpoint_ms: float
    reason: str
    words: str = ""
    answer: str = ""
    answered_by: str = ""
    first_audio_ms: float | None = None
    stages_ms: Mapping[str, float] = field(default_factory=dict)
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """From what on something counts as otherwise.

    Attributes:
        endpoint_ms: Between the two decisions that a turn is over.
        later_ms: By which the first sound comes later.
        answers: Other words of an answer count.
    """

    endpoint_ms: float = 100.0
    later_ms: float = 100.0
    answers: bool = True


@dataclass(frozen=True, slots=True)
class Pair:
    """One turn in both; None where it is only in one."""

    before: Turn | None
    after: Turn | None

    def otherwise(self, limits: Limits) -> list[str]:
        """What is otherwise, by name."""
        old, new = self.before, self.after
        if old is None or new is None:
            return ["new turn" if old is None else "lost turn"]
        found = []
        if old.words != new.words:
            found.append("words")
        moved = old.at_ms + old.endpoint_ms - new.at_ms - new.endpoint_ms
        if abs(moved) > limits.endpoint_ms:
            found.append("endpoint")
        if limits.answers and old.answer != new.answer:
            found.append("answer")
        if old.first_audio_ms is not None and (
            new.first_audio_ms is None
            or new.first_audio_ms - old.first_audio_ms > limits.later_ms
        ):
            found.append("later")
        return found


@dataclass(frozen=True, slots=True)
class Difference:
    """A call before and after.

    Attributes:
        call: Its id.
        pairs: Its turns, in order.
        barge_ins: Confirmed interruptions, before and after.
        same_events: What the client was told is the same, but for times.
        limits: That hold.
        whole: Whether the recording is.
    """

    call: str
    pairs: Sequence[Pair]
    barge_ins: tuple[int, int]
    same_events: bool
    limits: Limits
    whole: bool = True

    @property
    def otherwise(self) -> list[str]:
        """All that is otherwise, each once."""
        names = [name for pair in self.pairs for name in pair.otherwise(self.limits)]
        if self.barge_ins[0] != self.barge_ins[1]:
            names.append("interruptions")
        return list(dict.fromkeys(names))

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "call": self.call,
            "whole": self.whole,
            "otherwise": self.otherwise,
            "same_events": self.same_events,
            "barge_ins": list(self.barge_ins),
            "turns": [
                {
                    "otherwise": pair.otherwise(self.limits),
                    "before": None if pair.before is None else asdict(pair.before),
                    "after": None if pair.after is None else asdict(pair.after),
                }
                for pair in self.pairs
            ],
        }


def difference(before: Recording, after: Recording, limits: Limits) -> Difference:
    """Compare a recorded call with what came of its replay."""
    return Difference(
        before.header.call,
        matched(turns(before), turns(after)),
        (_count(before, "BargeIn"), _count(after, "BargeIn")),
        told(before) == told(after),
        limits,
        before.whole,
    )


def told(recording: Recording) -> list[tuple[str, ...]]:
    """What the client was told, without times and without partial words.

    That words in between came in more or fewer pieces says nothing.
    """
    found = []
    for line in recording.lines:
        fields = line.get("fields", {})
        if line["kind"] == "event" and fields.get("final", True):
            texts = (fields.get(name, "") for name in ("text", "state", "outcome"))
            found.append((str(line.get("name")), *map(str, texts)))
    return found


def turns(recording: Recording) -> list[Turn]:
    """The turns of a call, with what came of each."""
    found: list[dict[str, Any]] = []
    by_utterance: dict[Any, dict[str, Any]] = {}
    by_reply: dict[Any, dict[str, Any]] = {}
    waiting: list[tuple[dict[str, Any], float]] = []
    decided_ms: dict[Any, float] = {}  # by reply
    before_ms = next(
        (1000 * one["before"] / MIC_RATE for one in recording.lines if "before" in one),
        0.0,
    )
    for line in recording.lines:
        fields = line.get("fields", {})
        match line["kind"], line.get("name"):
            case "event", "UserTurn":
                turn = _turn(fields, before_ms)
                found.append(turn)
                waiting.append((turn, float(line["t"])))
                by_utterance[fields.get("utterance")] = turn
            case "event", "Transcript" if fields.get("final"):
                by_utterance.get(fields.get("utterance"), {})["words"] = fields["text"]
            case "event", "ReplyStarted" if waiting:
                reply = fields.get("turn")
                by_reply[reply], decided_ms[reply] = waiting.pop()
                waiting.clear()
            case "event", "Playback" if fields.get("turn") in by_reply:
                # Where the call ends before the turn is accounted, nobody says better.
                reply = fields["turn"]
                after_ms = round(float(line["t"]) - decided_ms[reply], 1)
                by_reply[reply].setdefault("first_audio_ms", after_ms)
            case "event", "ReplyDone":
                by_reply.get(fields.get("turn"), {})["answer"] = fields.get("text", "")
            case "turn", _:
                by_reply.get(fields.get("turn"), {}).update(_account(fields))
    return [Turn(**turn) for turn in found]


def _turn(fields: Mapping[str, Any], before_ms: float) -> dict[str, Any]:
    at_ms = 1000 * fields.get("at", 0) / MIC_RATE
    decided_ms = 1000 * fields.get("decided_at", 0) / MIC_RATE
    return {
        "at_ms": round(at_ms - before_ms, 1),
        "endpoint_ms": round(decided_ms - at_ms, 1),
        "reason": str(fields.get("reason", "")),
    }


def _account(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "answered_by": fields.get("answered_by", ""),
        "first_audio_ms": fields.get("first_audio_ms"),
        "stages_ms": {
            str(one.get("stage")): round(float(one.get("spent_ms", 0.0)), 1)
            for one in fields.get("stages", ())
        },
        "cost_usd": float(fields.get("spent", {}).get("cost_usd", 0.0)),
    }


def matched(before: Sequence[Turn], after: Sequence[Turn]) -> list[Pair]:
    """Turns of both calls side by side, in order."""
    pairs, left = [], list(after)
    for old in before:
        while left and left[0].at_ms < old.at_ms - SAME_TURN_MS:
            pairs.append(Pair(None, left.pop(0)))
        if left and abs(left[0].at_ms - old.at_ms) <= SAME_TURN_MS:
            pairs.append(Pair(old, left.pop(0)))
        else:
            pairs.append(Pair(old, None))
    return pairs + [Pair(None, new) for new in left]


def _count(recording: Recording, name: str) -> int:
    return sum(line.get("name") == name for line in recording.lines)

"""What a domain says next: a fold over what the caller said. Pure.

The state of a conversation is worked out anew from its words each time, so an answer
that was interrupted, or a message that was deleted, leaves nothing behind. Nothing is
carried out that was not read back and confirmed, where the domain asks for that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from voiceserver.engines.base import Message
from voiceserver.engines.domain.filling import Filling, Found
from voiceserver.engines.domain.terms import Domain, Intent, fill_in
from voiceserver.engines.words import words_of

_YES = frozenset(
    "yes yeah yep yup sure correct right exactly perfect please okay ok fine great "
    "good absolutely".split()
)
_ASSENT = frozenset(
    "do|that is right|that's right|that's correct|that is correct|yes it is|it is|"
    "go ahead|sounds good|that's it|that is it|of course|please do|that's fine|"
    "that's all|that is all|that works".split("|")
)
_NO = frozenset("no nope nah wrong incorrect not".split())
_BUT = _NO | frozenset("but except change instead without wait".split())
_CANCEL = frozenset(
    "cancel|cancel that|cancel it|cancel the order|cancel my order|never mind|"
    "nevermind|forget it|forget that|forget about it|stop the order|start over|"
    "i changed my mind|i don't want it".split("|")
)
_REQUESTS = (
    "can i ",
    "could i ",
    "may i ",
    "i would like ",
    "i'd like ",
    "i want ",
    "i'll have ",
    "give me ",
    "get me ",
    "make me ",
)
# All that may be said to what was asked, beside values: what is understood.
ANSWERS = frozenset().union(_YES, _ASSENT, _NO, _BUT, _CANCEL)
_BEFORE = frozenset("no actually sorry please oh wait okay ok well".split())
_AFTER = frozenset("please thanks".split())
_CLAUSE = re.compile(r"[.,;:!?]+(?=\s|$)")
_MISSES = 2  # in a row; then another answers


class Stage(Enum):
    """How far what was asked for has come."""

    IDLE = "idle"
    FILLING = "filling"
    DOUBTING = "doubting"
    CONFIRMING = "confirming"
    CHANGING = "changing"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Said:
    """What the caller said in one turn.

    Attributes:
        words: In lower case.
        pauses: Indices of words that begin a clause.
    """

    words: tuple[str, ...]
    pauses: frozenset[int] = frozenset()

    @classmethod
    def of(cls, text: str) -> Said:
        """Take text as a recogniser writes it, with or without punctuation."""
        words: list[str] = []
        pauses = set()
        for clause in _CLAUSE.split(text):
            pauses.add(len(words))
            words += words_of(clause.replace("-", " ")).split()
        return cls(tuple(words), frozenset(pauses))

    @property
    def text(self) -> str:
        """The words."""
        return " ".join(self.words)

    @property
    def yes(self) -> bool:
        """Whether it is assent, and nothing else."""
        agrees = self.words[0] in _YES or self.text in _ASSENT
        return agrees and not _BUT & set(self.words)

    @property
    def requests(self) -> bool:
        """Whether it begins as requests do."""
        return self.text.startswith(_REQUESTS)

    @property
    def cancels(self) -> bool:
        """Whether it takes everything back."""
        words = [*self.words]
        while len(words) > 1 and words[0] in _BEFORE:
            del words[0]
        while len(words) > 1 and words[-1] in _AFTER:
            del words[-1]
        return " ".join(words) in _CANCEL

    @property
    def no(self) -> bool:
        """Whether it begins as an objection."""
        return self.words[0] in _NO or self.text.startswith("that is not")


@dataclass(frozen=True, slots=True)
class State:
    """What is known.

    Attributes:
        stage: How far it is.
        intent: Name of what was asked for; ``""`` while idle.
        slots: Values by slot.
        asked: The slot that was asked for, or that is in doubt.
        choice: Values in doubt.
        misses: Answers in a row that were not understood.
    """

    stage: Stage = Stage.IDLE
    intent: str = ""
    slots: Mapping[str, str] = field(default_factory=dict)
    asked: str = ""
    choice: tuple[str, ...] = ()
    misses: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """What follows from what was said.

    Attributes:
        state: After it.
        say: What to say; ``""`` leaves the answer to somebody else.
        carry_out: Whether it is to be carried out before ``done`` may be said.
        since: Of the conversation, messages up to where it was to be carried out for
            the first time; what failed and is tried again has the same.
    """

    state: State
    say: str = ""
    carry_out: bool = False
    since: int = 0


class Dialogue:
    """Decides within a domain.

    Args:
        domain: Whose.
    """

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._fillings = {
            intent.name: Filling(
                [domain.slots[name] for name in intent.slots], intent.required
            )
            for intent in domain.intents
        }

    def answer(self, messages: Sequence[Message]) -> Move:
        """Return what follows from a conversation, oldest message first."""
        move, since = Move(State()), 0
        failed: Mapping[str, str] | None = None  # slots of what is to be tried again
        for n, message in enumerate(messages, 1):
            if message.role == "user":
                move = self.step(move.state, message.text)
                if move.carry_out:
                    since = since if move.state.slots == failed else n
                    failed = None
            elif message.role == "assistant" and self._says_failed(message.text):
                failed = move.state.slots
                move = Move(replace(move.state, stage=Stage.CONFIRMING))
        return replace(move, since=since)

    def step(self, state: State, text: str) -> Move:
        """Return what follows from one turn of the caller."""
        said = Said.of(text)
        if not said.words:
            return Move(state)
        if state.stage in (Stage.IDLE, Stage.DONE):
            return self._begin(said)
        if said.cancels:
            return Move(State(), self._domain.lines.cancelled)
        return self._go_on(state, said)

    def _says_failed(self, text: str) -> bool:
        failed = self._domain.lines.failed
        return bool(text) and (text.startswith(failed) or failed.startswith(text))

    def _begin(self, said: Said) -> Move:
        for intent in self._domain.intents:
            finds = self._find(intent, said)
            if self._meant(intent, said, finds):
                return self._take(State(Stage.FILLING, intent.name), finds)
        return Move(State())

    def _meant(self, intent: Intent, said: Said, finds: Sequence[Found]) -> bool:
        """Whether what was said begins an intent, or only happens to have its words."""
        needed = {find.slot for find in finds} & set(intent.required)
        clear = {find.slot for find in finds if not find.near}
        # One value may be anybody's word; two, or one that is needed, are meant.
        if clear & needed or (clear and needed) or len(clear) > 1:
            return True
        return _starts(intent, said.words) or bool(needed and said.requests)

    def _find(self, intent: Intent, said: Said, asked: str = "") -> tuple[Found, ...]:
        return self._fillings[intent.name].find(said.words, asked, said.pauses)

    def _go_on(self, state: State, said: Said) -> Move:
        finds = self._find(self._domain.intent(state.intent), said, state.asked)
        certain = [find for find in finds if find.certain]
        if certain:
            return self._take(state, finds)
        match state.stage:
            case Stage.DOUBTING if said.yes and len(state.choice) == 1:
                return self._take(_with(state, state.asked, state.choice[0]), ())
            case Stage.DOUBTING if said.no:
                return self._ask(replace(state, stage=Stage.FILLING, choice=()))
            case Stage.CONFIRMING if said.yes:
                return Move(replace(state, stage=Stage.DONE), carry_out=True)
            case Stage.CONFIRMING if said.no and not finds:
                changing = replace(state, stage=Stage.CHANGING)
                return Move(changing, self._domain.lines.change)
            case _ if finds:
                return self._take(state, finds)
        return self._not_understood(state)

    def _not_understood(self, state: State) -> Move:
        missed = replace(state, misses=state.misses + 1)
        if missed.misses >= _MISSES:
            return Move(missed)
        again = self._ask(missed)
        return replace(again, say=f"{self._domain.lines.pardon} {again.say}")

    def _take(self, state: State, finds: Sequence[Found]) -> Move:
        """Enter what was found, then ask for what is missing or in doubt."""
        doubt: Found | None = None
        for find in finds:
            if find.left_out and not self._corrects(state, find):
                state = _with(state, find.slot, "")
            elif find.certain:
                state = _with(state, find.slot, find.values[0])
            elif doubt is None:
                doubt = find
        state = replace(state, stage=Stage.FILLING, asked="", choice=(), misses=0)
        if doubt is not None:
            state = replace(
                state, stage=Stage.DOUBTING, asked=doubt.slot, choice=doubt.values
            )
        return self._ask(state)

    def _corrects(self, state: State, find: Found) -> bool:
        """Whether "no" before a value is an objection: "no a large one"."""
        if find.slot in self._domain.intent(state.intent).required:
            return True
        return state.slots.get(find.slot, find.values[0]) != find.values[0]

    def _ask(self, state: State) -> Move:
        """Ask what is open, or have it confirmed, or carry it out."""
        intent = self._domain.intent(state.intent)
        if state.choice:
            return Move(state, f"Did you say {' or '.join(state.choice)}?")
        missing = [name for name in intent.required if not state.slots.get(name)]
        if missing:
            state = replace(state, stage=Stage.FILLING, asked=missing[0])
            return Move(state, self._domain.slots[missing[0]].ask)
        if intent.confirm:
            state = replace(state, stage=Stage.CONFIRMING, asked="")
            return Move(state, fill_in(intent.confirm, self.values(state)))
        return Move(replace(state, stage=Stage.DONE), carry_out=True)

    def values(self, state: State) -> dict[str, str]:
        """Return what templates may name: the slots, and the summary of them."""
        intent = self._domain.intent(state.intent)
        return {**state.slots, "summary": fill_in(intent.summary, state.slots)}


def _with(state: State, slot: str, value: str) -> State:
    slots = {name: each for name, each in state.slots.items() if name != slot}
    return replace(state, slots={**slots, slot: value} if value else slots)


def _starts(intent: Intent, words: Sequence[str]) -> bool:
    """Whether a wording that begins the intent is among the words, in one piece."""
    return any(
        tuple(words[at : at + len(wording)]) == wording
        for wording in intent.start
        for at in range(len(words) - len(wording) + 1)
    )

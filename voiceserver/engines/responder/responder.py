"""The built-in responder: answers by rules, in well under a millisecond.

Deterministic and alone: no model, no network, no state but the conversation it is
given; the clock is injected. It says plainly what it is, and what it cannot answer.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from voiceserver.config import ResponderConfig
from voiceserver.engines.base import Message, Reminder, TextRequest
from voiceserver.engines.responder import arithmetic, moments, recite, timers
from voiceserver.engines.responder.matching import QuestionIndex
from voiceserver.engines.responder.questions import Question, fill, load
from voiceserver.engines.responder.standard import ABILITIES, NO_MODEL, STANDARD
from voiceserver.engines.responder.words import bare, normal, read_back, split
from voiceserver.errors import ConfigError, of_setting

RULES = "1"  # grows with every change of what is answered
MAX_ECHO = 25  # words of the user's said back
UNKNOWN = "unknown"
SHORT_UNKNOWN = "I cannot answer that without a language model."
SURE = 0.9  # of a question of the operator's: a small word more or less
# What no model knows better: the clock, a sum, letters, a timer, the operator's word.
FACTS = frozenset("sum spell count operator".split())
KNOWN = FACTS | frozenset("time date year time_in other_day timer repeat".split())

_PIECE = re.compile(r"\S+\s*")


@dataclass(frozen=True, slots=True)
class Rejoinder:
    """What the responder says.

    Attributes:
        intent: What it took the request for; ``UNKNOWN`` if it has no answer.
        text: To be spoken.
        reminder: To be spoken later.
    """

    intent: str
    text: str
    reminder: Reminder | None = None


class Responder:
    """Answers by rules; a ``TextModel``.

    Args:
        config: Its name, its time zone and the operator's questions.
        now: The moment, aware of its zone; by default the machine's clock.

    Raises:
        ConfigError: If the time zone is unknown or the questions cannot be read.
    """

    name = "responder"

    def __init__(
        self, config: ResponderConfig, now: Callable[[], datetime] | None = None
    ) -> None:
        own: tuple[Question, ...] = ()
        if config.questions:
            with of_setting("responder.questions"):
                own = load(Path(config.questions))
        self._calls_itself = config.name
        self._now = now or _clock(config.timezone)
        # Earlier ones win: the operator may answer any standard question anew.
        self.questions: tuple[Question, ...] = (*own, *STANDARD)
        self._index = QuestionIndex(self.questions)
        self._own_index = QuestionIndex(own)
        example = own[0].ask[0].rstrip("?!. ") if own else ""
        self._example = f" Or ask me: {example}." if example else ""
        checksum = zlib.crc32(repr(own).encode()) if own else 0
        self._version = f"{RULES}+{checksum:08x}" if own else RULES

    @property
    def version(self) -> str:
        """Number of the rules, and a checksum of the operator's questions."""
        return self._version

    async def reply(self, request: TextRequest) -> AsyncGenerator[str | Reminder, None]:
        """Stream the answer word by word, a reminder before its words."""
        answer = self.answer(request.messages)
        if answer.reminder is not None:
            yield answer.reminder
        for match in _PIECE.finditer(answer.text):
            yield match.group()

    def answer(self, messages: Sequence[Message]) -> Rejoinder:
        """Answer what the user said last; greet if that is nothing yet."""
        heard = _to_answer(messages)
        words = normal(heard)
        if not any(message.role == "user" for message in messages):
            words = ("hello",)
        if not words:
            return Rejoinder("nothing", "I did not catch that.")
        said = [m.text for m in messages if m.role == "assistant" and m.text]
        last = said[-1] if said else ""
        forms = (words, bare(words))
        question = self._index.exact(*forms)
        if question is not None and question.intent == "stop":
            return self._fixed(question, last)
        if answer := self._follow_up(words, heard, last):
            return answer
        if question is not None:
            return self._fixed(question, last)
        if answer := self._worked_out(heard):
            return answer
        if question := self._index.closest(*forms):
            return self._fixed(question, last)
        return self._unknown(heard, said)

    def _fixed(self, question: Question, last: str) -> Rejoinder:
        texts = {
            "name": self._calls_itself,
            "abilities": ABILITIES,
            "example": self._example,
            "last": last or "I have not said anything yet.",
        }
        return Rejoinder(question.intent, fill(question.answer, self._now(), texts))

    def known(
        self, messages: Sequence[Message], facts_only: bool = False
    ) -> Rejoinder | None:
        """Answer what rules know exactly, better than any model; else None.

        Small talk, and words that only resemble a question of the responder's own, are
        a model's. So is a length of time that nobody asked for: it may answer a
        question of the model's.

        Args:
            messages: The conversation.
            facts_only: Leave what a function of the client's may be meant for.
        """
        heard = _to_answer(messages)
        words = normal(heard)
        if not words:
            return None
        said = [m.text for m in messages if m.role == "assistant" and m.text]
        last = said[-1] if said else ""
        forms = (words, bare(words))
        answer = self._follow_up(words, heard, last)
        if answer is None:
            question = self._index.exact(*forms) or self._own_index.closest(
                *forms, threshold=SURE
            )
            answer = (
                self._worked_out(heard)
                if question is None
                else self._fixed(question, last)
            )
        intents = FACTS if facts_only else KNOWN
        return answer if answer is not None and answer.intent in intents else None

    def _worked_out(self, heard: str) -> Rejoinder | None:
        """Answer a request with parameters, or return None."""
        words = bare(normal(heard))
        if timer := timers.answer(words):
            return Rejoinder("timer", *timer)
        if text := recite.spelling(words):
            return Rejoinder("spell", text)
        if text := recite.counting(words):
            return Rejoinder("count", text)
        if text := recite.repeating(bare(tuple(split(heard)))):
            return Rejoinder("repeat", text)
        if text := arithmetic.answer(heard):
            return Rejoinder("sum", text)
        if text := timers.offer(words):
            return Rejoinder("length", text)
        if text := moments.time_in(words, self._now()):
            return Rejoinder("time_in", text)
        if text := moments.other_day(words, self._now()):
            return Rejoinder("other_day", text)
        return None

    def _follow_up(
        self, words: tuple[str, ...], heard: str, last: str
    ) -> Rejoinder | None:
        """Take the words as the answer to a question of ours, or return None."""
        last = last.strip()
        if last == timers.HOW_LONG and (timer := timers.answer(words, follows_up=True)):
            return Rejoinder("timer", *timer)
        if (
            last == recite.WHICH_WORD
            and len(words) == 1
            and (text := recite.spelling(words, follows_up=True))
        ):
            return Rejoinder("spell", text)
        if last == recite.REPEAT_WHAT and (
            text := recite.repeating(tuple(split(heard)), follows_up=True)
        ):
            return Rejoinder("repeat", text)
        return None

    def _unknown(self, heard: str, said: Sequence[str]) -> Rejoinder:
        echo, whole = read_back(heard.split(), MAX_ECHO)
        echo = echo.rstrip(".?!,;: ") or "much"
        if not whole:
            echo += ", and so on"
        if any(NO_MODEL in text for text in said):
            text = SHORT_UNKNOWN
        else:
            text = f"I heard: {echo}. {NO_MODEL}, so I can only {ABILITIES}."
        return Rejoinder(UNKNOWN, text)


def _to_answer(messages: Sequence[Message]) -> str:
    """What the user said since the last answer."""
    for message in reversed(messages):
        if message.role == "user":
            return message.text
        if message.role == "assistant":
            break
    return ""


def _clock(timezone: str) -> Callable[[], datetime]:
    if not timezone:
        return lambda: datetime.now().astimezone()
    try:
        zone = ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        raise ConfigError(
            f"[responder] timezone: {timezone!r} is not a known time zone; use an "
            "IANA name such as Europe/Paris"
        ) from None
    return lambda: datetime.now(zone)

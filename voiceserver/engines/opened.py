"""The engines of a server, opened: one for each slot, and what stands behind them.

What calls and routes are given. Knows no engine by name; ``table`` opens them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from voiceserver.engines.acoustic.echo_cancelling import EchoCancelling
from voiceserver.engines.base import (
    Recogniser,
    SpeechChunk,
    Synthesizer,
    TextModel,
    TurnEnds,
    VoiceActivityEngine,
)
from voiceserver.engines.lines import LineCache
from voiceserver.languages import OWN, primary
from voiceserver.overload import Crowd, Overload
from voiceserver.purse import Purse
from voiceserver.turns.ending import EndWeights
from voiceserver.voices import Voices


class Provider(Protocol):
    """A service behind an engine, as its operator sees it."""

    @property
    def slot(self) -> str:
        """``"text"`` or ``"speech"``."""

    @property
    def name(self) -> str:
        """Its name, unique within the slot."""

    @property
    def region(self) -> str:
        """Where it runs, as configured; ``""`` if that is not told."""

    @property
    def state(self) -> str:
        """Of its breaker, a ``breaker.State`` value."""

    def drain(self, drained: bool) -> None:
        """Ask it no more, or again; calls under way go on to their end."""


class Common(Protocol):
    """What several processes that are one server tell each other; JSON.

    Attributes:
        tell: Given each piece of news, to be carried to the others.
    """

    tell: Callable[[dict[str, object]], None]

    def all_news(self) -> Iterator[dict[str, object]]:
        """Give what others must know, whatever they were told before."""

    def take(self, news: dict[str, object]) -> None:
        """Take what another process told."""


def speaks_own(language: str) -> bool:
    """Of a voice that speaks nothing but the server's own language."""
    return primary(language) in (OWN, "")


@dataclass(frozen=True, slots=True)
class Engines:
    """The engines of a server, one for each slot, and what they have spoken before.

    Attributes:
        vad: Tells speech from silence.
        recogniser: Writes down.
        text: Answers.
        speech: Speaks.
        lines: Lines spoken beforehand, by all calls.
        phrases: Of answers, known before anybody asks; spoken beforehand as well.
        overload: How much is left out because the server cannot keep up.
        ears: How many people speak, and how many are heard in time; 0 of them where
            nobody can tell.
        crowd: Whether that is too many.
        providers: The services behind text and speech, in order of preference.
        speaks: Whether the voice speaks a language, BCP 47; ``""`` is its own.
        common: What is known of them by all processes of the server; None where there
            are none.
        turn_ends: Hears whether a turn has ended; None where nothing does.
        ending: What it hears is worth; None without it.
        echo: Takes a reply's echo out of what is heard; None where nothing can.
        alarms: Tells, as JSON, which providers answer otherwise than they used to.
        purse: Makes what a call may spend, given the name of its API key.
        pin: Draws which text model answers a call that begins now.
        reliability: What the maps of the gate before speaking are worth, as JSON.
    """

    vad: VoiceActivityEngine
    recogniser: Recogniser
    text: TextModel
    speech: Synthesizer
    lines: LineCache[SpeechChunk] = field(default_factory=LineCache, compare=False)
    phrases: tuple[str, ...] = ()
    overload: Overload = field(default_factory=Overload, compare=False)
    ears: Callable[[], tuple[int, int]] = field(default=lambda: (0, 0), compare=False)
    crowd: Crowd = field(default_factory=Crowd, compare=False)
    providers: tuple[Provider, ...] = field(default=(), compare=False)
    turn_ends: TurnEnds | None = None
    ending: EndWeights | None = None
    echo: EchoCancelling | None = None
    speaks: Callable[[str], bool] = field(default=speaks_own, compare=False)
    common: Common | None = field(default=None, compare=False)
    alarms: Callable[[], list[dict[str, object]]] = field(default=list, compare=False)
    purse: Callable[[str], Purse] = field(default=lambda _key: Purse(), compare=False)
    pin: Callable[[TextModel], TextModel] = field(
        default=lambda model: model, compare=False
    )
    reliability: Sequence[dict[str, object]] = field(default=(), compare=False)

    def of_a_call(self) -> Engines:
        """Those of a call that begins now, to its end."""
        text = self.pin(self.text)
        return self if text is self.text else replace(self, text=text)

    def voices(self, default: str) -> Voices:
        """The voices that may be named; ``default`` speaks for OpenAI's names."""
        return Voices(self.speech.voices, default)

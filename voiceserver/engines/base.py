"""What an engine is: five structural protocols and the types that cross them.

Engines stream; they decide nothing about the conversation. Cancelling (closing a
generator, or ``close()``) stops the work itself within one step, and clean-up is
synchronous. An engine raises ``EngineFailed`` and nothing else on purpose. One
conformance suite holds every engine to this: ``tests/engines/conformance.py``.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from voiceserver.audio import Samples
from voiceserver.budget import Called
from voiceserver.engines.notes import Note
from voiceserver.engines.words import SaidAs, words_of
from voiceserver.events import TimedWord
from voiceserver.purse import Thrift
from voiceserver.tools import NO_TOOLS, ToolCall, ToolUse


class VoiceActivity(Protocol):
    """Voice activity of one audio stream; keeps state between windows."""

    @property
    def window(self) -> int:
        """Samples at 16 kHz that ``probability`` takes."""

    def probability(self, window: Samples) -> float:
        """Probability that the window is speech, in [0, 1]; well under 1 ms.

        Args:
            window: Shape ``(self.window,)``, 16 kHz, the samples after the last ones.
        """

    def probabilities(self, windows: Sequence[Samples]) -> list[float]:
        """The same of windows that follow on each other, for less than one by one."""

    def reset(self) -> None:
        """Forget what was heard."""


StreamWindows = tuple[VoiceActivity, Sequence[Samples]]


class VoiceActivityEngine(Protocol):
    """Opens voice activity detectors; loads its model once."""

    def open(self) -> VoiceActivity:
        """Return a detector for a new stream."""

    def together(self, asked: Sequence[StreamWindows]) -> list[list[float]]:
        """Probabilities of windows of many streams, for less than stream by stream.

        Args:
            asked: Streams that were opened here, each once, and the windows that follow
                in it; possibly none.
        """


@dataclass(frozen=True, slots=True)
class Opening:
    """What is known of an utterance before it is heard, and what is asked of it.

    A recogniser heeds what it can and leaves the rest alone.

    Attributes:
        language: BCP 47, as ``"en"``; ``"auto"`` is to be found out by hearing, ``""``
            is the recogniser's own choice.
        prompt: Words to be expected, as a client wrote them; ``""`` if none.
        overlap: Spoken over a reply: a few words are wanted at once.
        timed: Times and probabilities of the words are wanted with the final.
        whole: It is a recording: only the final is wanted.
        observe: Takes what services cost; must not block.
        thrift: Who may still be paid, asked as they are about to be.
    """

    language: str = ""
    prompt: str = ""
    overlap: bool = False
    timed: bool = False
    whole: bool = False
    observe: Callable[[Note], None] = field(default=lambda _note: None, compare=False)
    thrift: Callable[[], Thrift] = field(default=lambda: Thrift.NONE, compare=False)


DICTATION = Opening()  # of a caller who asks for nothing


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What a recogniser believes was said.

    Attributes:
        text: As the recogniser writes it, with case and punctuation where it has any;
            ``""`` if nothing. Clients and text models get it.
        final: No further change will come.
        complete: The words are known to be a whole request (a grammar accepted them).
        words: The same as lower-case words, for turn-taking; made of the text if "".
        unsure: There was a voice, and its words are not believed: whoever asks again
            is right, whoever takes the text, or ``""``, for certain is not.
        language: That was heard, BCP 47; ``""`` where the recogniser has only one.
        logprob: Mean natural logarithm of the probability of what was written, at
            most 0; None where the recogniser has no idea.
        timed: The words one by one, where ``Opening.timed`` asked for them.
        doubtful: Words of an overlap that may tell of a yes, and of nothing else.
        behind: Of what was said so far words are missing at its end: it can be shown,
            and whoever answers it answers half a sentence.
        ended: Probability that the turn is over, where one is told: it ends no turn.
    """

    text: str = ""
    final: bool = False
    complete: bool = False
    words: str = ""
    unsure: bool = False
    language: str = ""
    logprob: float | None = None
    timed: tuple[TimedWord, ...] = ()
    doubtful: str = ""
    behind: bool = False
    ended: float | None = None

    def __post_init__(self) -> None:
        if self.text and not self.words:
            object.__setattr__(self, "words", words_of(self.text))

    def says(self, text: str) -> bool:
        """Whether ``text`` is the same words, whatever its case and punctuation."""
        return text == self.text or words_of(text) == self.words


class Utterance(Protocol):
    """One utterance being recognised: pushed to while the user speaks."""

    @property
    def latest(self) -> Hypothesis:
        """The newest hypothesis, ready at once."""

    def push(self, samples: Samples) -> None:
        """Add audio, 16 kHz; returns at once and never raises for a dead engine."""

    def voiced(self, until: int) -> None:
        """Tell where the last voice ended, as voice activity sees it; returns at once.

        A recogniser that decodes in pauses begins there. One that does not may leave
        it alone, and none may depend on it: a client that ends turns has no gate.

        Args:
            until: Samples that were pushed up to there, not beyond all of them.
        """

    async def final(self) -> Hypothesis:
        """Say that no more audio comes and wait for the final hypothesis.

        May be cancelled and called again.

        Raises:
            EngineFailed: If the recogniser could not give one.
        """

    def close(self) -> None:
        """Stop the work and give the recogniser back; may be called at any time."""


class Recogniser(Protocol):
    """Recognises utterances, several at a time up to its capacity."""

    @property
    def name(self) -> str:
        """Name in ledger and metrics."""

    @property
    def language(self) -> str:
        """What it writes down, as BCP 47 has it: ``"en"``."""

    def open(self, opening: Opening = DICTATION) -> Utterance:
        """Begin an utterance.

        If all recognisers are taken the utterance waits with its audio for one.

        Args:
            opening: What is known of it and asked for.

        Raises:
            Overloaded: If too many are waiting already.
        """


Withdraw = Callable[[], None]


class TurnEnds(Protocol):
    """Tells from the sound of a turn whether it has ended."""

    @property
    def name(self) -> str:
        """Name in ledger and metrics."""

    def score(self, samples: Samples, told: Callable[[float], None]) -> Withdraw:
        """Ask for the probability that a turn has ended; returns at once.

        An answer is of use while the pause lasts, and may never come: nobody waits.

        Args:
            samples: The turn so far, 16 kHz, its pause included; 8 s are enough.
            told: Called with the probability, in [0, 1], at most once and not within
                this call.

        Returns:
            Withdraws the question: ``told`` is not called from then on.
        """


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation as a text model sees it.

    Attributes:
        role: ``"system"``, ``"user"``, ``"assistant"``, or ``"tool"`` for a result.
        text: Its words; of an interrupted reply only those that were heard.
        calls: Of functions, by the assistant; their results follow at once.
        call_id: The call that a result belongs to.
    """

    role: str
    text: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""


LIFE_TOKENS = 64  # of a mere sign of life: enough for services with a least number


def _unheard(note: Note | Called) -> None:
    """Nobody keeps a ledger."""


@dataclass(frozen=True, slots=True)
class TextRequest:
    """What to answer.

    Attributes:
        messages: The conversation, oldest first; the last is what to answer.
        instructions: The role of the model.
        max_output_tokens: Bound of the answer; 0 is unbounded.
        tools: What the model may call; engines that cannot call leave it alone.
        observe: Takes notes; must not block.
        called: Told of each call of a provider as it ends; must not block.
        hedge: Whether a second provider may be asked beside the first.
        life: Only a sign of life is asked for: thoughts, or a cut, are an answer.
        read: The answer is read, not heard: no clause of it need be waited for.
        guess: It answers a guess of the user's words, and may come to nothing: what
            cannot be undone is not to be done for it, but refused by ``EngineFailed``.
        tight: Time is short: a few words are enough to begin with.
        given: The client gave this answer messages, instructions or a route of its
            own: it is asked of a model, not of rules.
        language: To be answered in, BCP 47; ``""`` leaves it to the model. One that
            heeds it says so by ``Answering``.
        route: ``"simple"`` or ``"complex"`` where the client asked for that tier.
        thrift: Who may still be paid.
        pinned: Provider that the call is pinned to; ``""`` if it is to none.
        call: Whose it is, for what must be done once in a call; told to no provider.
    """

    messages: tuple[Message, ...]
    instructions: str = ""
    max_output_tokens: int = 0
    tools: ToolUse = NO_TOOLS
    observe: Callable[[Note], None] = field(default=_unheard, compare=False)
    called: Callable[[Called], None] = field(default=_unheard, compare=False)
    hedge: bool = field(default=True, compare=False)
    life: bool = field(default=False, compare=False)
    read: bool = field(default=False, compare=False)
    guess: bool = field(default=False, compare=False)
    tight: bool = field(default=False, compare=False)
    given: bool = field(default=False, compare=False)
    language: str = ""
    route: str = field(default="", compare=False)
    thrift: Thrift = field(default=Thrift.NONE, compare=False)
    pinned: str = field(default="", compare=False)
    call: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Reminder:
    """A text model asks the session to say something later (a timer).

    Attributes:
        after_s: Seconds from now.
        text: What to say then.
    """

    after_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Shortened:
    """The answer ends here because it reached ``max_output_tokens``."""


@dataclass(frozen=True, slots=True)
class Form:
    """What is understood so far of something that is asked for, to be shown.

    Attributes:
        name: Of the domain.
        intent: What is asked for; ``""`` once it is taken back.
        slots: Values by slot.
        stage: ``"filling"``, ``"doubting"``, ``"confirming"``, ``"changing"``,
            ``"done"`` or ``"idle"``.
    """

    name: str
    intent: str
    slots: Mapping[str, str]
    stage: str


TextItem = str | Reminder | ToolCall | Form | Shortened


class TextModel(Protocol):
    """Answers in text."""

    @property
    def name(self) -> str:
        """Who answers, e.g. ``"responder"``; every turn is tagged with it."""

    @property
    def version(self) -> str:
        """The pinned version of the model."""

    def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        """Stream the answer: pieces of text, reminders, calls of functions.

        An empty piece says that the model is at work on something longer.

        Raises:
            EngineFailed: Before or between items.
        """


# Named as in MAI-Voice-1. They are presets of prosody and timbre, not acted emotions.
STYLES = ("joy", "empathy", "sad", "excited", "whispered")


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """A phrase to be spoken.

    Attributes:
        text: A phrase or clause of plain text.
        voice: One of the synthesizer's voices.
        speed: Speaking rate, 0.25..4.
        pitch: Semitones higher than the voice's own, -12..12; a voice that cannot do
            it ignores it.
        style: One of ``STYLES``, or "" for none; ignored in the same way.
        observe: Takes notes; must not block.
        prefer: Who spoke the phrases before: a chain of voices asks it first, so
            that the voice does not change within an answer.
        paced: It is played as it is made. Else an engine may take larger steps, which
            is faster in all, but begins later and holds up others for longer.
        language: Of the text, BCP 47; ``""`` is the voice's own.
        said: Ranges with phones; a voice that knows none reads the text there.
        thrift: Who may still be paid.
        within_s: In how many seconds it has to begin to sound: what is left of the
            turn, or of what sounds now. Who has less time goes first.
    """

    text: str
    voice: str = "alloy"
    speed: float = 1.0
    pitch: float = 0.0
    style: str = ""
    observe: Callable[[Note], None] = field(default=_unheard, compare=False)
    prefer: str = field(default="", compare=False)
    paced: bool = field(default=True, compare=False)
    language: str = ""
    said: tuple[SaidAs, ...] = ()
    thrift: Thrift = field(default=Thrift.NONE, compare=False)
    within_s: float = field(default=0.3, compare=False)


@dataclass(frozen=True, slots=True)
class WordMark:
    """Where a word of the source text sounds.

    Attributes:
        start: Index of its first character in the phrase.
        end: Index after its last character.
        pts: First sample of the word, from the start of the phrase's audio.
        pts_end: Sample after its last.
    """

    start: int
    end: int
    pts: int
    pts_end: int


@dataclass(frozen=True, slots=True)
class SpeechChunk:
    """The next audio of a phrase.

    Attributes:
        samples: Shape ``(n,)``, n >= 1, 24 kHz, float32.
        words: Marks that became known with this chunk; may point beyond it.
        left_out: Letters and digits of the phrase that became known with this chunk
            to be none that the voice can say.
    """

    samples: Samples
    words: tuple[WordMark, ...] = ()
    left_out: int = 0


class Synthesizer(Protocol):
    """Speaks; always at 24 kHz."""

    @property
    def name(self) -> str:
        """Name in ledger and metrics."""

    @property
    def voices(self) -> tuple[str, ...]:
        """Names that ``SpeechRequest.voice`` may take."""

    def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        """Stream the phrase's audio.

        Text that has nothing to speak gives an empty stream.

        Raises:
            EngineFailed: Before or between items.
        """

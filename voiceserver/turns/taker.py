"""Turn-taking: whose turn it is, decided from voice activity, words and playback.

Pure: no clock, no I/O; time is counted in microphone samples at 16 kHz. It decides
that an utterance began, paused, ended (the commit), interrupted the reply or was none.
It does not know what a recogniser, a reply or a protocol is.

A recogniser's own idea of an end never ends a turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from voiceserver.audio import MIC_RATE
from voiceserver.config import TurnConfig
from voiceserver.turns.cues import Completeness, grade
from voiceserver.turns.echo import Echo
from voiceserver.turns.ending import SCORED_MS, EndWeights, Evidence, longest_ms
from voiceserver.turns.gate import HYSTERESIS, WINDOW, GateEvent, SpeechGate
from voiceserver.turns.overlap import Overlap, Verdict

# How long after an overlap its words are waited for. A recogniser that writes while
# somebody speaks has its first 0.2-0.5 s into speech; one that decodes in pauses begins
# at 140 ms of silence, and takes up to 300 ms on a slow core. "Stop" is that short.
OVERLAP_SETTLE_MS = 200
OVERLAP_WORDLESS_MS = 450  # where there are none yet
FALSE_STOP_MS = 500  # of silence after a voice without words that stopped a reply
# Certainty of an end at which an answer is begun, to be held until the turn is over.
# In 288 pauses (``benchmarks.held_answers``) it saves 160 ms of the 480 that a turn
# waits for its end where clients are eager, 264 of 596 else, and 23 of 100 answers are
# in vain; words alone save as much, with 28 in vain. Turns by themselves end sooner
# (359 and 403 ms): 75 and 117 ms are all that 280 ms for words leave to be saved.
HELD_CERTAINTY = 0.6
HABITS = 20  # pauses of the turns before that are remembered


class TurnState(Enum):
    """Where the user stands; whether a reply plays is told separately."""

    IDLE = auto()
    SPEAKING = auto()
    PAUSED = auto()
    OVERLAP = auto()  # speaks over the reply; not yet an interruption
    OVERLAP_PAUSED = auto()


@dataclass(frozen=True, slots=True)
class Began:
    """An utterance began; with ``overlap`` over a reply: not yet the user's turn."""

    at: int
    overlap: bool


@dataclass(frozen=True, slots=True)
class Confirmed:
    """An overlap turned out to be a turn because the reply ended by itself."""

    at: int


@dataclass(frozen=True, slots=True)
class Interrupted:
    """An overlap is an interruption; ``at`` is its onset."""

    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class Dismissed:
    """An overlap was a backchannel or a noise: no turn."""


@dataclass(frozen=True, slots=True)
class Paused:
    """The user paused at ``at``; the turn may go on."""

    at: int


@dataclass(frozen=True, slots=True)
class Resumed:
    """The user goes on after a pause."""


@dataclass(frozen=True, slots=True)
class Committed:
    """The turn is over; ``at`` is its last voiced sample."""

    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class ScoreWanted:
    """How the turn sounds is worth asking now, in the pause that began at ``at``."""

    at: int


Decision = (
    Began
    | Confirmed
    | Interrupted
    | Dismissed
    | Paused
    | Resumed
    | Committed
    | ScoreWanted
)


def _samples(ms: float) -> int:
    return int(ms * MIC_RATE / 1000)


class TurnTaker:
    """Decides about one call; feed it in the order in which things happened.

    Args:
        config: Settings.
        ending: What the sound of a turn says of its end; None where nobody will tell
            how it sounds.
    """

    def __init__(self, config: TurnConfig, ending: EndWeights | None = None) -> None:
        self._ending = ending
        self._sounds: list[float] = []  # scores in the pause that began at ``_scored``
        self._scored = 0
        self._n_wanted = 0  # scores asked for in it
        self._pauses_ms: list[float] = []  # of this turn
        self._habits_ms: deque[float] = deque(maxlen=HABITS)
        self._state = TurnState.IDLE
        self._playing = False
        self._text = ""
        self._complete = False
        self._language = ""
        self._began = 0  # onset of the utterance
        self._overlap = Overlap(0)  # of it, while it is one
        self._by_length = False  # it stopped a reply, and no words are known
        self._gate = SpeechGate()
        self._config = config

    @property
    def state(self) -> TurnState:
        """Where the user stands."""
        return self._state

    @property
    def may_end(self) -> bool:
        """Whether a tick may end the turn: only then it looks at levels."""
        return self._state in (TurnState.SPEAKING, TurnState.PAUSED)

    @property
    def began(self) -> int:
        """First voiced sample of the open utterance, or of the last one."""
        return self._began

    @property
    def voiced_until(self) -> int:
        """Sample after the last voice, in samples fed."""
        return self._gate.voiced_until

    @property
    def _voiced_ms(self) -> float:
        """From the first voice of the utterance to the last, pauses included."""
        return (self._gate.voiced_until - self._began) * 1000 / MIC_RATE

    def configure(self, config: TurnConfig) -> None:
        """Take new settings; they hold from the next window on."""
        self._config = config

    def playing(self, playing: bool) -> list[Decision]:
        """Tell whether a reply sounds."""
        self._playing = playing
        over = self._state in (TurnState.OVERLAP, TurnState.OVERLAP_PAUSED)
        # The last of its echo comes when the reply has ended: no turn.
        if not playing and over and not self._overlap.is_echo(self._voiced_ms):
            overlap = self._state is TurnState.OVERLAP
            self._state = TurnState.SPEAKING if overlap else TurnState.PAUSED
            return [Confirmed(self._began)]
        return []

    def window(
        self,
        probability: float,
        levels_db: Sequence[float],
        echo: Echo = Echo.UNKNOWN,
    ) -> list[Decision]:
        """Feed one window of 512 samples.

        Args:
            probability: Of speech.
            levels_db: Level of each of its four 8 ms hops.
            echo: Whether it may be the echo of a reply; such voice is none.
        """
        voiced_until, threshold = self._gate.voiced_until, self._threshold
        if probability >= threshold - HYSTERESIS:
            self._overlap.level(echo, self._voiced_ms, WINDOW * 1000 / MIC_RATE)
            probability = 0.0 if echo is Echo.ALL else probability
        start_windows = max(1, round(_samples(self._config.start_ms) / WINDOW))
        event = self._gate.push(probability, levels_db, threshold, start_windows)
        decisions: list[Decision] = []
        if event is GateEvent.STARTED:
            decisions += self._started(voiced_until)
        elif event is GateEvent.STOPPED:
            decisions += self._stopped()
        return decisions + self._judge_overlap()

    def words(
        self,
        text: str,
        complete: bool,
        own: str = "",
        language: str = "",
        doubtful: str = "",
    ) -> list[Decision]:
        """Tell what the recogniser has heard of the utterance so far.

        Args:
            text: Lower-case words.
            complete: They are known to be a whole request.
            own: Words of the reply that sounded meanwhile, and a little before.
            language: Of the words, BCP 47; ``""`` if it is not known.
            doubtful: Words that are not believed; heeded where they are only a yes.
        """
        self._text, self._complete, self._language = text, complete, language
        self._overlap.heard(text, own, self._voiced_ms, language, doubtful)
        return self._judge_overlap()

    def likely_over(self, now: int) -> bool:
        """Whether an answer is worth beginning in this pause, before the turn is over.

        Without a score, or where none comes, the words tell alone.

        Args:
            now: Samples of microphone audio so far.
        """
        silence_ms = max(1.0, (now - self._gate.voiced_until) * 1000 / MIC_RATE)
        if self._ending is not None and self._config.policy == "graded":
            if self._sounds and self._gate.voiced_until == self._scored:
                certainty = self._ending.certainty(self._evidence(), silence_ms)
                return self._complete or certainty >= HELD_CERTAINTY
            if silence_ms < SCORED_MS[1]:
                return self._complete
        return self._grade is not Completeness.INCOMPLETE

    def score(self, at: int, probability: float) -> None:
        """Tell how the turn sounds; it counts from the next tick on.

        Args:
            at: Of the ``ScoreWanted`` that it answers; what comes too late is dropped.
            probability: Of a turn-end model, that the turn is over.
        """
        if self._state is TurnState.PAUSED and at == self._scored:
            self._sounds.append(probability)

    def tick(self, now: int, pending_db: Sequence[float]) -> list[Decision]:
        """Let time pass; call it for every frame, after the windows it completed.

        Args:
            now: Samples of microphone audio so far.
            pending_db: Levels of the hops after the last full window; looked at where
                ``may_end``.
        """
        if self.may_end:
            return self._endpoint(now, pending_db)
        if self._state is TurnState.OVERLAP_PAUSED:
            wait_ms = OVERLAP_SETTLE_MS if self._text else OVERLAP_WORDLESS_MS
            settled = now - self._gate.voiced_until >= _samples(wait_ms)
            return self._settle_overlap() if settled else []
        return []

    def skip(self, n_windows: int) -> None:
        """Let windows pass that are not to be heard; the clock goes on."""
        self._gate.now += n_windows * WINDOW

    def end(self) -> None:
        """The utterance, if any, is over, by the client's decision."""
        self._end()

    @property
    def _threshold(self) -> float:
        """Probability at which speech starts; over a reply it takes more."""
        config = self._config
        overlap = self._playing and config.interrupt
        return config.threshold_playing if overlap else config.threshold

    def _started(self, voiced_until: int) -> list[Decision]:
        if self._state is TurnState.IDLE:
            self._text, self._complete, self._language = "", False, ""
            self._pauses_ms = []
            self._began = self._gate.onset
            self._overlap = Overlap(self._began)
            self._by_length = False
            overlap = self._playing and self._config.interrupt
            self._state = TurnState.OVERLAP if overlap else TurnState.SPEAKING
            return [Began(self._began, overlap)]
        if self._state in (TurnState.PAUSED, TurnState.OVERLAP_PAUSED):
            paused = self._gate.now - WINDOW - voiced_until
            self._pauses_ms.append(max(0, paused) * 1000 / MIC_RATE)
        if self._state is TurnState.PAUSED:
            self._state = TurnState.SPEAKING
            return [Resumed()]
        if self._state is TurnState.OVERLAP_PAUSED:
            self._state = TurnState.OVERLAP
        return []

    def _stopped(self) -> list[Decision]:
        if self._state is TurnState.SPEAKING:
            self._state = TurnState.PAUSED
            return [Paused(self._gate.voiced_until)]
        if self._state is TurnState.OVERLAP:
            self._state = TurnState.OVERLAP_PAUSED
        return []

    def _judge_overlap(self) -> list[Decision]:
        """Confirm an interruption as soon as length or words suffice."""
        if self._state not in (TurnState.OVERLAP, TurnState.OVERLAP_PAUSED):
            return []
        config, voiced_ms = self._config, self._voiced_ms
        if config.policy == "fixed":
            enough = voiced_ms - self._overlap.echo_ms >= config.interrupt_ms
            enough = enough and not self._overlap.is_echo(voiced_ms)
            return self._interrupt("duration") if enough else []
        match self._overlap.verdict(voiced_ms, config.confirm_ms):
            case Verdict.WAIT:
                return []
            case Verdict.DURATION:
                self._by_length = not self._text
                return self._interrupt("duration")
            case Verdict.WORDS:
                return self._interrupt("words")
            case Verdict.STOP_WORD:
                return self._interrupt("stop_word")

    def _settle_overlap(self) -> list[Decision]:
        """A short overlap has ended and its words, if any, are known."""
        length = self._gate.voiced_until - self._began
        short = length < _samples(self._config.backchannel_ms)
        known = bool(self._text) or self._overlap.explained_ms > 0
        passes = self._overlap.is_explained and (short or known)
        passes = passes or self._overlap.is_echo(self._voiced_ms)
        if self._config.policy == "fixed" or passes:
            self._end()
            return [Dismissed()]
        return self._interrupt("words")

    def _interrupt(self, reason: str) -> list[Decision]:
        overlap = self._state is TurnState.OVERLAP
        self._state = TurnState.SPEAKING if overlap else TurnState.PAUSED
        return [Interrupted(self._began, reason)]

    def _endpoint(self, now: int, pending_db: Sequence[float]) -> list[Decision]:
        if self._config.policy == "manual":
            return []
        at = self._gate.voiced_until
        if now - self._began >= self._config.max_utterance_s * MIC_RATE:
            return self._commit(at, "length")
        # Speech that resumed a moment ago is seen by its level before the next
        # window tells its probability.
        if not all(self._gate.quiet(level) for level in pending_db):
            return []
        wanted = self._want_score(now, at)
        wait_ms, reason = self._patience()
        if now - at < _samples(wait_ms + self._config.patience_ms):
            return wanted
        return self._commit(at, reason)

    def _want_score(self, now: int, at: int) -> list[Decision]:
        """Ask for a score at each of its times; that of another pause is forgotten."""
        if self._ending is None or self._config.policy != "graded":
            return []
        if at != self._scored:
            self._scored, self._sounds, self._n_wanted = at, [], 0
        passed = sum(now - at >= _samples(ms) for ms in SCORED_MS)
        if self._state is not TurnState.PAUSED or passed <= self._n_wanted:
            return []
        self._n_wanted = passed
        return [ScoreWanted(at)]

    def _patience(self) -> tuple[float, str]:
        config = self._config
        if config.policy == "fixed":
            return config.silence_ms, "silence"
        if self._by_length and not self._text:
            # Perhaps nobody wanted the turn: what was cut off is soon gone on with.
            return min(config.unclear_ms, FALSE_STOP_MS), "unclear"
        if self._ending is not None and self._sounds:
            wait_ms = self._ending.wait_ms(self._evidence(), config.certainty)
            most_ms = longest_ms(self._evidence(), config)
            if wait_ms < most_ms:
                return wait_ms, "sound"
            return most_ms, "cap" if most_ms == config.cap_ms else self._grade.value
        wait_ms = {
            Completeness.COMPLETE: config.complete_ms,
            Completeness.UNCLEAR: config.unclear_ms,
            Completeness.INCOMPLETE: config.incomplete_ms,
        }[self._grade]
        if wait_ms >= config.cap_ms:
            return config.cap_ms, "cap"
        return wait_ms, self._grade.value

    @property
    def _grade(self) -> Completeness:
        """What the words say of the turn's end."""
        return grade(self._text, self._complete, self._language)

    def _evidence(self) -> Evidence:
        return Evidence(
            sum(self._sounds) / len(self._sounds),
            self._text,
            self._complete,
            self._voiced_ms - sum(self._pauses_ms),
            self._pauses_ms,
            self._habits_ms,
            self._language,
        )

    def _commit(self, at: int, reason: str) -> list[Decision]:
        self._end()
        return [Committed(at, reason)]

    def _end(self) -> None:
        if self._state is not TurnState.IDLE:
            self._habits_ms.extend(self._pauses_ms)
            self._pauses_ms = []
        self._state = TurnState.IDLE
        self._gate.close()

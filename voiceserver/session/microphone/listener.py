"""Listening: microphone audio into utterances and turn-taking events.

Owns the microphone's ring, voice activity, the turn-taker and the open utterance of
the recogniser. Posts events and ducks the reply; starts and cancels nothing, writes
no history.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import assert_never

from voiceserver.audio import MIC_RATE, Samples
from voiceserver.clock import Clock
from voiceserver.commands import Hearing
from voiceserver.config import TurnConfig
from voiceserver.engines.base import Hypothesis, Opening, Utterance
from voiceserver.engines.notes import paid_by
from voiceserver.engines.opened import Engines
from voiceserver.engines.words import words_of
from voiceserver.errors import VoiceServerError
from voiceserver.events import (
    BargeIn,
    Event,
    Failed,
    SpeechStarted,
    SpeechStopped,
    Transcript,
    UserTurn,
)
from voiceserver.loop_turns import LISTENING
from voiceserver.purse import Purse
from voiceserver.session.microphone.looks import Looks
from voiceserver.session.microphone.own_sound import OwnSound
from voiceserver.session.microphone.preroll import FAINT, UNVOICED_MS, Preroll
from voiceserver.session.microphone.ring import BLOCK, Ring
from voiceserver.session.microphone.turn_sound import TurnSound
from voiceserver.session.microphone.voice_windows import VoiceWindows, Window
from voiceserver.session.ports import NO_TAPE, Tape
from voiceserver.turns.gate import hop_levels_db
from voiceserver.turns.overlap import ECHO_MS
from voiceserver.turns.taker import (
    Began,
    Committed,
    Confirmed,
    Decision,
    Dismissed,
    Interrupted,
    Paused,
    Resumed,
    ScoreWanted,
    TurnState,
    TurnTaker,
)

log = logging.getLogger(__name__)

RING_MS = 2000  # microphone audio not yet listened to; beyond it the oldest is dropped
HELD_LEAST_MS = 100  # less of it is no turn, as with OpenAI
_LISTENED = 50  # committed utterances nobody took; a bound, never reached in practice


class Listener:
    """Listens for one call.

    Args:
        config: Turn-taking settings.
        engines: For voice activity and recognition.
        post: Takes an event at once.
        duck: Takes the number of dB by which to lower the reply; 0 restores it.
        clock: Monotonic clock.
        dropped: Called with the number of samples dropped by the full ring.
        hint: Called with an utterance's number, words and language when its end is
            likely, and with ``""`` when the user goes on.
        ring_ms: Audio not yet listened to; beyond it the oldest is dropped.
        hearing: How the caller is heard.
        sounded: Returns the words of the reply that sounded in the last so many ms.
        purse: Pays services that recognise.
        tape: Keeps what is heard and spoken.
    """

    def __init__(
        self,
        config: TurnConfig,
        engines: Engines,
        post: Callable[[Event], None],
        duck: Callable[[float], None],
        clock: Clock,
        dropped: Callable[[int], None] = lambda _n: None,
        hint: Callable[[int, str, str], None] = lambda *_hint: None,
        ring_ms: int = RING_MS,
        hearing: Hearing = Hearing(),  # noqa: B008 - it never changes
        sounded: Callable[[float], str] = lambda _ms: "",
        purse: Purse | None = None,
        tape: Tape = NO_TAPE,
    ) -> None:
        self._tape = tape
        self._purse = purse or Purse()
        self._config = config
        self._hearing = hearing
        self._recogniser = engines.recogniser
        self._post = post
        self._duck = duck
        self._clock = clock
        self._hint = hint
        self._sounded = sounded
        self._taker = TurnTaker(config, engines.ending)
        self._sound = TurnSound(engines.turn_ends)
        self._own = OwnSound()
        self._windows = VoiceWindows(engines.vad, self._own.explains, self._looked)
        self._echo = engines.echo
        self._ring = Ring(ring_ms * MIC_RATE // 1000, dropped)
        self._listened = asyncio.Event()
        self._preroll = Preroll()
        self._now = 0  # samples listened to
        self._number = 0  # of the open utterance, or of the last one
        self._utterance: Utterance | None = None
        self._utterance_at = 0  # its first sample
        self._told = self._hinted = Hypothesis()
        self._committed: dict[int, Utterance | None] = {}
        self._started = False  # SpeechStarted or BargeIn was posted for it
        self._cancel_echo(config.far_field)

    def hear(self, samples: Samples, made_up: bool = False) -> None:
        """Take microphone audio, 16 kHz; the oldest is dropped when nobody listens.

        Args:
            samples: Any length.
            made_up: They stand for audio that did not arrive; no speech begins there.
        """
        self._tape.heard(samples, made_up)
        may_wait = (
            self._utterance is None
            and not (made_up or self._ring.due or self._manual)
            and self._taker.state is TurnState.IDLE
            and self._windows.may_wait(samples, self._ring.n_samples)
        )
        self._ring.put(samples, made_up, may_wait)

    @property
    def now(self) -> int:
        """Samples listened to."""
        return self._now

    @property
    def backlog_ms(self) -> float:
        """Audio not yet listened to."""
        return self._ring.n_samples * 1000 / MIC_RATE

    def hurry(self) -> None:
        """Have all audio listened to soon, quiet as it may be."""
        self._ring.hurry()

    async def caught_up(self, backlog_ms: float) -> None:
        """Wait until no more than this is not yet listened to."""
        while self.backlog_ms > backlog_ms:
            self.hurry()
            self._listened.clear()
            await self._listened.wait()

    def commit(self) -> bool:
        """End the turn here; False if there is nothing to end.

        What was heard before has been listened to.
        """
        self._look()
        if self._taker.state is TurnState.IDLE:
            held_ms = self._preroll.n_heard * 1000 // MIC_RATE
            if not self._manual or held_ms < HELD_LEAST_MS:
                return False
            self._open_utterance(self._now)
        if not self._started:
            self._start(SpeechStarted(self._number, self._now))
        self._taker.end()
        self._commit(self._now, "client")
        return True

    def clear(self) -> None:
        """Forget what was heard and not committed."""
        self._windows.look()
        # Its time has passed all the same: the turn-taker counts what it is fed.
        self._now += self._ring.n_samples
        self._taker.skip(self._windows.skip(self._ring.n_samples))
        self._ring.clear()
        self._listened.set()
        self._preroll.forget()
        self._duck(0)
        self._taker.end()
        self._close_utterance()

    def configure(self, config: TurnConfig, hearing: Hearing) -> None:
        """Take new settings; how the caller is heard holds from the next utterance."""
        self._look()
        self._hearing = hearing
        manual = config.policy == "manual"
        if manual != self._manual:  # what was heard for the other is forgotten
            self._preroll.forget()
        if config.far_field != self._config.far_field:
            self._cancel_echo(config.far_field)
        self._config = config
        self._taker.configure(config)

    def _cancel_echo(self, wanted: bool) -> None:
        """Take the echo of replies out of what is heard, where that can be had."""
        engine = self._echo if wanted else None
        self._own.cancel_by(engine.open() if engine else None)

    def own_audio(self, samples: Samples, in_s: float) -> None:
        """Take audio of the reply on its way to the ear, for its echo.

        Args:
            samples: 24 kHz, as loud as they are sent.
            in_s: When they should begin to sound there.
        """
        self._tape.spoke(samples, in_s)
        self._own.goes_out(samples, self._arriving + round(in_s * MIC_RATE))

    @property
    def _arriving(self) -> int:
        """The sample that the microphone gives at this moment."""
        return self._now + self._ring.n_samples

    def playing(self, playing: bool) -> None:
        """Tell whether a reply sounds at this moment."""
        self._look()
        if not playing:
            self._tape.silenced()
            self._own.silenced(self._arriving)
        self._obey(self._taker.playing(playing))

    def take(self, number: int) -> Utterance | None:
        """Hand over a committed utterance; the caller closes it. None if it failed."""
        return self._committed.pop(number, None)

    async def run(self) -> None:
        """Listen until cancelled; open utterances are closed then."""
        try:
            looks = Looks.here()
            with looks.one_more():
                while True:
                    await self._listen_on(looks)
        finally:
            self._close_utterance()
            for utterance in self._committed.values():
                if utterance is not None:
                    utterance.close()
            self._committed.clear()

    async def _listen_on(self, looks: Looks) -> None:
        """Listen to the next block, once there is one."""
        await self._ring.wait()
        await LISTENING.room(self._clock)
        if (block := self._ring.take()) is None:  # it is not to be heard any more
            return
        self._take_in(*block)
        if self._windows.due:
            await looks.look(self._windows, behind=self._ring.due)
        self._conclude()
        self._listened.set()
        if self._ring.due:  # one call's backlog stops no other call
            await asyncio.sleep(0)

    def _look(self) -> None:
        """Look at what waits, before something changes what it means."""
        if not self._ring.due and (block := self._ring.take()) is not None:
            self._take_in(*block)
        self._windows.look()

    def _take_in(self, samples: Samples, made_up: bool) -> None:
        # Who speaks is told by what is left without the echo; recognisers hear better
        # what came in (``benchmarks.double_talk``).
        samples, cleaned = self._own.cleaned(samples, self._now)
        self._now += len(samples)
        for at in range(0, len(samples), BLOCK):
            self._preroll.add(samples[at : at + BLOCK], self._manual)
        if self._utterance is not None and not self._manual:
            self._utterance.push(samples)
            self._sound.add(samples)
        idle = self._taker.state is TurnState.IDLE and not self._manual
        self._windows.add(cleaned, self._now, made_up, idle)

    def _conclude(self) -> None:
        """What follows from what was heard, once it was looked at as far as it is."""
        self._push_voiced()
        if self._utterance is not None and not self._manual:
            self._utterance.voiced(self._taker.voiced_until - self._utterance_at)
        self._read_words()
        # Levels after the last window matter only where a turn may end at them.
        pending = self._windows.pending
        pending_db = hop_levels_db(pending) if self._taker.may_end else ()
        self._obey(self._taker.tick(self._now, pending_db))
        self._foresee()

    def _looked(self, window: Window, probability: float) -> None:
        """Take what a window was."""
        if probability >= FAINT and self._manual:  # nobody else asks what is near one
            self._preroll.voice(self._now - window.at)
        self._obey(self._taker.window(probability, window.levels_db, window.echo))

    @property
    def _manual(self) -> bool:
        """Whether the client ends turns: quiet between its words is not decoded."""
        return self._config.policy == "manual"

    def _push_voiced(self) -> None:
        if self._manual and self._utterance is not None:
            for samples in self._preroll.take_voiced():
                self._utterance.push(samples)

    def _read_words(self) -> None:
        if self._utterance is None:
            return
        hypothesis = self._utterance.latest
        if hypothesis == self._told:
            return
        is_news = hypothesis.text != self._told.text
        self._told = hypothesis
        # The words of an overlap are for the turn-taker alone until it is a turn.
        if self._started and is_news:
            self._post(Transcript(self._number, hypothesis.text, final=False))
        self._obey(
            self._taker.words(
                hypothesis.words,
                hypothesis.complete,
                self._own_words(),
                hypothesis.language or self._recogniser.language,
                hypothesis.doubtful,
            )
        )
        if hypothesis.ended is not None:
            self._taker.score(self._taker.voiced_until, hypothesis.ended)
        self._foresee()

    def _own_words(self) -> str:
        """Words of the reply that may be heard in the open utterance, as an echo."""
        if self._started:
            return ""
        since_ms = (self._now - self._taker.began) * 1000 / MIC_RATE
        return words_of(self._sounded(since_ms + ECHO_MS))

    def _foresee(self) -> None:
        """Hint at a likely end, once for the same words."""
        told = self._told
        if self._taker.state is not TurnState.PAUSED or not told.text:
            return
        if told != self._hinted and self._taker.likely_over(self._now):
            self._hinted = told
            self._hint(self._number, told.text, told.language)

    def _obey(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            self._act(decision)

    def _act(self, decision: Decision) -> None:
        match decision:
            case Began(at, overlap):
                self._open_utterance(at, overlap)
                if overlap:
                    self._duck(self._config.duck_db)
                else:
                    self._start(SpeechStarted(self._number, at))
            case Confirmed(at):
                self._start(SpeechStarted(self._number, at))
            case Interrupted(at, reason):
                self._start(BargeIn(self._number, at, reason))
            case Dismissed():
                self._duck(0)
                self._close_utterance()
            case Paused(at):
                self._post(SpeechStopped(self._number, at))
                self._foresee()
            case Resumed():
                self._sound.withdraw()
                self._hinted = Hypothesis()
                self._hint(self._number, "", "")
            case ScoreWanted(at):
                self._ask_of_end(at)
            case Committed(at, reason):
                self._commit(at, reason)
            case _:
                assert_never(decision)

    def _ask_of_end(self, at: int) -> None:
        if self._told.ended is not None:
            self._taker.score(at, self._told.ended)
        self._sound.ask(partial(self._taker.score, at))

    def _start(self, event: SpeechStarted | BargeIn) -> None:
        self._started = True
        self._post(event)
        if self._told.text:
            self._post(Transcript(self._number, self._told.text, final=False))

    def _open_utterance(self, at: int, overlap: bool = False) -> None:
        self._close_utterance()
        self._number += 1
        asked = self._hearing
        try:
            self._utterance = self._recogniser.open(
                Opening(
                    asked.language,
                    asked.prompt,
                    overlap,
                    asked.timed,
                    observe=paid_by(self._purse.pay_beside),
                    thrift=lambda: self._purse.thrift,
                )
            )
        except VoiceServerError as error:
            log.warning("no recogniser for an utterance", extra={"why": str(error)})
            self._post(Failed("recogniser", str(error)))
            return
        if self._manual and self._preroll.voiced:
            self._push_voiced()
        else:
            before_ms = UNVOICED_MS if self._manual else self._config.prefix_ms
            wanted = self._now - at + before_ms * MIC_RATE // 1000
            before = self._preroll.newest(wanted)
            self._utterance_at = self._now - len(before)
            self._utterance.push(before)
            self._sound.begin(before)

    def _commit(self, at: int, reason: str) -> None:
        utterance, self._utterance = self._utterance, None
        self._started, self._told = False, Hypothesis()
        self._hinted = Hypothesis()
        self._sound.forget()
        if len(self._committed) >= _LISTENED:
            forgotten = self._committed.pop(next(iter(self._committed)))
            if forgotten is not None:
                forgotten.close()
        self._committed[self._number] = utterance
        if self._manual:
            self._preroll.forget()
        now_ns = self._clock.now_ns()
        self._post(UserTurn(self._number, at, self._now, now_ns, reason))

    def _close_utterance(self) -> None:
        if self._utterance is not None:
            self._utterance.close()
        self._utterance = None
        self._started, self._told = False, Hypothesis()
        self._hinted = Hypothesis()
        self._sound.forget()

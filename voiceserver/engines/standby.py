"""A recogniser and another that takes over from it, within a turn if need be.

From the beginning where the first cannot be loaded, while its process starts anew, and
in the middle of an utterance whose process died: the standby gets the audio that was
kept. Whoever waits for the words notices other words at most. Knows neither engine.
"""

from __future__ import annotations

import logging
from types import TracebackType

from voiceserver.audio import MIC_RATE, Samples
from voiceserver.engines.base import DICTATION, Hypothesis, Opening, Utterance
from voiceserver.engines.remote.recogniser import RemoteRecogniser
from voiceserver.engines.remote.utterance import RemoteUtterance
from voiceserver.errors import EngineFailed, Overloaded

log = logging.getLogger(__name__)

KEPT_S = 60  # of an utterance's audio; the newest


class WithStandby:
    """A ``Recogniser``; an asynchronous context manager that runs both.

    Args:
        first: Hears as long as it can.
        standby: Hears else.
    """

    def __init__(self, first: RemoteRecogniser, standby: RemoteRecogniser) -> None:
        self._first = first
        self._standby = standby
        self._given_up = False  # the first could not be loaded

    @property
    def name(self) -> str:
        """Of the one that hears."""
        return self._hears.name

    @property
    def language(self) -> str:
        """What that one writes down."""
        return self._hears.language

    @property
    def speaking(self) -> int:
        """Utterances that are open with that one."""
        return self._hears.speaking

    @property
    def at_ease(self) -> int:
        """How many that one hears before words are late."""
        return self._hears.at_ease

    @property
    def _hears(self) -> RemoteRecogniser:
        return self._standby if self._given_up else self._first

    async def __aenter__(self) -> WithStandby:
        await self._standby.__aenter__()
        await self._first.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._first.__aexit__(kind, error, traceback)
        finally:
            await self._standby.__aexit__(kind, error, traceback)

    async def ready(self) -> None:
        """Wait until one of them can hear, and the other if it can.

        Raises:
            EngineFailed: If neither can be started: why the first was not.
        """
        why: EngineFailed | None = None
        try:
            await self._first.ready()
        except EngineFailed as error:
            why, self._given_up = error, True
        try:
            await self._standby.ready()
        except EngineFailed as error:
            if why is not None:
                raise why from error
            log.warning("there is no standby", extra={"why": str(error)})
        if why is not None:
            log.warning(
                "another recogniser hears instead",
                extra={"engine": self._standby.name, "why": str(why)},
            )

    def open(self, opening: Opening = DICTATION) -> Utterance:
        """Begin an utterance, with whoever can hear it.

        Raises:
            Overloaded: If too many are waiting already.
        """
        if self._given_up or not self._first.up:
            return self._standby.open(opening)
        return _Kept(self._first.open(opening), self._standby, opening)


class _Kept:
    """An utterance of the first; its audio is kept for the standby."""

    def __init__(
        self, first: RemoteUtterance, standby: RemoteRecogniser, opening: Opening
    ) -> None:
        self._first = first
        self._standby = standby
        self._opening = opening
        self._audio: list[Samples] = []
        self._n_kept = 0
        self._second: RemoteUtterance | None = None
        self._closed = False

    @property
    def latest(self) -> Hypothesis:
        """The newest hypothesis of the one that hears now."""
        return (self._second or self._first).latest

    def push(self, samples: Samples) -> None:
        """Add audio; the standby is given all of it once the first has failed."""
        if self._second is not None:
            self._second.push(samples)
            return
        self._audio.append(samples)
        self._n_kept += len(samples)
        while self._n_kept > KEPT_S * MIC_RATE and len(self._audio) > 1:
            self._n_kept -= len(self._audio.pop(0))
        if not self._first.dead or self._closed:
            self._first.push(samples)
            return
        try:
            self._take_over()
        except Overloaded:
            # Many were left at once. What is kept is given with the audio to come, or
            # at the end.
            log.debug("the standby has no room for an utterance yet")

    def voiced(self, until: int) -> None:
        """Tell where the last voice ended."""
        (self._second or self._first).voiced(until)

    async def final(self) -> Hypothesis:
        """Wait for the final hypothesis, of the standby if the first fails.

        Raises:
            EngineFailed: If neither gives one, or it was closed.
            Overloaded: If the first failed, and the standby has no room.
        """
        if self._second is None:
            try:
                return await self._first.final()
            except EngineFailed:
                if self._closed:
                    raise
        second = self._second or self._take_over()
        return await second.final()

    def close(self) -> None:
        """Stop the work; may be called at any time."""
        self._closed = True
        self._audio.clear()
        self._first.close()
        if self._second is not None:
            self._second.close()

    def _take_over(self) -> RemoteUtterance:
        """Have the standby hear what is kept.

        Raises:
            Overloaded: If it has no room.
        """
        self._first.close()
        self._second = second = self._standby.open(self._opening)
        log.warning(
            "another recogniser takes an utterance over",
            extra={"engine": self._standby.name},
        )
        for samples in self._audio:
            second.push(samples)
        self._audio.clear()
        return second

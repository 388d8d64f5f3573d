"""A turn-end model that runs in a process of its own.

Asked in a pause, it tells its probability a few dozen milliseconds later, or never:
where the process is down, hung or has too much to do, nobody waits for it. Knows not
what the probability is good for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import cast

from voiceserver.audio import Samples, to_int16
from voiceserver.engines.base import Withdraw
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics
from voiceserver.processes.ipc import Meta
from voiceserver.processes.process import ChildSpec
from voiceserver.processes.supervised import Job, Supervised

log = logging.getLogger(__name__)

CHILD = "voiceserver.engines.remote.child"
SLOTS = 8  # pauses scored or waiting; a core scores some ten a second


def turn_ends_spec(name: str, core: str, settings: Meta | None = None) -> ChildSpec:
    """Describe the process of a turn-end core.

    Args:
        name: Of the engine, for messages and metrics.
        core: ``"module:factory"`` of the core.
        settings: What the factory takes.
    """
    return ChildSpec(
        name, CHILD, {**(settings or {}), "kind": "turn_ends", "core": core}
    )


class RemoteTurnEnds:
    """A ``TurnEnds``; an asynchronous context manager that runs its process.

    Args:
        spec: The process, from ``turn_ends_spec``.
        metrics: Counts restarts and late messages.
        needed: Whether it is an error if it cannot be started; else it is logged, and
            turns end without it.
    """

    def __init__(self, spec: ChildSpec, metrics: Metrics, needed: bool = True) -> None:
        self._needed = needed
        self._child = Supervised(
            spec,
            SLOTS,
            restarted=metrics.restarts.labels(spec.name).inc,
            late=metrics.dropped.labels("engine_late").inc,
        )

    @property
    def name(self) -> str:
        """Name in ledger and metrics."""
        return self._child.name

    @property
    def pid(self) -> int | None:
        """Process id while it is up."""
        return self._child.pid

    async def __aenter__(self) -> RemoteTurnEnds:
        await self._child.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._child.__aexit__(kind, error, traceback)

    async def ready(self) -> None:
        """Wait until it is warmed up.

        Raises:
            EngineFailed: If it is needed and cannot be started; says why.
        """
        try:
            await self._child.ready()
        except EngineFailed as error:
            if self._needed:
                raise
            log.warning("turns end without a model", extra={"why": str(error)})

    def score(self, samples: Samples, told: Callable[[float], None]) -> Withdraw:
        """Ask for the probability that a turn has ended; returns at once."""
        if not self._child.free:
            return _nothing
        answer = _Answer(told)
        job: Job = self._child.open({}, answer)
        job.push(to_int16(samples).tobytes())
        job.finish()
        return job.cancel


def _nothing() -> None:
    """There is nothing to withdraw."""


class _Answer:
    """Takes the probability."""

    def __init__(self, told: Callable[[float], None]) -> None:
        self._told = told

    def item(self, meta: Meta, body: bytes) -> None:
        """There are none."""

    def ended(self, meta: Meta, body: bytes) -> None:
        """Tell it."""
        self._told(float(cast(float, meta["probability"])))

    def failed(self, why: str) -> None:
        """A pause goes without a score."""
        log.warning("a pause could not be scored", extra={"why": why})

    def lost(self, why: str) -> None:
        """The process died, which is logged there."""

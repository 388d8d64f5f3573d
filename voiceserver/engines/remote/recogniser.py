"""A recogniser whose cores run in processes of their own: who has a place in which.

An utterance leases a place in a process from its first audio to its end; how many a
process has, its core says. What becomes of it there is ``utterance``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from types import TracebackType

from voiceserver.engines.base import DICTATION, Opening
from voiceserver.engines.remote.utterance import RemoteUtterance
from voiceserver.errors import Overloaded
from voiceserver.metrics import Metrics
from voiceserver.processes.ipc import Meta
from voiceserver.processes.process import ChildSpec
from voiceserver.processes.supervised import Supervised

CHILD = "voiceserver.engines.remote.child"
MAX_WAITING = 16  # utterances that wait for a process


def recogniser_spec(
    name: str, core: str, settings: Meta | None = None, kind: str = "recogniser"
) -> ChildSpec:
    """Describe the process of a recogniser core.

    Args:
        name: Of the engine, for messages and metrics.
        core: ``"module:factory"`` of the core.
        settings: What the factory takes.
        kind: Of the core, as ``remote.child`` names them.
    """
    return ChildSpec(name, CHILD, {**(settings or {}), "kind": kind, "core": core})


class RemoteRecogniser:
    """A ``Recogniser``; an asynchronous context manager that runs its processes.

    Args:
        spec: One process, from ``recogniser_spec``.
        processes: How many.
        metrics: Counts restarts, late messages and audio beyond the longest utterance.
        relieved: Somebody else takes an utterance over that no process is up for.
    """

    def __init__(
        self,
        spec: ChildSpec,
        processes: int,
        metrics: Metrics,
        relieved: bool = False,
    ) -> None:
        self._name = spec.name
        self._relieved = relieved
        self._metrics = metrics
        self._language = ""
        self._waiting: deque[RemoteUtterance] = deque()
        self._alone: dict[Supervised, RemoteUtterance] = {}  # in its last try
        self._children = tuple(
            Supervised(
                spec,
                1,
                self._lease,
                metrics.restarts.labels(spec.name).inc,
                metrics.dropped.labels("engine_late").inc,
            )
            for _ in range(processes)
        )
        self._stack = AsyncExitStack()
        self._closed = False

    @property
    def name(self) -> str:
        """Name in ledger and metrics."""
        return self._name

    @property
    def language(self) -> str:
        """What its core writes down; ``""`` before it is ready."""
        return self._language

    @property
    def pids(self) -> Sequence[int]:
        """Ids of the processes that are up."""
        return [child.pid for child in self._children if child.pid is not None]

    @property
    def up(self) -> bool:
        """Whether any process is up."""
        return any(child.pid is not None for child in self._children)

    @property
    def replays(self) -> bool:
        """Whether an utterance whose process died waits for the next."""
        return not self._relieved or self.up

    @property
    def speaking(self) -> int:
        """Utterances that are open, those that wait for a place included."""
        return sum(child.running for child in self._children) + len(self._waiting)

    @property
    def at_ease(self) -> int:
        """How many may be open before their words are late; 0 while none is up."""
        told = [child.about.get("at_ease", child.slots) for child in self._children]
        return sum(n for n in told if isinstance(n, int))

    @property
    def waiting(self) -> int:
        """Utterances that wait for a place."""
        return len(self._waiting)

    async def __aenter__(self) -> RemoteRecogniser:
        for child in self._children:
            await self._stack.enter_async_context(child)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closed = True
        while self._waiting:
            self._waiting.popleft().refuse("the server ends")
        await self._stack.__aexit__(kind, error, traceback)

    async def ready(self) -> None:
        """Wait until every core is warmed up.

        Raises:
            EngineFailed: If one cannot be started; says why.
        """
        for child in self._children:
            await child.ready()
            self._language = str(child.about.get("language", self._language))

    def open(self, opening: Opening = DICTATION) -> RemoteUtterance:
        """Begin an utterance; it waits with its audio if no place is free.

        Args:
            opening: Told to the core, which heeds what it can.

        Raises:
            Overloaded: If too many are waiting already.
        """
        if len(self._waiting) >= MAX_WAITING:
            raise Overloaded(f"{self._name}: too many utterances are waiting")
        utterance = RemoteUtterance(self, opening)
        self.queue(utterance)
        return utterance

    def queue(self, utterance: RemoteUtterance, first: bool = False) -> None:
        """Let an utterance wait for a place; one that lost its own goes first."""
        if self._closed:
            utterance.refuse("the server ends")
        elif first:
            self._waiting.appendleft(utterance)
        else:
            self._waiting.append(utterance)
        self._lease()

    def forget(self, utterance: RemoteUtterance) -> None:
        """Let an utterance wait no longer."""
        if utterance in self._waiting:
            self._waiting.remove(utterance)

    def dropped(self, samples: int) -> None:
        """Count audio beyond the longest utterance."""
        self._metrics.dropped.labels("utterance").inc(samples)

    def _lease(self) -> None:
        while self._waiting:
            utterance = self._waiting[0]
            child = max(self._children, key=self._places)
            if utterance.last_try:
                child = next((each for each in self._children if each.idle), child)
                if not child.idle:
                    return  # and nobody else before it, or that would never be
                self._alone[child] = utterance
            elif not self._places(child):
                return
            self._waiting.popleft()
            utterance.leased(child.open(utterance.told, utterance))

    def _places(self, child: Supervised) -> int:
        """How many utterances may still be given to a process."""
        holder = self._alone.get(child)
        return 0 if holder is not None and holder.decoding else child.free

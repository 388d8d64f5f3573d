"""Jobs of a child: slots, generations, cancels, stale answers. No process is needed."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.virtual_time import run_virtual
from voiceserver.errors import EngineFailed
from voiceserver.processes import ipc
from voiceserver.processes.ipc import Kind, Message, Meta
from voiceserver.processes.supervised import CANCEL_LIMIT_S, Job, Jobs


class Sink:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def item(self, meta: Meta, body: bytes) -> None:
        self.told.append(f"item {body.decode()}")

    def ended(self, meta: Meta, body: bytes) -> None:
        self.told.append("ended")

    def failed(self, why: str) -> None:
        self.told.append(f"failed {why}")

    def lost(self, why: str) -> None:
        self.told.append(f"lost {why}")


class Child:
    """Jobs with two slots, and what they sent and counted."""

    def __init__(self, slots: int = 2) -> None:
        self.sent: list[Message] = []
        self.late = 0
        self.freed = 0
        self.hung = 0
        self.jobs = Jobs(
            self.sent.append,
            slots,
            lambda: self._count("freed"),
            lambda: self._count("late"),
            lambda: self._count("hung"),
        )

    def _count(self, name: str) -> None:
        setattr(self, name, getattr(self, name) + 1)

    def answer(self, job: Job, kind: Kind, body: bytes = b"") -> None:
        self.jobs.receive(
            Message(kind, job.slot, job.generation, {"why": "because"}, body)
        )

    def kinds(self) -> list[Kind]:
        return [message.kind for message in self.sent]


def test_a_job_tells_its_items_and_its_end() -> None:
    """Items, then the end, which frees the slot."""

    async def scenario() -> None:
        child, sink = Child(), Sink()
        job = child.jobs.open("x", {}, sink)
        child.answer(job, Kind.ITEM, b"a")
        child.answer(job, Kind.END)
        await asyncio.sleep(0)
        assert sink.told == ["item a", "ended"]
        assert (child.jobs.free, child.freed) == (2, 1)

    run_virtual(scenario())


def test_a_request_beyond_its_bound_takes_no_slot() -> None:
    """It is refused, and the next job opens."""

    async def scenario() -> None:
        child = Child(slots=1)
        child.jobs.send = lambda message: child.sent.append(
            ipc.decode(ipc.encode(message))
        )
        with pytest.raises(EngineFailed, match="too long"):
            child.jobs.open("x", {"text": "a" * ipc.MAX_META}, Sink())
        assert child.jobs.free == 1 and child.jobs.idle
        child.jobs.open("x", {}, Sink())
        assert child.kinds() == [Kind.OPEN]

    run_virtual(scenario())


def test_a_job_whose_replica_died_may_be_asked_again() -> None:
    """The child lives, and the slot is free."""

    async def scenario() -> None:
        child, sink = Child(), Sink()
        job = child.jobs.open("x", {}, sink)
        child.answer(job, Kind.LOST)
        await asyncio.sleep(0)
        assert sink.told == ["lost because"]
        assert (child.jobs.free, child.freed) == (2, 1)

    run_virtual(scenario())


def test_nothing_is_told_after_a_cancel_and_the_slot_waits_for_the_answer() -> None:
    """Output of a cancelled job is dropped and counted; its slot is not free."""

    async def scenario() -> None:
        child, sink = Child(slots=1), Sink()
        job = child.jobs.open("x", {}, sink)
        job.cancel()
        job.cancel()
        child.answer(job, Kind.ITEM, b"a")
        assert (child.jobs.free, child.late) == (0, 1)
        with pytest.raises(EngineFailed, match="too many"):
            child.jobs.open("x", {}, Sink())
        child.answer(job, Kind.CANCELLED)
        assert child.jobs.free == 1
        assert sink.told == []
        assert child.kinds() == [Kind.OPEN, Kind.CANCEL]

    run_virtual(scenario())


def test_an_end_that_crosses_the_cancel_frees_the_slot() -> None:
    """The child had finished before it read the cancel."""

    async def scenario() -> None:
        child = Child(slots=1)
        job = child.jobs.open("x", {}, Sink())
        job.cancel()
        child.answer(job, Kind.END)
        await asyncio.sleep(2 * CANCEL_LIMIT_S)
        assert (child.jobs.free, child.hung) == (1, 0)

    run_virtual(scenario())


def test_a_message_of_an_old_generation_reaches_nobody() -> None:
    """The next job of a slot never gets what was meant for the last."""

    async def scenario() -> None:
        child, sink = Child(slots=1), Sink()
        old = child.jobs.open("x", {}, Sink())
        child.answer(old, Kind.END)
        new = child.jobs.open("x", {}, sink)
        assert (new.slot, new.generation) != (old.slot, old.generation)
        child.answer(old, Kind.ITEM, b"stale")
        assert sink.told == []
        assert child.late == 1

    run_virtual(scenario())


def test_a_cancel_that_is_not_answered_ends_the_child() -> None:
    """A child that hangs in one step is killed after a while."""

    async def scenario() -> None:
        child = Child()
        child.jobs.open("x", {}, Sink()).cancel()
        await asyncio.sleep(CANCEL_LIMIT_S - 0.1)
        assert child.hung == 0
        await asyncio.sleep(0.2)
        assert child.hung == 1

    run_virtual(scenario())


def test_a_lost_child_is_told_to_every_job_once() -> None:
    """Cancelled jobs hear nothing of it, and no watchdog stays."""

    async def scenario() -> None:
        child, sink, cancelled = Child(), Sink(), Sink()
        child.jobs.open("x", {}, sink)
        child.jobs.open("x", {}, cancelled).cancel()
        child.jobs.lost("signal 9")
        child.jobs.lost("signal 9")
        await asyncio.sleep(2 * CANCEL_LIMIT_S)
        assert sink.told == ["lost signal 9"]
        assert cancelled.told == []
        assert (child.hung, child.jobs.free) == (0, 0)

    run_virtual(scenario())


def test_long_input_is_cut_into_messages() -> None:
    """A push beyond the bound of a message is several."""

    async def scenario() -> None:
        child = Child()
        job = child.jobs.open("x", {}, Sink())
        job.push(bytes(ipc.MAX_BODY + 1))
        job.finish()
        job.credit(3)
        assert child.kinds()[1:] == [Kind.PUSH, Kind.PUSH, Kind.FINISH, Kind.CREDIT]
        child.answer(job, Kind.FAILED)
        job.push(b"late")
        assert len(child.sent) == 5

    run_virtual(scenario())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ociefx"), st.integers(0, 5)), max_size=60))
def test_no_order_of_events_mixes_jobs_up(steps: list[tuple[str, int]]) -> None:
    """Each sink hears items and at most one end of its own job alone."""

    async def scenario() -> None:
        child = Child(slots=3)
        jobs: list[tuple[Job, Sink]] = []
        for step, number in steps:
            if step == "o" and child.jobs.free:
                sink = Sink()
                jobs.append((child.jobs.open("x", {}, sink), sink))
            elif jobs:
                job, _ = jobs[number % len(jobs)]
                if step == "c":
                    job.cancel()
                else:
                    kind = {"i": Kind.ITEM, "e": Kind.END, "f": Kind.FAILED}
                    body = str(job.generation).encode()
                    child.answer(job, kind.get(step, Kind.CANCELLED), body)
        child.jobs.lost("over")
        for job, sink in jobs:
            ends = [told for told in sink.told if not told.startswith("item")]
            assert len(ends) <= 1
            assert sink.told[-1:] == ends or not ends
            items = [told for told in sink.told if told.startswith("item")]
            assert set(items) <= {f"item {job.generation}"}

    run_virtual(scenario())

"""The circuit breaker, by example and as a state machine."""

from __future__ import annotations

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from voiceserver.engines.providers.breaker import (
    BACK_OFF_S,
    JITTER,
    LONGEST_S,
    Breaker,
    BreakerState,
)


def breaker() -> Breaker:
    return Breaker(random.Random(1))


def test_three_failures_in_a_row_open_it() -> None:
    """A success in between starts the count again."""
    it = breaker()
    for kind in ("error", "late"):
        it.failed(0, kind)
    it.succeeded()
    it.failed(0, "error")
    it.failed(0, "late")
    assert it.admits
    it.failed(0, "error")
    assert it.state is BreakerState.OPEN and not it.admits


def test_one_failure_in_four_opens_it_in_time() -> None:
    """5 of 20 are more than a fifth, though never three in a row."""
    it = breaker()
    for _ in range(4):
        for _ in range(3):
            it.succeeded()
        it.failed(0, "error")
        assert it.admits
    for _ in range(3):
        it.succeeded()
    it.failed(0, "error")
    assert it.state is BreakerState.OPEN


def test_slow_first_words_open_it() -> None:
    """6 of 10; lost races are among them."""
    it = breaker()
    for slow in [True] * 5 + [False] * 4:
        it.began(slow, 0)
    assert it.admits
    it.began(True, 0)
    assert it.state is BreakerState.OPEN


def test_back_off_doubles_up_to_its_bound() -> None:
    """5, 10, 20 ... 120 s, each up to a fifth more or less."""
    it, now, expected = breaker(), 0.0, BACK_OFF_S
    for _ in range(3):
        it.failed(now, "error")
    for _ in range(8):
        assert it.probe_s is not None
        waited = it.probe_s - now
        assert expected * (1 - JITTER) <= waited <= expected * (1 + JITTER)
        now = it.probe_s
        it.probing()
        assert it.state is BreakerState.HALF_OPEN and not it.admits
        it.probed(now, good=False)
        expected = min(LONGEST_S, expected * 2)
    it.probing()
    it.probed(now, good=True)
    assert it.admits and it.probe_s is None


def test_retry_after_is_honoured() -> None:
    """To the second, by the first answer that says so."""
    it = breaker()
    it.failed(100, "busy", 7)
    assert it.probe_s == 107


@pytest.mark.parametrize(
    ("kind", "state"),
    [("misconfigured", BreakerState.MISCONFIGURED), ("pin", BreakerState.MISMATCH)],
)
def test_what_asking_again_cannot_mend_stays_out(
    kind: str, state: BreakerState
) -> None:
    """No probe: somebody has to look."""
    it = breaker()
    it.failed(0, kind)
    assert it.state is state and it.probe_s is None and not it.admits


def test_the_operator_takes_a_provider_out() -> None:
    """Whatever happens meanwhile, until it is put back."""
    it = breaker()
    it.drain(True)
    it.failed(0, "error")
    assert it.state is BreakerState.DRAINED
    it.drain(False)
    assert it.admits


class Machine(RuleBasedStateMachine):
    """Anything may happen in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.it = breaker()
        self.now = 0.0

    @rule(seconds=st.floats(0, 200))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(kind=st.sampled_from(["error", "late", "busy", "misconfigured", "pin"]))
    def fail(self, kind: str) -> None:
        before = self.it.state
        self.it.failed(self.now, kind, 3.0 if kind == "busy" else 0.0)
        if before is BreakerState.CLOSED and kind == "busy":
            assert self.it.state is BreakerState.OPEN

    @rule(slow=st.booleans())
    def begin(self, slow: bool) -> None:
        self.it.began(slow, self.now)

    @rule()
    def succeed(self) -> None:
        before = self.it.state
        self.it.succeeded()
        assert self.it.state is before

    @rule(good=st.booleans())
    def probe(self, good: bool) -> None:
        due = self.it.probe_s
        if due is None or due > self.now:
            return
        self.it.probing()
        self.it.probed(self.now, good)
        assert self.it.admits == good

    @rule(drained=st.booleans())
    def drain(self, drained: bool) -> None:
        self.it.drain(drained)

    @invariant()
    def an_open_breaker_is_probed_in_bounded_time(self) -> None:
        if self.it.state is BreakerState.OPEN:
            assert self.it.probe_s is not None
            assert self.it.probe_s <= self.now + LONGEST_S * (1 + JITTER)
        else:
            assert self.it.probe_s is None


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, deadline=None)


def test_a_refused_request_is_no_fault_of_the_provider() -> None:
    """Others are answered, however many of one client's are refused."""
    it = breaker()
    for _ in range(50):
        it.failed(0, "refused")
    assert it.admits


def test_many_refusals_are_a_reason_to_probe() -> None:
    """It is asked meanwhile; a good probe proves that it was the requests."""
    it = breaker()
    for _ in range(3):
        it.failed(7, "refused")
    assert it.probe_s == 7
    it.probing()
    it.probed(8, True)
    assert it.admits


def test_a_probe_that_is_refused_opens_it() -> None:
    """It refuses everybody."""
    it = breaker()
    it.doubted(0)
    it.probing()
    it.probed(1, False, "refused")
    assert not it.admits

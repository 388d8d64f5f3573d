"""What the arrival of packets tells of the network."""

from __future__ import annotations

import pytest

from voiceserver.media.arrivals import Arrivals, SlidingMax


def test_the_largest_of_the_last_windows_counts() -> None:
    """And is forgotten after two of them."""
    largest = SlidingMax(100)
    largest.add(9, 0)
    largest.add(3, 100)
    assert largest.value == 9
    largest.add(2, 200)
    assert largest.value == 3


def test_an_idle_time_forgets_all() -> None:
    """What was before it says nothing of now."""
    largest = SlidingMax(100)
    largest.add(9, 0)
    largest.add(1, 1_000)
    assert largest.value == 1


def test_a_steady_network_has_neither_jitter_nor_spread() -> None:
    """However far apart the two clocks are."""
    arrivals = Arrivals()
    for index in range(100):
        arrivals.add(index * 20, index * 20 + 123_456)
    assert (arrivals.jitter_ms, arrivals.spread_ms) == (0, 0)
    assert arrivals.transit_ms == 123_456


def test_jitter_is_that_of_the_standard() -> None:
    """RFC 3550: every other packet 16 ms late settles at 16."""
    arrivals = Arrivals()
    for index in range(400):
        arrivals.add(index * 20, index * 20 + 16 * (index % 2))
    assert arrivals.jitter_ms == pytest.approx(16, abs=0.1)
    assert arrivals.spread_ms == 16


def test_one_late_packet_is_soon_forgotten() -> None:
    """Four seconds later it counts no more."""
    arrivals = Arrivals()
    for index in range(300):
        arrivals.add(index * 20, index * 20 + (150 if index == 50 else 0))
        if index == 60:
            assert arrivals.spread_ms == 150
    assert arrivals.spread_ms == 0


@pytest.mark.parametrize("ppm", [-200, 200])
def test_drift_is_measured_and_does_not_look_like_lateness(ppm: int) -> None:
    """Ten minutes at 200 ppm are 120 ms apart."""
    arrivals = Arrivals()
    for index in range(30_000):
        arrivals.add(index * 20, index * 20 * (1 + ppm / 1e6))
    assert arrivals.drift_ppm == pytest.approx(ppm, rel=0.1)
    assert arrivals.spread_ms < 3


def test_a_longer_route_becomes_the_base() -> None:
    """After ten seconds it is how the network is."""
    arrivals = Arrivals()
    for index in range(1_000):
        late_ms = arrivals.add(index * 20, index * 20 + (100 if index > 300 else 0))
    assert late_ms == 0

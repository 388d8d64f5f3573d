"""Whose packets are looked at."""

from __future__ import annotations

import pytest

from voiceserver.carriers.sip.gate import BURST, SOURCES, Gate, Rate
from voiceserver.config import SipTrunk

TRUNKS = (
    SipTrunk(("192.0.2.7", "198.51.100.0/24"), "a"),
    SipTrunk(("2001:db8::/32",), "b"),
)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("192.0.2.7", "a"),
        ("192.0.2.8", None),
        ("198.51.100.200", "a"),
        ("::ffff:192.0.2.7", "a"),
        ("2001:db8::1", "b"),
        ("2001:db9::1", None),
        ("fe80::1%eth0", None),
        ("nonsense", None),
    ],
)
def test_an_address_is_in_a_trunks_networks(host: str, name: str | None) -> None:
    """Whichever way it is written."""
    trunk = Gate(TRUNKS, lambda: 0).trunk_at(host)
    assert (trunk.name if trunk else None) == name


def test_a_rate_has_a_burst_and_comes_back() -> None:
    """At its own speed."""
    now_ns = 0
    rate = Rate(10, 3, lambda: now_ns)
    assert [rate.take() for _ in range(4)] == [True, True, True, False]
    now_ns = 100_000_000
    assert [rate.take() for _ in range(2)] == [True, False]
    now_ns = 10_000_000_000
    assert [rate.take() for _ in range(4)] == [True, True, True, False]


def test_each_address_has_its_own_and_few_are_kept() -> None:
    """However many come."""
    gate = Gate(TRUNKS, lambda: 0)
    assert sum(gate.in_time("192.0.2.7") for _ in range(2 * BURST)) == BURST
    assert gate.in_time("192.0.2.8")
    for n in range(2 * SOURCES):
        host = f"10.0.{n // 256}.{n % 256}"
        gate.in_time(host)
        gate.trunk_at(host)
    assert len(gate._rates) == len(gate._known) == SOURCES

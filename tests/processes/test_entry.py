"""How a child begins; what it is for is tested with each."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from voiceserver.processes import ipc
from voiceserver.processes.entry import begun


@pytest.fixture
def its_signals() -> Iterator[None]:
    """What a child does to its signals is undone."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("its_signals")
def test_it_has_the_socket_and_outlives_a_signal_to_the_group() -> None:
    """Its parent's end closes it."""
    ours, theirs = ipc.pair()
    with ours, begun("x", ["--fd", str(theirs.detach()), "--name", "ears"]) as sock:
        ours.send(b"hello")
        assert sock.recv(10) == b"hello"
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_without_a_socket_it_is_no_child() -> None:
    """Wrong use ends as it does for every command."""
    with pytest.raises(SystemExit) as ended:
        begun("x", [])
    assert ended.value.code == 2

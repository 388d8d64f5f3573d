"""What a microphone gave and nobody has listened to yet."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceserver.audio import MIC_FRAME, Samples
from voiceserver.session.microphone.ring import BLOCK, Ring

N_MOST = 6_400


def counted(first: int, n: int) -> Samples:
    return np.arange(first, first + n, dtype=np.float32)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 1500), st.booleans(), st.booleans(), st.integers(0, 3))
    )
)
def test_all_comes_out_once_and_in_its_order(
    put: list[tuple[int, bool, bool, int]],
) -> None:
    """But for the oldest, which is dropped and counted; what is made up stays so."""
    lost: list[int] = []
    ring, said, made_up_at, taken = Ring(N_MOST, lost.append), 0, set(), []
    for n, made_up, may_wait, n_takes in put:
        ring.put(counted(said, n), made_up, may_wait and n <= BLOCK)
        made_up_at |= set(range(said, said + n)) if made_up else set()
        said += n
        assert ring.n_samples <= N_MOST
        taken += [block for _ in range(n_takes) if (block := ring.take())]
    while block := ring.take():
        taken.append(block)
    assert ring.n_samples == 0
    assert not ring.due
    heard = [int(at) for samples, _ in taken for at in samples]
    assert heard == sorted(set(heard))
    assert len(heard) + sum(lost) == said
    for samples, made_up in taken:
        assert {int(at) in made_up_at for at in samples} == {made_up}


def test_what_waited_is_taken_with_what_came_then() -> None:
    """In one piece; what follows is a block by itself."""
    ring = Ring(N_MOST, lambda _n: None)
    for n in range(4):
        ring.put(counted(n * MIC_FRAME, MIC_FRAME), made_up=False, may_wait=True)
        assert not ring.due
    for n in range(4, 6):
        ring.put(counted(n * MIC_FRAME, MIC_FRAME), made_up=False, may_wait=False)
        assert ring.due
    taken = [ring.take(), ring.take(), ring.take()]
    assert [len(block[0]) for block in taken if block] == [5 * MIC_FRAME, MIC_FRAME]
    assert not ring.due


def test_what_waits_can_be_hurried() -> None:
    """And where nothing does there is nothing to do."""
    ring = Ring(N_MOST, lambda _n: None)
    dues = []
    for quiet in (0, MIC_FRAME):
        ring.put(counted(0, quiet), made_up=False, may_wait=bool(quiet))
        ring.hurry()
        dues.append(ring.due)
    ring.clear()
    assert [*dues, ring.due] == [False, True, False]
    assert ring.take() is None

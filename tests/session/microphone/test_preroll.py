"""What is kept of the microphone before an utterance takes it."""

from __future__ import annotations

import numpy as np

from voiceserver.audio import MIC_RATE, Samples
from voiceserver.session.microphone.preroll import HELD_MS, NEAR_MS, NEWEST_MS, Preroll


def heard(
    preroll: Preroll,
    n_ms: int,
    value: float,
    voice: bool = False,
    manual: bool = True,
) -> None:
    for _ in range(n_ms // 20):
        preroll.add(np.full(MIC_RATE // 50, value, np.float32), manual)
        if voice:
            preroll.voice(MIC_RATE // 50)


def joined(preroll: Preroll) -> Samples:
    return np.concatenate([np.zeros(0, np.float32), *preroll.take_voiced()])


def test_where_the_server_begins_turns_the_newest_is_kept() -> None:
    """Whatever it holds."""
    preroll = Preroll()
    heard(preroll, 60_000, 0.5, voice=True, manual=False)
    assert len(preroll.newest(10**9)) == NEWEST_MS * MIC_RATE // 1000


def test_what_is_near_a_voice_is_kept_in_order() -> None:
    """Two voices a minute apart, with what is around each."""
    preroll = Preroll()
    for value in (0.1, 0.3):
        heard(preroll, 60_000, 0.0)
        heard(preroll, 200, value, voice=True)
    heard(preroll, 60_000, 0.0)
    audio = joined(preroll)
    values = audio[audio > 0]
    assert list(np.unique(values)) == sorted(np.unique(values))
    assert len(values) == 400 * MIC_RATE // 1000
    assert len(audio) <= 2 * (200 + 2 * NEAR_MS + 40) * MIC_RATE // 1000
    assert len(joined(preroll)) == 0


def test_the_newest_of_a_long_voice_is_kept() -> None:
    """Bounded: two minutes, and what is newest of all."""
    preroll = Preroll()
    heard(preroll, 200_000, 0.1, voice=True)
    heard(preroll, 1000, 0.3, voice=True)
    audio = joined(preroll)
    assert HELD_MS <= len(audio) * 1000 / MIC_RATE <= HELD_MS + 5000
    assert audio[-1] == np.float32(0.3)

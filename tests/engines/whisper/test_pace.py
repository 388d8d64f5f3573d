"""The scheduler of decodes, in virtual time."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceserver.audio import MIC_RATE
from voiceserver.engines.whisper.pace import (
    LONGEST,
    OVERLAPS,
    PAUSE,
    SEGMENT,
    SETTLING,
    Pace,
    Room,
    Want,
    capacity,
)

BLOCK = MIC_RATE // 25  # 40 ms
SECOND = MIC_RATE


def hear(pace: Pace, voice: bool, ms: int) -> list[Want]:
    """Push blocks; decode at once whatever is wanted."""
    wanted = []
    for _ in range(ms * MIC_RATE // 1000 // BLOCK):
        pace.pushed += BLOCK
        if voice:
            pace.voice(pace.pushed)
        want = pace.want(SECOND)
        if want is not None:
            wanted.append(want)
            obey(pace, want)
    return wanted


def obey(pace: Pace, want: Want) -> None:
    if want is Want.ANSWER:
        pace.settle(pace.pause_at)
    elif pace.too_long:
        pace.settle(pace.begin + LONGEST * 3 // 4)
    else:
        pace.heard(pace.last_voice, pace.pushed, want)


def test_a_second_of_speech_is_a_partial_and_a_pause_a_guess() -> None:
    """Once each."""
    pace = Pace()
    assert hear(pace, True, 2400) == [Want.PARTIAL] * 2
    assert hear(pace, False, 2000) == [Want.SPECULATIVE]
    assert pace.fresh


def test_a_commit_after_a_guess_wants_no_decode() -> None:
    """Unless there was a voice since."""
    pace = Pace()
    hear(pace, True, 600)
    hear(pace, False, 320)
    pace.complete = True
    assert pace.want(SECOND) is Want.ANSWER
    pace.voice(pace.pushed)
    assert pace.want(SECOND) is Want.FINAL


def test_an_overlap_wants_its_words_early() -> None:
    """After half a second of voice, again soon, and in the shortest of pauses."""
    pace = Pace(overlap=True)
    assert hear(pace, True, OVERLAPS[0] * 1000 // MIC_RATE + 40) == [Want.OVERLAP]
    more = (OVERLAPS[1] - OVERLAPS[0]) * 1000 // MIC_RATE + 40
    assert hear(pace, True, more) == [Want.OVERLAP]
    short = Pace(overlap=True)
    assert hear(short, True, 280) == []
    assert hear(short, False, 200) == [Want.SPECULATIVE]


def test_without_room_there_are_no_partials() -> None:
    """Finals and guesses stay."""
    pace = Pace()
    pace.pushed = 5 * SECOND
    pace.voice(pace.pushed)
    assert pace.want(None) is None
    pace.pushed += PAUSE
    assert pace.want(None) is Want.SPECULATIVE


def test_without_a_gate_every_sample_may_be_a_voice() -> None:
    """As where the client ends turns."""
    pace = Pace()
    pace.pushed = SECOND
    assert pace.want(SECOND) is Want.PARTIAL
    pace.complete = True
    assert pace.want(SECOND) is Want.FINAL


def test_a_long_turn_is_settled_in_a_pause_only() -> None:
    """Or where it gets too long for one decode."""
    pace = Pace()
    hear(pace, True, SEGMENT * 1000 // MIC_RATE)
    wanted = hear(pace, False, SETTLING * 1000 // MIC_RATE + 40)
    assert wanted == [Want.SPECULATIVE, Want.ANSWER]
    assert pace.begin == pace.voiced + 2400
    begin = pace.begin
    hear(pace, True, 26_000)
    assert pace.begin > begin


TALK = st.lists(st.tuples(st.booleans(), st.integers(1, 12_000)), max_size=12)


@settings(max_examples=60)
@given(TALK, st.booleans(), st.booleans())
def test_no_voice_is_forgotten(
    talk: list[tuple[bool, int]], overlap: bool, whole: bool
) -> None:
    """Each is decoded before the end; no decode is longer than a model takes."""
    pace = Pace(overlap=overlap, whole=whole)
    for voice, ms in talk:
        hear(pace, voice, ms)
        assert pace.end - pace.begin <= LONGEST + BLOCK
    pace.complete = True
    decodes = 0
    while (want := pace.want(SECOND)) is not Want.ANSWER:
        assert want is not None
        obey(pace, want)
        decodes += 1
        assert decodes <= 20
    assert pace.fresh
    assert pace.begin <= pace.pushed


@dataclass
class Core:
    """A core that decodes for several speakers, a decode at a time."""

    speakers: int
    decode_s: float
    now_s: float = 0.0
    room: Room = field(default_factory=Room)
    paces: list[Pace] = field(default_factory=list)
    since: dict[tuple[int, Want], float] = field(default_factory=dict)
    finals_s: list[float] = field(default_factory=list)
    partials: int = 0

    def run(self, turns: int) -> None:
        """Everybody speaks for 3 s and is silent for 1.2, ever again."""
        tick_s, begun = 0.02, [n * 4.2 / self.speakers for n in range(self.speakers)]
        self.paces = [Pace() for _ in range(self.speakers)]
        busy_until, end_s = 0.0, turns * 4.2
        while self.now_s < end_s:
            self.now_s += tick_s
            for n in range(self.speakers):
                at_s = self.now_s - begun[n]
                if at_s < 0:
                    continue
                pace = self.paces[n]
                pace.pushed += int(tick_s * MIC_RATE)
                if at_s < 3.0:
                    pace.voice(pace.pushed)
                elif at_s >= 3.5 and not pace.complete:
                    pace.complete = True
                elif at_s >= 4.2:
                    self.paces[n], begun[n] = Pace(), self.now_s
            if self.now_s >= busy_until:
                busy_until = self.now_s + self._serve()

    def _serve(self) -> float:
        interval = self.room.interval(self.now_s)
        wants = {n: pace.want(interval) for n, pace in enumerate(self.paces)}
        ready = [
            (want, self.since.setdefault((n, want), self.now_s), n)
            for n, want in wants.items()
            if want is not None and want is not Want.ANSWER
        ]
        self.since = {
            (n, want): at for (n, want), at in self.since.items() if wants[n] is want
        }
        if not ready:
            return 0.0
        want, since_s, n = min(ready)
        pace = self.paces[n]
        pace.heard(pace.last_voice, pace.pushed, want)
        if want is Want.PARTIAL:
            self.partials += 1
        else:
            self.finals_s.append(self.now_s - since_s + self.decode_s)
        self.room.worked(self.now_s + self.decode_s, self.decode_s)
        return self.decode_s


def test_partials_are_left_out_before_a_final_is_late() -> None:
    """One speaker gets all of them; with ten on a core the turns still end in time."""
    alone, crowded = Core(1, 0.2), Core(10, 0.2)
    alone.run(6)
    crowded.run(6)
    assert alone.partials >= 2 * 6 - 1
    assert crowded.partials / 10 < alone.partials / 2
    late = sorted(crowded.finals_s)[int(0.95 * len(crowded.finals_s))]
    assert late < 1.0


def test_a_slow_core_gives_fewer_partials_that_a_final_would_wait_for() -> None:
    """One whose decodes take half a second gives half of them, even to one speaker."""
    quick, slow = Core(1, 0.1), Core(1, 0.5)
    quick.run(10)
    slow.run(10)
    assert slow.partials < 0.7 * quick.partials


@pytest.mark.parametrize(
    ("cost_s", "most"), [(0.11, 11), (0.27, 5), (9.0, 1), (0, 1250)]
)
def test_how_many_are_heard_in_time_follows_from_what_one_costs(
    cost_s: float, most: int
) -> None:
    """Half of a core's time; at least one is, somehow."""
    assert capacity(cost_s) == most


@given(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 1)), max_size=60))
def test_room_is_a_share_that_is_forgotten(decodes: list[tuple[float, float]]) -> None:
    """Never negative; a core that rests has room again."""
    room, now_s = Room(), 0.0
    for gap_s, took_s in decodes:
        now_s += gap_s + took_s
        room.worked(now_s, took_s)
        assert 0 <= room.share(now_s) <= 1.2
    assert room.interval(now_s + 60) == SECOND

"""Turn-taking decisions, from scripted voice activity and words."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceserver.config import TurnConfig
from voiceserver.turns.echo import Echo
from voiceserver.turns.gate import WINDOW
from voiceserver.turns.taker import (
    Began,
    Committed,
    Confirmed,
    Decision,
    Dismissed,
    Interrupted,
    Paused,
    TurnState,
    TurnTaker,
)

LOUD, SOFT = [-20.0] * 4, [-80.0] * 4
MS = 16  # samples


class Talk:
    """Feeds a turn-taker window by window and keeps ``(ms, decision)``."""

    def __init__(self, config: TurnConfig | None = None) -> None:
        self.taker = TurnTaker(config or TurnConfig())
        self.now = 0
        self.decided: list[tuple[int, Decision]] = []

    def hear(self, ms: int, speech: bool, echo: Echo = Echo.UNKNOWN) -> Talk:
        for _ in range(ms // 32):
            self.now += WINDOW
            p, levels = (0.95, LOUD) if speech else (0.02, SOFT)
            self._keep(self.taker.window(p, levels, echo))
            self._keep(self.taker.tick(self.now, []))
        return self

    def words(self, text: str, complete: bool = False) -> Talk:
        self._keep(self.taker.words(text, complete))
        return self

    def playing(self, playing: bool) -> Talk:
        self._keep(self.taker.playing(playing))
        return self

    def of(self, kind: type[Decision]) -> list[Decision]:
        return [decision for _, decision in self.decided if isinstance(decision, kind)]

    def at(self, kind: type[Decision]) -> int:
        """Milliseconds at which the first decision of ``kind`` fell."""
        return next(ms for ms, d in self.decided if isinstance(d, kind))

    def _keep(self, decisions: list[Decision]) -> None:
        self.decided += [(self.now // MS, decision) for decision in decisions]


def test_a_turn_begins_pauses_and_is_committed() -> None:
    """Begins at its first voiced sample, ends 500 ms after its last."""
    talk = Talk().hear(320, False).hear(640, True).hear(1600, False)
    assert [type(d) for _, d in talk.decided] == [Began, Paused, Committed]
    [began], [committed] = talk.of(Began), talk.of(Committed)
    assert began == Began(320 * MS, overlap=False)
    assert committed == Committed(960 * MS, "unclear")
    assert talk.at(Committed) - 960 == 512  # the first window past 500 ms


@pytest.mark.parametrize(
    ("text", "complete", "wait_ms", "reason"),
    [
        ("what time is it", False, 300, "complete"),
        ("ten of clubs", True, 300, "complete"),
        ("the weather was nice", False, 500, "unclear"),
        ("i would like to", False, 1000, "incomplete"),
    ],
)
def test_patience_depends_on_the_words(
    text: str, complete: bool, wait_ms: int, reason: str
) -> None:
    """Graded: complete, unclear, incomplete; the words may come during the pause."""
    talk = Talk().hear(640, True).words(text, complete).hear(1600, False)
    assert talk.of(Committed) == [Committed(640 * MS, reason)]
    assert wait_ms <= talk.at(Committed) - 640 <= wait_ms + 32


def test_patience_is_capped() -> None:
    """However unfinished it looks."""
    config = TurnConfig(incomplete_ms=2000, cap_ms=800)
    talk = Talk(config).hear(640, True).words("and the").hear(2000, False)
    assert talk.of(Committed) == [Committed(640 * MS, "cap")]


def test_a_fixed_policy_does_not_read() -> None:
    """Exactly its silence, whatever was said."""
    config = TurnConfig(policy="fixed", silence_ms=512)
    talk = Talk(config).hear(640, True).words("and the").hear(1600, False)
    assert talk.of(Committed) == [Committed(640 * MS, "silence")]
    assert talk.at(Committed) - 640 == 512


@pytest.mark.parametrize("policy", ["graded", "fixed"])
def test_a_slow_line_has_longer_patience(policy: Literal["graded", "fixed"]) -> None:
    """By the same, whatever ends the turn."""
    waited = []
    for patience_ms in (0, 192):
        config = TurnConfig(policy=policy, patience_ms=patience_ms)
        talk = Talk(config).hear(640, True).words("yes please").hear(2000, False)
        waited.append(talk.at(Committed))
    assert waited[1] - waited[0] == 192


def test_a_pause_does_not_end_a_turn() -> None:
    """300 ms of silence, then more: one turn."""
    talk = Talk().hear(640, True).hear(320, False).hear(640, True).hear(1600, False)
    assert len(talk.of(Began)) == len(talk.of(Committed)) == 1


def test_an_endless_utterance_is_committed() -> None:
    """After max_utterance_s, while the user still speaks."""
    talk = Talk(TurnConfig(max_utterance_s=2)).hear(2400, True)
    assert talk.of(Committed)[0] == Committed(2016 * MS, "length")


def test_speech_over_a_reply_interrupts_by_its_length() -> None:
    """First an overlap, which ducks; confirmed after 500 ms of it."""
    talk = Talk().playing(True).hear(320, False).hear(800, True)
    assert talk.of(Began) == [Began(320 * MS, overlap=True)]
    assert talk.of(Interrupted) == [Interrupted(320 * MS, "duration")]
    assert 500 <= talk.at(Interrupted) - 320 <= 532


def test_words_interrupt_sooner() -> None:
    """Two words that are no backchannel."""
    talk = Talk().playing(True).hear(256, True).words("what about")
    assert talk.of(Interrupted) == [Interrupted(0, "words")]


def test_one_word_of_stop_is_enough() -> None:
    """It asks for the turn."""
    talk = Talk().playing(True).hear(256, True).words("stop")
    assert talk.of(Interrupted) == [Interrupted(0, "stop_word")]


def test_a_short_stop_that_is_understood_late_still_interrupts() -> None:
    """A recogniser that decodes in pauses has it some 300 ms after the voice."""
    talk = Talk().hear(500, False).playing(True).hear(320, True).hear(380, False)
    assert not talk.of(Dismissed)
    talk.words("stop")
    assert talk.of(Interrupted)


@pytest.mark.parametrize("text", ["", "uh-huh", "yeah right"])
def test_a_backchannel_does_not_interrupt(text: str) -> None:
    """It is dismissed, and the next speech is a new utterance."""
    talk = Talk().playing(True).hear(320, True).words(text).hear(640, False)
    assert talk.of(Dismissed)
    assert not talk.of(Interrupted) and not talk.of(Committed)
    assert talk.taker.state is TurnState.IDLE


def test_a_short_word_of_substance_does() -> None:
    """ "No" is a turn, once it is known that nothing follows."""
    talk = Talk().playing(True).hear(320, True).words("no").hear(1600, False)
    assert talk.of(Interrupted) and talk.of(Committed)


def test_a_long_yes_is_let_pass() -> None:
    """Longer than what a voice without words needs to stop the reply."""
    talk = Talk().playing(True).hear(448, True).words("yeah okay").hear(320, True)
    talk.hear(640, False)
    assert talk.of(Dismissed) and not talk.of(Interrupted)


def test_a_yes_that_is_taken_back_stays_one() -> None:
    """The next decode believes no word: nobody asked for the turn meanwhile."""
    talk = Talk().playing(True).hear(448, True).words("okay").hear(320, True)
    talk.words("").hear(640, False)
    assert talk.of(Dismissed) and not talk.of(Interrupted)


def test_a_yes_that_goes_on_is_a_turn() -> None:
    """ "Yeah, and then": by the words, or by the voice."""
    talk = Talk().playing(True).hear(448, True).words("yeah").hear(640, True)
    assert talk.of(Interrupted) == [Interrupted(0, "duration")]


def test_an_echo_of_the_reply_is_no_turn_even_when_the_reply_has_ended() -> None:
    """Its last words are heard after their end."""
    talk = Talk().playing(True).hear(416, True)
    own = "would you like it hot or iced"
    talk._keep(talk.taker.words("you like it", False, own))
    talk.hear(640, True).playing(False).hear(640, False)
    assert talk.of(Dismissed) and not talk.of(Interrupted) and not talk.of(Confirmed)
    assert talk.taker.state is TurnState.IDLE


def test_nobody_waits_long_after_a_voice_without_words_that_stopped_a_reply() -> None:
    """What was cut off is soon gone on with, however patient the settings are."""
    config = TurnConfig(unclear_ms=2000, incomplete_ms=4000, cap_ms=8000)
    talk = Talk(config).playing(True).hear(640, True).playing(False).hear(1600, False)
    assert talk.of(Interrupted) == [Interrupted(0, "duration")]
    assert talk.at(Committed) - 640 <= 544


def test_the_reply_ends_during_an_overlap() -> None:
    """Then it is an ordinary turn."""
    talk = Talk().playing(True).hear(320, True).playing(False)
    assert talk.of(Confirmed) == [Confirmed(0)]
    talk.hear(1600, False)
    assert talk.of(Committed)


def test_a_higher_threshold_holds_while_a_reply_sounds() -> None:
    """0.6 is speech in silence, and echo over a reply."""
    for playing, began in ((False, 1), (True, 0)):
        talk = Talk().playing(playing)
        for _ in range(10):
            talk._keep(talk.taker.window(0.6, LOUD))
        assert len(talk.of(Began)) == began


def test_interruption_can_be_turned_off() -> None:
    """The turn is taken down, the reply is not stopped."""
    talk = Talk(TurnConfig(interrupt=False)).playing(True).hear(960, True)
    talk.hear(1600, False)
    assert talk.of(Began) == [Began(0, overlap=False)]
    assert talk.of(Committed) and not talk.of(Interrupted)


def test_speech_seen_by_its_level_holds_the_commit() -> None:
    """It resumed in the window that is not complete yet."""
    taker = TurnTaker(TurnConfig(policy="fixed", silence_ms=300))
    for _ in range(10):
        taker.window(0.95, LOUD)
    for _ in range(9):
        taker.window(0.02, SOFT)
    now = 19 * WINDOW + 300
    assert taker.tick(now, [-22.0, -21.0]) == []
    assert taker.tick(now, [-90.0, -90.0])


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["speech", "silence", "play", "stop", "words"]),
            st.integers(1, 40),
        ),
        max_size=40,
    ),
    st.sampled_from(["graded", "fixed"]),
)
def test_decisions_keep_their_order(steps: list[tuple[str, int]], policy: str) -> None:
    """An utterance begins once and ends once, by a commit or a dismissal."""
    talk = Talk(TurnConfig(policy=policy))  # type: ignore[arg-type]
    for kind, size in steps:
        if kind in ("speech", "silence"):
            talk.hear(size * 32, kind == "speech")
        elif kind == "words":
            talk.words(" ".join(["word"] * (size % 4)))
        else:
            talk.playing(kind == "play")
    is_open = overlap = False
    for _, decision in talk.decided:
        if isinstance(decision, Began):
            assert not is_open
            is_open, overlap = True, decision.overlap
        elif isinstance(decision, Interrupted | Confirmed):
            assert is_open and overlap
            overlap = False
        elif isinstance(decision, Dismissed):
            assert is_open and overlap
            is_open = False
        elif isinstance(decision, Committed):
            assert is_open and not overlap
            is_open = False
        else:
            assert is_open


@pytest.mark.parametrize("policy", ["graded", "fixed"])
def test_an_echo_of_the_reply_is_no_voice(policy: Literal["graded", "fixed"]) -> None:
    """However long it is; and what was let in before it was known is let go."""
    config = TurnConfig(policy=policy, interrupt_ms=500)
    talk = Talk(config).playing(True).hear(416, True)
    talk.hear(3200, True, Echo.ALL)
    assert [type(d) for _, d in talk.decided] == [Began, Dismissed]
    talk.hear(3200, True, Echo.ALL).playing(False).hear(640, True, Echo.ALL)
    assert len(talk.decided) == 2
    assert talk.taker.state is TurnState.IDLE


def test_a_voice_over_an_echo_interrupts_as_soon_as_one_without() -> None:
    """It is louder; the echo before it counts for nothing."""
    plain = Talk().playing(True).hear(1600, False).hear(960, True)
    over = Talk().playing(True).hear(1600, True, Echo.ALL)
    over.hear(960, True, Echo.LOUDER)
    assert over.at(Interrupted) == plain.at(Interrupted)

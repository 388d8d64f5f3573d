"""Speech over a reply, through a whole call: what stops it, and what comes back."""

from __future__ import annotations

import pytest

from tests.fakes import Call, FakeRecogniser, FakeText
from tests.virtual_time import run_virtual
from voiceserver.config import Config, TurnConfig
from voiceserver.events import BargeIn, Outcome, ReplyDone, ReplyStarted, UserTurn

GRADED = Config(turn=TurnConfig(policy="graded"))
TURN = [(0.2, False), (0.8, True)]  # and what follows begins with its silence


def over_a_reply(said: str, *script: tuple[float, bool]) -> Call:
    """A call whose second utterance is ``said``; a word of the reply takes 0.2 s."""
    recogniser = FakeRecogniser(["tell me", said])
    call = Call(GRADED, recogniser=recogniser, text=FakeText(words=25))
    run_virtual(call.run([*TURN, *script]))
    return call


def heard_at(call: Call, first: bool) -> list[float]:
    """When audio of the first reply was heard, or of those after it."""
    return [
        at_s for at_s, frame in call.heard if frame.turn and (frame.turn == 1) == first
    ]


def test_the_echo_of_the_reply_stops_nothing() -> None:
    """Its own words, two seconds of them, come back from a loudspeaker."""
    words = " ".join(f"w{n}" for n in range(25))
    plain = over_a_reply("", (8.0, False))
    begins_s = heard_at(plain, True)[0]
    # From the fourth word on, 100 ms after it sounds; the fake writes five a second.
    onset_s = round(begins_s + 0.6 + 0.1 - 1.0, 2)
    echo = words[words.index("w3") :]
    call = over_a_reply(echo, (onset_s, False), (2.0, True), (5.0, False))
    assert not call.dialect.of(BargeIn)
    assert len(call.dialect.of(UserTurn)) == 1
    [done] = call.dialect.of(ReplyDone)
    assert isinstance(done, ReplyDone) and done.outcome is Outcome.COMPLETED


def test_others_saying_other_words_do_stop_it() -> None:
    """At the same place, for as long."""
    call = over_a_reply("i want two of them", (1.6, False), (2.0, True), (3.0, False))
    [stop] = call.dialect.of(BargeIn)
    assert isinstance(stop, BargeIn) and stop.reason == "words"
    assert len(call.dialect.of(UserTurn)) == 2


@pytest.mark.parametrize("voice_s", [0.5, 0.6, 0.8])
def test_what_a_cough_cut_off_goes_on_within_a_second_and_a_half(
    voice_s: float,
) -> None:
    """From the stop to the first audio of the rest."""
    call = over_a_reply("", (2.0, False), (voice_s + 0.06, True), (4.0, False))
    assert len(call.dialect.of(BargeIn)) == 1
    assert len(call.dialect.of(ReplyStarted)) == 2
    assert heard_at(call, False)[0] - heard_at(call, True)[-1] <= 1.5


def test_a_yes_of_three_quarters_of_a_second_stops_nothing() -> None:
    """ "Yeah, okay, right" is no turn, and is not answered."""
    call = over_a_reply("yeah okay right", (2.0, False), (0.74, True), (4.0, False))
    assert not call.dialect.of(BargeIn)
    assert len(call.dialect.of(ReplyStarted)) == 1


def test_who_talks_over_everything_is_listened_to() -> None:
    """Though every word may be a yes."""
    yes = "yeah okay right " * 12
    call = over_a_reply(yes.strip(), (1.6, False), (4.9, True), (3.0, False))
    assert call.dialect.of(BargeIn) or len(call.dialect.of(UserTurn)) == 2

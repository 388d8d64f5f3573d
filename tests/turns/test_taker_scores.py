"""Turns that end by how they sound, as well."""

from __future__ import annotations

import pytest

from voiceserver.config import TurnConfig
from voiceserver.turns.ending import EndWeights
from voiceserver.turns.gate import WINDOW
from voiceserver.turns.taker import Committed, Decision, Resumed, ScoreWanted, TurnTaker

LOUD, SOFT = [-20.0] * 4, [-80.0] * 4
MS = 16  # samples
# Sure at once of what sounds finished; 0.5 needs 894 ms, 0.02 the cap.
SOUND = {"bias": -0.8, "silence": 2.0, "sound": 1.0}
WEIGHTS = EndWeights("test", SOUND)


class Talk:
    """Feeds a turn-taker, and answers its questions after a while.

    Args:
        sound: Probability that is told; None for never.
        late_ms: How long after it was asked for.
    """

    def __init__(
        self,
        sound: float | None,
        late_ms: int = 64,
        config: TurnConfig | None = None,
        weights: EndWeights | None = WEIGHTS,
    ) -> None:
        self.taker = TurnTaker(config or TurnConfig(), weights)
        self.sound, self.late_ms = sound, late_ms
        self.now = 0
        self.decided: list[tuple[int, Decision]] = []
        self._due: list[tuple[int, int]] = []

    def hear(self, ms: int, speech: bool) -> Talk:
        for _ in range(ms // 32):
            self.now += WINDOW
            for due, at in self._due:
                if due <= self.now and self.sound is not None:
                    self.taker.score(at, self.sound)
            self._due = [row for row in self._due if row[0] > self.now]
            p, levels = (0.95, LOUD) if speech else (0.02, SOFT)
            self._keep(self.taker.window(p, levels))
            self._keep(self.taker.tick(self.now, []))
        return self

    def words(self, text: str, complete: bool = False) -> Talk:
        self._keep(self.taker.words(text, complete))
        return self

    def ms_of(self, kind: type[Decision]) -> list[int]:
        return [ms for ms, decision in self.decided if isinstance(decision, kind)]

    @property
    def reasons(self) -> list[str]:
        return [d.reason for _, d in self.decided if isinstance(d, Committed)]

    def _keep(self, decisions: list[Decision]) -> None:
        for decision in decisions:
            self.decided.append((self.now // MS, decision))
            if isinstance(decision, ScoreWanted):
                self._due.append((self.now + self.late_ms * MS, decision.at))


def test_the_sound_is_asked_for_three_times_in_a_pause() -> None:
    """At the first windows past 200, 400 and 600 ms of silence."""
    talk = Talk(sound=0.02).hear(640, True).hear(1280, False)
    assert [ms - 640 for ms in talk.ms_of(ScoreWanted)] == [224, 416, 608]


def test_what_sounds_finished_is_over_at_once() -> None:
    """As soon as it is known."""
    talk = Talk(sound=0.98).hear(640, True).hear(1280, False)
    assert talk.reasons == ["sound"]
    assert talk.ms_of(Committed)[0] - 640 <= 320


@pytest.mark.parametrize(
    ("words", "language", "reason", "limit_ms"),
    [
        ("what's the weather like", "en", "complete", 500),
        ("two people", "en", "unclear", 800),
        ("i would like", "en", "cap", 2000),
        ("my number is five five two", "en", "cap", 2000),
        ("", "", "cap", 2000),
        ("ich hätte gern was", "de", "unclear", 800),
    ],
)
def test_what_does_not_sound_finished_is_waited_for_as_its_words_allow(
    words: str, language: str, reason: str, limit_ms: int
) -> None:
    """A voice may be wrong for long; its words say how long it is believed."""
    talk = Talk(sound=0.02).hear(640, True)
    talk.taker.words(words, complete=False, language=language)
    talk.hear(2400, False)
    assert talk.reasons == [reason]
    assert 0 <= talk.ms_of(Committed)[0] - 640 - limit_ms <= 32


def test_who_pauses_longer_is_given_longer_than_the_words_allow() -> None:
    """The limit is one for most speakers; a pause of this one's own counts more."""
    talk = Talk(sound=0.02).hear(640, True).hear(960, False).words("i want the")
    talk.hear(640, True).words("i want the blue one").hear(2400, False)
    [at] = talk.ms_of(Committed)
    assert 0 <= at - 2240 - 1.25 * 960 <= 32


def test_what_a_grammar_knows_to_be_whole_is_over_as_it_was() -> None:
    """Whatever it sounds like."""
    talk = Talk(sound=0.02).hear(640, True).words("ten of clubs", complete=True)
    talk.hear(1280, False)
    assert talk.ms_of(Committed)[0] - 640 <= 300 + 32


@pytest.mark.parametrize("sound", [None, 0.98])
def test_a_score_that_is_late_or_never_comes_is_not_waited_for(
    sound: float | None,
) -> None:
    """The words decide as they would without a model."""
    talk = Talk(sound, late_ms=600).hear(640, True).words("the weather was nice")
    talk.hear(1280, False)
    assert talk.reasons == ["unclear"]
    assert talk.ms_of(Committed)[0] - 640 == 512


def test_a_score_of_an_earlier_pause_counts_no_more() -> None:
    """The user went on; the answer to the old question comes late."""
    talk = Talk(sound=0.02, late_ms=400).hear(640, True).hear(256, False)
    talk.sound = 0.98
    talk.hear(320, True).hear(192, False)
    assert len(talk.ms_of(Resumed)) == 1
    assert talk.ms_of(Committed) == []


@pytest.mark.parametrize("policy", ["fixed", "manual"])
def test_nobody_is_asked_where_the_sound_decides_nothing(policy: str) -> None:
    """``server_vad`` is exactly its silence."""
    config = TurnConfig(policy=policy, silence_ms=512)  # type: ignore[arg-type]
    talk = Talk(sound=0.98, config=config).hear(640, True).hear(1280, False)
    assert talk.ms_of(ScoreWanted) == []
    if policy == "fixed":
        assert talk.ms_of(Committed)[0] - 640 == 512


def test_nobody_is_asked_where_there_is_no_model() -> None:
    """All is as it was."""
    talk = Talk(sound=0.98, weights=None).hear(640, True).hear(1280, False)
    assert talk.ms_of(ScoreWanted) == []
    assert talk.reasons == ["unclear"]


def test_a_speaker_who_pauses_long_is_given_longer_in_the_next_turn() -> None:
    """Their own pauses are remembered over the call."""
    weights = EndWeights("test", SOUND | {"own_pause": -2.0})
    waits = []
    for pauses in (0, 3):
        talk = Talk(sound=0.5, weights=weights, config=TurnConfig(cap_ms=5000))
        for _ in range(pauses):
            talk.hear(320, True).hear(640, False)
        talk.taker.end()
        talk.hear(2048, False).hear(640, True)
        began = talk.now // MS
        talk.hear(4800, False)
        waits.append(talk.ms_of(Committed)[-1] - began)
    assert waits[1] > waits[0]


def test_more_certainty_takes_more_silence() -> None:
    """Eagerness is this one number."""
    waits = []
    for certainty in (0.7, 0.9, 0.97):
        config = TurnConfig(certainty=certainty, cap_ms=5000)
        talk = Talk(sound=0.5, config=config).hear(640, True).hear(4800, False)
        waits += talk.ms_of(Committed)
    assert waits == sorted(set(waits))


def likely(talk: Talk) -> bool:
    return talk.taker.likely_over(talk.now)


def test_an_answer_is_begun_where_the_sound_says_that_the_turn_is_likely_over() -> None:
    """Sooner than it is certain; the words alone begin none before they are scored."""
    weights = EndWeights("test", SOUND)
    config = TurnConfig(certainty=0.97, cap_ms=5000)
    talk = Talk(sound=0.7, config=config, weights=weights).hear(640, True)
    talk.words("i would like a coffee").hear(192, False)
    assert not likely(talk)
    talk.hear(160, False)
    assert likely(talk)
    assert talk.ms_of(Committed) == []
    doubtful = Talk(sound=0.2, config=config, weights=weights).hear(640, True)
    doubtful.words("i would like a coffee").hear(352, False)
    assert not likely(doubtful)


def test_where_no_score_comes_the_words_tell() -> None:
    """After the time of the second; at once where there is no model."""
    late = Talk(sound=None).hear(640, True).words("what time is it").hear(192, False)
    assert not likely(late)
    assert likely(late.hear(224, False))
    plain = Talk(sound=None, weights=None).hear(640, True).words("what time is it")
    assert likely(plain.hear(128, False))
    dangling = Talk(sound=None, weights=None).hear(640, True).words("i want the")
    assert not likely(dangling.hear(128, False))


def test_what_a_grammar_knows_to_be_whole_is_answered_at_once() -> None:
    """Whatever it sounds like."""
    talk = Talk(sound=0.02).hear(640, True).words("ten of clubs", complete=True)
    assert likely(talk.hear(128, False))

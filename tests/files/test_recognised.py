"""A recording of any length becomes words."""

from __future__ import annotations

from tests.fakes import FakeRecogniser
from tests.files.test_decoding import tone
from voiceserver.audio import MIC_RATE, to_int16
from voiceserver.files.recognised import Segment, recognised, transcribed

LONG = to_int16(tone(60, MIC_RATE))
for second in (20, 40):
    LONG[second * MIC_RATE : second * MIC_RATE + MIC_RATE // 2] = 0


async def test_pieces_keep_their_place_and_wordless_ones_are_left_out() -> None:
    """60 s with two pauses are three pieces, of which one has no words."""
    recogniser = FakeRecogniser(["one", "", "three"])
    found = [s async for s in recognised(recogniser, LONG)]
    assert [segment.text for segment in found] == ["one", "three"]
    assert found[0].start_s == 0.0
    assert found[0].end_s < found[1].start_s
    assert found[-1] == Segment(found[-1].start_s, 60.0, "three")
    assert recogniser.open_utterances == 0


async def test_all_its_words_are_joined() -> None:
    """As one text."""
    recogniser = FakeRecogniser(["one", "", "three"])
    assert await transcribed(recogniser, LONG) == "one three"


async def test_nothing_more_is_recognised_than_is_wanted() -> None:
    """Who asked is gone after two pieces, of which one has no words."""
    recogniser = FakeRecogniser(["one", "", "three"])
    answers = iter([True, True, False])
    stream = recognised(recogniser, LONG, lambda: next(answers))
    assert [segment.text async for segment in stream] == ["one"]
    assert recogniser.open_utterances == 0

"""What is said again is not encoded again, and sounds as it did."""

from __future__ import annotations

import numpy as np

from tests.media.test_libopus import buzz
from voiceserver.audio import SPEECH_FRAME, Samples, level_db
from voiceserver.media import repeated
from voiceserver.media.codecs import OpusDecoder, OpusEncoder
from voiceserver.media.repeated import RepeatedAudio, SparingEncoder
from voiceserver.media.sender import SETTLED

SILENCE = np.zeros(SPEECH_FRAME, np.float32)
LINE = [buzz(index) for index in range(50)]


class Counting(OpusEncoder):
    """Counts what it encodes."""

    def __init__(self) -> None:
        super().__init__()
        self.n_encoded = 0

    def encode(self, samples: Samples) -> bytes:
        self.n_encoded += 1
        return super().encode(samples)


class Call:
    """An encoder that has settled in silence, and what its client hears."""

    def __init__(self, memory: RepeatedAudio) -> None:
        self.counting = Counting()
        self.encoder = SparingEncoder(self.counting, memory)
        self.decoder = OpusDecoder()
        self.say([SILENCE] * SETTLED)
        self.encoder.settled()

    def say(self, frames: list[Samples]) -> Samples:
        self.counting.n_encoded = 0
        heard = [self.decoder.decode(self.encoder.encode(frame)) for frame in frames]
        return np.concatenate(heard)


def test_the_third_time_nothing_is_encoded() -> None:
    """In any call: the first is noticed, the second kept."""
    memory = RepeatedAudio()
    counts = []
    for _ in range(3):
        call = Call(memory)
        call.say(LINE + [SILENCE] * SETTLED)
        counts.append(call.counting.n_encoded)
    assert counts == [60, 60, 0]


def test_it_sounds_as_it_did() -> None:
    """And so does what follows it, which is encoded."""
    memory, answer = RepeatedAudio(), [buzz(index) for index in range(70, 100)]
    for _ in range(2):
        Call(memory).say(LINE)
    plain, spared = Call(RepeatedAudio()), Call(memory)
    truth, heard = plain.say(LINE + answer), spared.say(LINE + answer)
    assert spared.counting.n_encoded == len(answer) + repeated.PICKED_UP
    error_db = [
        level_db(heard[at : at + 1_600] - truth[at : at + 1_600])
        for at in range(0, len(truth), 1_600)
    ]
    assert max(error_db[:9]) < -60  # the line itself
    assert max(error_db) < level_db(truth) - 6  # no click where encoding begins


def test_another_past_is_another_payload() -> None:
    """What was said otherwise, before or with other correction, is not mixed up."""
    memory = RepeatedAudio()
    for _ in range(2):
        Call(memory).say(LINE)
    call = Call(memory)
    call.say([LINE[1], *LINE])
    assert call.counting.n_encoded == 51
    call = Call(memory)
    call.encoder.expect_loss(20)
    call.say(LINE)
    assert call.counting.n_encoded == 50


def test_a_report_in_silence_forgets_nothing() -> None:
    """Most calls hear their first while nothing is said."""
    memory, counts = RepeatedAudio(), []
    for _ in range(3):
        call = Call(memory)
        call.encoder.expect_loss(0)
        call.say(LINE)
        counts.append(call.counting.n_encoded)
    assert counts == [50, 50, 0]


def test_the_memory_is_bounded() -> None:
    """However much is said, once or often."""
    memory = RepeatedAudio()
    for number in range(repeated.NOTICED + 50):
        memory.put(number.to_bytes(4, "big"), b"")
    assert len(memory._noticed) == repeated.NOTICED
    for number in range(repeated.NOTICED):
        memory.put((number + 50).to_bytes(4, "big"), b"payload")
    assert len(memory._payloads) == repeated.KEPT
    assert memory.get((repeated.NOTICED).to_bytes(4, "big")) == b"payload"


def test_a_long_reply_is_not_followed_for_ever() -> None:
    """Prepared lines are short; hashing the rest would be for nothing."""
    memory = RepeatedAudio()
    call = Call(memory)
    call.say([buzz(index) for index in range(repeated.LONGEST + 20)])
    assert len(memory._noticed) == repeated.LONGEST

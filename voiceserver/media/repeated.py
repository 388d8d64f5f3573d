"""Payloads of what is said again and again: encoded twice, then never more.

Fillers and fixed lines are the same samples in every call. A payload depends on all
that its encoder has heard, so what is kept is kept by that: by the frames since the
encoder was last *settled*, in long silence, which leaves the same state behind in
every call. One object serves all calls of a process; bounded. Knows no RTP.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, deque
from functools import cache

from voiceserver.audio import Samples
from voiceserver.media.codecs import Encoder

LONGEST = 250  # frames: 5 s; what goes on for longer is no line that was prepared
KEPT = 3_000  # payloads: a minute of audio, some 600 kB
NOTICED = 10_000  # frames that were heard once, some 1.5 MB
# Frames from which an encoder that was left out picks up: 100 ms is more than its
# longest memory that matters, the pitch of the voice (RFC 6716: 18 ms and a frame).
PICKED_UP = 5


class RepeatedAudio:
    """What was encoded before, by all that came before it."""

    def __init__(self) -> None:
        self._payloads: OrderedDict[bytes, bytes] = OrderedDict()
        self._noticed: OrderedDict[bytes, None] = OrderedDict()

    def get(self, key: bytes) -> bytes | None:
        """Return a payload; None if it is not kept."""
        payload = self._payloads.get(key)
        if payload is not None:
            self._payloads.move_to_end(key)
        return payload

    def put(self, key: bytes, payload: bytes) -> None:
        """Keep a payload from the second time on; the oldest are forgotten."""
        if key not in self._noticed:
            self._noticed[key] = None
            if len(self._noticed) > NOTICED:
                self._noticed.popitem(last=False)
            return
        self._payloads[key] = payload
        if len(self._payloads) > KEPT:
            self._payloads.popitem(last=False)


class SparingEncoder:
    """An encoder that encodes nothing a third time. One object per call.

    Args:
        encoder: Does the work.
        memory: Shared by the calls whose encoders are of the same kind.
    """

    def __init__(self, encoder: Encoder, memory: RepeatedAudio) -> None:
        self._encoder = encoder
        self._memory = memory
        self._expected = b"?"
        self._key: bytes | None = None  # of the last frame; None: of no known past
        self._n_frames = 0  # since it was settled
        self._missed: deque[Samples] = deque(maxlen=PICKED_UP)
        self.ticks = encoder.ticks

    def settled(self) -> None:
        """The last frames were silence, enough to forget what was before."""
        self._key = b"settled" + self._expected
        self._n_frames = 0
        self._missed.clear()  # the encoder has stayed in the silence before them

    def encode(self, samples: Samples) -> bytes:
        """Encode 480 samples at 24 kHz, or remember how they were."""
        self._n_frames += 1
        if self._key is None or self._n_frames > LONGEST:
            return self._encoded(samples)
        state = hashlib.blake2b(self._key, digest_size=16)
        state.update(samples.tobytes())
        self._key = state.digest()
        payload = self._memory.get(self._key)
        if payload is not None:
            self._missed.append(samples)
            return payload
        payload = self._encoded(samples)
        self._memory.put(self._key, payload)
        return payload

    def expect_loss(self, percent: int) -> None:
        """Spend on error correction what a line is worth that loses so much."""
        expected = str(percent).encode()
        if expected != self._expected:
            silent = self._key is not None and self._n_frames == 0
            self._expected = expected
            # What was encoded otherwise is no past of this; silence is.
            self._key = b"settled" + expected if silent else None
        self._encoder.expect_loss(percent)

    def _encoded(self, samples: Samples) -> bytes:
        while self._missed:
            self._encoder.encode(self._missed.popleft())
        return self._encoder.encode(samples)


@cache
def shared(mime_type: str) -> RepeatedAudio:
    """Return the memory of this process for a codec.

    What is found in it has the asker's own samples behind it, so calls learn nothing
    of each other.
    """
    del mime_type
    return RepeatedAudio()

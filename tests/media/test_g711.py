"""G.711 against values of the standard, and against itself."""

from __future__ import annotations

import numpy as np
import pytest

from voiceserver.audio import from_int16
from voiceserver.media.g711 import Law, decode, encode


@pytest.mark.parametrize(
    ("law", "octet", "level"),
    [
        (Law.MU, 0xFF, 0),  # positive zero
        (Law.MU, 0x80, 32124),  # the loudest, 8031 << 2
        (Law.MU, 0x00, -32124),
        (Law.A, 0xD5, 8),  # the softest positive
        (Law.A, 0x55, -8),
        (Law.A, 0xAA, 32256),  # the loudest, 4032 << 3
        (Law.A, 0x2A, -32256),
    ],
)
def test_codes_have_the_levels_of_the_standard(
    law: Law, octet: int, level: int
) -> None:
    """Zero, the softest and the loudest of both laws."""
    assert decode(law, bytes([octet])) * 32768 == level


@pytest.mark.parametrize("law", Law)
def test_every_code_survives_a_round_trip(law: Law) -> None:
    """Decoding and encoding gives the same level, for all 256 codes."""
    octets = bytes(range(256))
    again = decode(law, encode(law, decode(law, octets)))
    np.testing.assert_array_equal(again, decode(law, octets))


@pytest.mark.parametrize("law", Law)
def test_encoding_errs_by_half_a_step_at_most(law: Law) -> None:
    """A level of 16 bits is off by at most 1/32 of itself, or by 8 near zero."""
    pcm = np.arange(-32000, 32000, 7, dtype=np.int16)
    error = np.abs(decode(law, encode(law, from_int16(pcm))) * 32768 - pcm)
    assert (error <= np.maximum(np.abs(pcm.astype(int)) / 31 + 4, 8)).all()

"""What services say, whatever they call it."""

from __future__ import annotations

from voiceserver.carriers.telephony.messages import KEYS, LineForm


def test_a_telephone_has_sixteen_keys() -> None:
    """ITU-T Q.23, the fourth column too."""
    assert len(KEYS) == 16


def test_a_line_is_mu_law_unless_it_says_otherwise() -> None:
    """As the services' are."""
    assert LineForm() == LineForm("pcmu", 8_000)

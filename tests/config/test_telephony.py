"""Who answers at which number."""

from __future__ import annotations

import pytest

from voiceserver.config import NumberConfig, TelephonyConfig
from voiceserver.config.parse import parse
from voiceserver.errors import ConfigError


def test_a_number_is_found_however_it_is_written() -> None:
    """With or without its plus, blanks and brackets."""
    config = TelephonyConfig(
        number=(NumberConfig("+1 (555) 0100", greeting="A"), NumberConfig("100"))
    )
    for called in ("+15550100", "15550100", "1 555-0100"):
        assert config.at(called).greeting == "A"
    assert config.at("100").number == "100"


def test_any_other_number_is_answered_too() -> None:
    """By the row of the star, or as the server is."""
    star = NumberConfig("*", greeting="B")
    assert TelephonyConfig(number=(star,)).at("").greeting == "B"
    assert TelephonyConfig().at("7") == NumberConfig("7")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[telephony.number]]\nnumber = ""', "number must not be empty"),
        ('[telephony]\npublic_url = "voice.example.org"', "public_url must be like"),
        ("[telephony]\npatience_ms = 9000", "patience_ms must be"),
        ("[telephony]\nask_after_s = 0.5", "ask_after_s must be"),
        ('[telephony]\ntoken_env = "my secret"', "name of an environment variable"),
        (
            '[[telephony.number]]\nnumber = "1"\n[[telephony.number]]\nnumber = "1"',
            "two [[telephony.number]] tables are for ['1']",
        ),
    ],
)
def test_what_cannot_be_is_refused(text: str, message: str) -> None:
    """With what may be."""
    with pytest.raises(ConfigError) as refused:
        parse(text)
    assert message in str(refused.value)

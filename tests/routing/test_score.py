"""The score, and its weights."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.router.requests import hard, made, parted
from scripts.router.scores import auc
from voiceserver.engines.providers.tiers import router_weights
from voiceserver.errors import ConfigError
from voiceserver.routing.score import VERSION, read_weights
from voiceserver.routing.turns import Turn

WEIGHTS = router_weights()


def test_kept_out_requests_are_told_apart() -> None:
    """AUC of at least 0.9 on wordings that were never trained on."""
    for requests in (parted(made())[1], hard()):
        scores = [WEIGHTS.scored(Turn(each.text)).complex for each in requests]
        assert auc(scores, [each.complex for each in requests]) >= 0.9


def test_a_score_says_why() -> None:
    """In names of features, the most telling first."""
    said = WEIGHTS.scored(Turn("explain the arguments for and against a carbon tax"))
    assert said.complex > 0.9
    assert "reasons" in said.reasons and len(said.reasons) <= 3
    assert WEIGHTS.scored(Turn("play some jazz")).complex < 0.3


@given(st.text(max_size=400))
def test_any_text_has_a_probability(text: str) -> None:
    """And so has each topic."""
    said = WEIGHTS.scored(Turn(text))
    assert 0 <= said.complex <= 1
    assert all(0 <= chance <= 1 for chance in said.topics.values())


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_has_a_lower_threshold(a: float, b: float) -> None:
    """Up to the whole."""
    low, high = sorted((a, b))
    assert WEIGHTS.threshold(high) <= WEIGHTS.threshold(low)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": VERSION + 1}, "of version 2, not 1"),
        ({"score": {"nonsense": 1.0}}, "unknown feature 'nonsense'"),
        ({"shares": [0.5]}, "missing, or not finite"),
        ({"topics": {}}, "cannot be read"),
        ({"name": None, "begins": 3}, "cannot be read"),
    ],
)
def test_weights_that_cannot_be_are_refused(
    change: dict[str, object], words: str
) -> None:
    """Those of another formula above all."""
    shares = [0.0, 1.0]
    topics: dict[str, object] = {
        each: {} for each in ("medical", "selfharm", "legal", "money")
    }
    begins = dict.fromkeys(topics, 0.5)
    whole = {
        "version": VERSION,
        "name": "n",
        "score": {},
        "topics": topics,
        "begins": begins,
        "shares": shares,
    }
    read_weights(json.dumps(whole))
    with pytest.raises(ConfigError, match=words):
        read_weights(json.dumps(whole | change))


def test_what_is_no_json_is_refused() -> None:
    """With what is wrong."""
    with pytest.raises(ConfigError, match="cannot be read"):
        read_weights("[")

"""The training of the router."""

from __future__ import annotations

import json

import pytest

from scripts.router.requests import made, parted
from scripts.router.train import WEIGHTS, trained


def test_what_is_committed_is_what_is_trained() -> None:
    """Up to the last digits of a solver."""
    committed = json.loads(WEIGHTS.read_text("utf-8"))
    again = json.loads(json.dumps(trained(parted(made())[0])))
    assert again["trained"] == committed["trained"]
    for name, weight in committed["score"].items():
        assert again["score"].get(name, 0.0) == pytest.approx(weight, abs=0.02)

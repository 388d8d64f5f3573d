"""The model card."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.voice.card import card
from tests.voice.tiny import write_tiny_voice

INDEX = {
    "recordings": [
        {"name": "a1", "text": "One.", "validation": False},
        {"name": "a2", "text": "One.", "validation": False},
        {"name": "b", "text": "Two.", "validation": True},
    ]
}
QUALITY = {
    "sentences": 1,
    "voices": {"said": {"words": 0.02, "p808": 3.5, "f0_spread_ratio": 0.9}},
}


def test_it_says_whose_voice_it_is_and_how_good(tmp_path: Path) -> None:
    """Consent, data, networks and figures."""
    models = write_tiny_voice(tmp_path / "models")
    (tmp_path / "index.json").write_text(json.dumps(INDEX))
    (tmp_path / "consent.txt").write_text("Ann agreed to it.\n")
    quality = tmp_path / "quality.json"
    quality.write_text(json.dumps(QUALITY))
    text = card(models, tmp_path, quality)
    assert "Ann agreed to it." in text
    assert "3 recordings of 2 texts; 1 of the texts" in text
    assert "| said | 2.0% | 3.5 | 0.9 |" in text
    assert "| vocoder |" in text


def test_without_consent_there_is_no_card(tmp_path: Path) -> None:
    """Nor a voice that may be handed on."""
    models = write_tiny_voice(tmp_path / "models")
    (tmp_path / "index.json").write_text(json.dumps(INDEX))
    with pytest.raises(FileNotFoundError, match="consent"):
        card(models, tmp_path, tmp_path / "none.json")

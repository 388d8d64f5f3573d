"""Plans of clauses."""

from __future__ import annotations

import pytest

from tests.voice.test_speaker import some_clause, tiny_model
from voiceserver.voice.plan import Lead, Manner, plan_clause


@pytest.mark.parametrize("lead", [Lead(30, 40), Lead(0, 2), Lead(31, 31)])
def test_the_silence_before_a_clause_is_as_asked(lead: Lead) -> None:
    """Not shorter than its mark asks for, nor longer than who waits for it can bear."""
    model, _ = tiny_model()
    for seed in range(10):
        plan = plan_clause(model, some_clause(4), Manner(seed=seed), lead)
        assert lead.least <= int(plan.lengths[0]) <= lead.most + 1
        assert plan.n_frames % 2 == 0


@pytest.mark.parametrize(
    ("name", "value"), [("speed", 0.0), ("speed", 5), ("pitch", 13), ("texture", -1)]
)
def test_manner_refuses_what_cannot_be_spoken(name: str, value: float) -> None:
    """Speed 0 and the like are a clear error, not a hang."""
    with pytest.raises(ValueError, match=name):
        Manner(**{name: value})  # type: ignore[arg-type]

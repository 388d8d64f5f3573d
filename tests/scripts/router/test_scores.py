"""How well scores tell two kinds apart."""

from __future__ import annotations

import pytest

from scripts.router.scores import auc, interval


def test_the_area_is_that_of_all_pairs() -> None:
    """Ties count half."""
    assert auc([1, 2, 3, 4], [False, False, True, True]) == 1
    assert auc([4, 3, 2, 1], [False, False, True, True]) == 0
    assert auc([1, 1, 1], [True, False, True]) == 0.5
    assert auc([1, 2, 2, 3], [False, True, False, True]) == pytest.approx(0.875)
    with pytest.raises(ValueError, match="both kinds"):
        auc([1.0], [True])


def test_an_interval_holds_the_area() -> None:
    """Resampled by groups."""
    scores = [float(n) for n in range(40)]
    positive = [n % 3 == 0 or n > 30 for n in range(40)]
    low, high = interval(scores, positive, [n // 2 for n in range(40)], draws=100)
    assert low <= auc(scores, positive) <= high

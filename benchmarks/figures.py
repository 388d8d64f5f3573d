"""Where benchmarks put their figures, and how they sum up many of one kind.

Knows nothing of what is measured.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).parent / "results"


def spread(values: Sequence[float], digits: int = 1) -> dict[str, float] | None:
    """Median, 95th and 99th percentile and extremes, rounded; None for no values."""
    if not values:
        return None
    p95, p99 = np.percentile(values, [95, 99])
    return {
        "p50": round(float(statistics.median(values)), digits),
        "p95": round(float(p95), digits),
        "p99": round(float(p99), digits),
        "min": round(float(min(values)), digits),
        "max": round(float(max(values)), digits),
        "n": len(values),
    }


def write(path: Path, result: Mapping[str, Any]) -> None:
    """Write a benchmark's result as JSON, and its folder if there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")

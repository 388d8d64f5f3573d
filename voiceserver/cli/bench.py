"""``voiceserver bench``: runs the benchmarks that stand in a checkout of the project.

They need its tests' fakes and are not in the installed package; what they measure is
theirs to know.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from voiceserver.errors import BadRequest

_HERE = Path(__file__).resolve().parents[2]


def bench(words: Sequence[str], listing: bool, *places: Path) -> int:
    """Run benchmarks one after the other, in processes of their own.

    Args:
        words: Names; none runs all. Options after a single name are that one's.
        listing: Tell the names instead.
        places: Where a checkout may be; by default, where this package is, then the
            working directory.

    Returns:
        0 if all of them ran well.

    Raises:
        BadRequest: If there is no checkout.
    """
    for place in places or (_HERE, Path.cwd()):
        if (place / "benchmarks" / "__main__.py").is_file():
            break
    else:
        raise BadRequest(
            "the benchmarks are not installed with the package: clone the repository "
            "and run this inside it (or 'make bench' there)"
        )
    more = ["--list"] if listing else list(words)
    command = [sys.executable, "-m", "benchmarks", *more]
    return subprocess.run(command, cwd=place, check=False).returncode

"""How long recorded calls are kept: the oldest go, by age and by size.

Only folders that hold a recorded call are counted or removed. Blocks, so it is called
by the recorder's own thread.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from voiceserver.recording.layout import EVENTS, is_recording

DAY_S = 86_400
GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Kept:
    path: Path
    written_s: float  # since 1970
    n_bytes: int


def expire(
    folder: Path,
    max_age_days: float,
    max_gb: float,
    now_s: float,
    busy: Collection[Path] = (),
) -> list[Path]:
    """Remove recorded calls that are too old, or too many.

    Args:
        folder: Of all recordings.
        max_age_days: Older ones go; 0 is no limit.
        max_gb: Of all together; beyond it the oldest go. 0 is no limit.
        now_s: Seconds since 1970.
        busy: Folders that are being written: counted, and left.

    Returns:
        Those that were removed, oldest first.
    """
    kept = sorted(_all(folder), key=lambda one: one.written_s)
    total = sum(one.n_bytes for one in kept)
    removed = []
    for one in kept:
        too_old = max_age_days > 0 and one.written_s < now_s - max_age_days * DAY_S
        too_many = max_gb > 0 and total > max_gb * GB
        if one.path in busy or not (too_old or too_many):
            continue
        shutil.rmtree(one.path, ignore_errors=True)
        total -= one.n_bytes
        removed.append(one.path)
    return removed


def recordings_in(folder: Path) -> list[Path]:
    """The folders of recorded calls right below a folder, by name."""
    try:
        below = sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError:
        return []
    return [path for path in below if is_recording(path)]


def _all(folder: Path) -> list[_Kept]:
    kept = []
    for path in recordings_in(folder):
        try:
            n_bytes = sum(file.stat().st_size for file in path.iterdir())
            kept.append(_Kept(path, (path / EVENTS).stat().st_mtime, n_bytes))
        except OSError:  # another worker has removed it meanwhile
            continue
    return kept

"""Which voices are one person to a speaker encoder, and whose are men's.

By directions alone (cosines of embeddings): whoever made them is not known here. Men
and women are recordings of many people, told apart by the median of their F0.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.recordings import data_folder, read
from scripts.voice.pitch import track_pitch
from voiceserver.audio import SPEECH_RATE, Samples

ALIKE = 0.75  # cosine above which two voices are one person to the encoder
MAN_HZ, WOMAN_HZ = 135.0, 185.0  # medians of F0 below and above which nobody asks
PEOPLE = 12  # recordings of each
FOLDER = "barista"  # short orders by more than fifty people

Floats = NDArray[np.float64]


def people() -> dict[str, list[Samples]]:
    """Recordings of men and of women; none where there are no recordings."""
    found: dict[str, list[Samples]] = {"men": [], "women": []}
    try:
        names = sorted(p.name for p in (data_folder() / FOLDER).glob("*.flac"))
    except SystemExit:
        return found
    for name in names:
        samples = read(f"{FOLDER}/{name}", SPEECH_RATE).samples
        pitch = track_pitch(samples, thorough=False)
        voiced = pitch.f0_hz[pitch.voicing > 0.5]
        hz = float(np.median(voiced)) if len(voiced) else MAN_HZ
        if not MAN_HZ <= hz <= WOMAN_HZ:
            sex = found["men" if hz < MAN_HZ else "women"]
            sex += [samples][: PEOPLE - len(sex)]
        if all(len(x) == PEOPLE for x in found.values()):
            break
    return found


def unlike(names: Sequence[str], cosines: Floats, limit: float = ALIKE) -> list[str]:
    """The largest group of voices of which any two lie no nearer than the limit."""
    best: tuple[int, ...] = ()
    for size in range(1, len(names) + 1):
        for chosen in itertools.combinations(range(len(names)), size):
            pairs = itertools.combinations(chosen, 2)
            if all(cosines[i, j] <= limit for i, j in pairs):
                best = chosen
                break
        else:
            break
    return [names[i] for i in best]


def centroid(embedded: Iterable[Sequence[float]]) -> Floats:
    """Mean direction of embeddings."""
    mean = np.mean(np.array(list(embedded), np.float64), 0)
    return np.asarray(mean / np.linalg.norm(mean))


def likeness(
    by: Mapping[str, Floats],
    persons: Mapping[str, Sequence[Floats]],
    own: Sequence[str],
) -> dict[str, Any]:
    """How alike voices are, and whether each is nearer to men or to women.

    Args:
        by: Direction by voice.
        persons: Directions of recordings, as ``men`` and ``women``; maybe none.
        own: Names of the voices that are counted; the others are shown beside them.
    """
    names = list(by)
    cosines = np.array([[float(by[a] @ by[b]) for b in names] for a in names])
    at = [names.index(name) for name in own]
    inner = cosines[np.ix_(at, at)]
    pairs = inner[np.triu_indices(len(at), 1)]
    result: dict[str, Any] = {
        "names": names,
        "cosines": [[round(float(x), 3) for x in line] for line in cosines],
        "pairs": len(pairs),
        "pairs_above": int((pairs > ALIKE).sum()),
        "unlike": unlike(own, inner),
    }
    if persons.get("men") and persons.get("women"):
        result["people"] = {sex: len(found) for sex, found in persons.items()}
        result["nearer_to_men_by"] = {
            name: round(
                float(
                    np.mean([by[name] @ p for p in persons["men"]])
                    - np.mean([by[name] @ p for p in persons["women"]])
                ),
                3,
            )
            for name in names
        }
    return result

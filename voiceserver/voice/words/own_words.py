"""An operator's own words: how a name, a brand or a term of the house is said.

    Nguyen      N W IH1 N          CMU's phones
    Siobhan     /ʃɪˈvɔːn/          IPA between strokes
    GIF         jif                or a respelling, read as words are,
    kubectl     koob-see-TEE-el    in capitals where it is stressed

A line is a word, a tabulator and how it is said; ``#`` begins a comment. A word in
lower case is meant however it is written, one with capitals only as it stands. Finds
such words in a text and says which range of it is said how; knows nothing of sentences.
"""  # noqa: RUF002 - IPA is what it is

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from voiceserver.voice.words.phones import Pronunciation, with_s
from voiceserver.voice.words.transcription import is_cmu, read_phones

MOST_WORDS = 20_000
LARGEST = 2_000_000  # bytes of a file
LONGEST_LINE = 300  # characters

_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_RESPELLING = re.compile(r"[A-Za-z]+(?:[ '-][A-Za-z]+)*")

Read = Callable[[str], Pronunciation]


@dataclass(frozen=True, slots=True)
class Said:
    """A range of a text that is said as it is given, whatever stands there.

    Attributes:
        start: Its first character.
        end: After the last one; not before ``start`` and one more.
        phones: Of the voice's alphabet, stress on the vowels.
    """

    start: int
    end: int
    phones: Pronunciation


class OwnWords:
    """Words and how they are said. Immutable once built."""

    def __init__(self, entries: Mapping[str, Pronunciation]) -> None:
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def _known(self, word: str) -> Pronunciation | None:
        plain = word.replace("\u2019", "'")
        for written in (plain, plain.lower()):
            if found := self._entries.get(written):
                return found
            if written.endswith("'s") and (stem := self._entries.get(written[:-2])):
                return with_s(stem)
        return None

    def said(self, text: str) -> Iterator[Said]:
        """Ranges of a text that hold one of the words, in order."""
        if not self._entries:
            return
        for found in _WORD.finditer(text):
            phones = self._known(found[0])
            if phones:
                yield Said(found.start(), found.end(), phones)
            elif "-" in found[0]:
                yield from self._parts(found)

    def _parts(self, found: re.Match[str]) -> Iterator[Said]:
        """Words within one with hyphens."""
        at = found.start()
        for part in found[0].split("-"):
            phones = self._known(part)
            if phones:
                yield Said(at, at + len(part), phones)
            at += len(part) + 1


def parse_own_words(lines: Iterable[str], read: Read) -> OwnWords:
    """Read the lines of a file.

    Args:
        lines: In order.
        read: Gives the phones of one word of a respelling, in lower case.

    Raises:
        ValueError: At a line that cannot be read; names it and says why.
    """
    entries: dict[str, Pronunciation] = {}
    for number, line in enumerate(lines, 1):
        content = line.rstrip("\r\n")
        if not content.strip() or content.lstrip().startswith("#"):
            continue
        try:
            _add(entries, content, read)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    return OwnWords(entries)


def _add(entries: dict[str, Pronunciation], line: str, read: Read) -> None:
    word, phones = _entry(line, read)
    if word in entries:
        raise ValueError(f"{word!r} stands in a line before")
    if len(entries) >= MOST_WORDS:
        raise ValueError(f"more than {MOST_WORDS} words")
    entries[word] = phones


def _entry(line: str, read: Read) -> tuple[str, Pronunciation]:
    if len(line) > LONGEST_LINE:
        raise ValueError(f"longer than {LONGEST_LINE} characters")
    if "\t" not in line:
        raise ValueError("no tabulator between a word and how it is said")
    word, _, how = line.partition("\t")
    word, how = word.strip().replace("\u2019", "'"), how.strip()
    if not _WORD.fullmatch(word):
        raise ValueError(
            f"{word!r} is no word: letters and digits, hyphens and apostrophes within"
        )
    if not how:
        raise ValueError(f"nothing says how {word!r} is said")
    return word, _phones(how, read)


def _phones(how: str, read: Read) -> Pronunciation:
    if how.startswith("/"):
        return read_phones("ipa", how)
    if is_cmu(how):
        return read_phones("cmu", how)
    if not _RESPELLING.fullmatch(how):
        raise ValueError(
            f"{how!r} is neither CMU's phones, IPA between strokes, nor a respelling "
            "of letters alone"
        )
    return _respelt(re.split(r"[ -]", how), read)


def _respelt(parts: list[str], read: Read) -> Pronunciation:
    """Phones of a respelling; of several parts the one in capitals is stressed."""
    loud = [i for i, part in enumerate(parts) if len(part) > 1 and part.isupper()]
    stressed = loud[0] if loud and len(parts) > 1 else 0
    spoken: list[str] = []
    for i, part in enumerate(parts):
        phones = read(part.lower())
        spoken += phones if i == stressed else (p.replace("1", "2") for p in phones)
    return tuple(spoken)


def load_own_words(path: Path, read: Read) -> OwnWords:
    """Read a file, UTF-8; the arguments are as for `parse_own_words`.

    Raises:
        OSError: If it cannot be read.
        ValueError: If something in it cannot; names the line.
    """
    with path.open("rb") as f:
        raw = f.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise ValueError(f"larger than {LARGEST} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = raw[: error.start].count(b"\n") + 1
        raise ValueError(f"line {number}: not UTF-8") from None
    return parse_own_words(text.split("\n"), read)

"""Finds the values of slots in what was said, wherever they stand.

Longest wordings first, none overlapping; plurals count; what is only nearly a wording
is *doubtful*. A slot said twice takes the later value where the caller corrected
himself ("a latte, no, a mocha"), else both are offered back. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace

from voiceserver.engines.domain.sounds import SoundIndex
from voiceserver.engines.domain.terms import Slot
from voiceserver.engines.responder import numbers

_CORRECTIONS = frozenset("no actually sorry rather instead wait make".split())
_WITHOUT = frozenset("no without hold skip".split())


@dataclass(frozen=True, slots=True)
class Found:
    """A value of a slot in what was said.

    Attributes:
        slot: Its name.
        values: One, or several to choose from.
        start: Index of its first word.
        end: Index after its last.
        near: Whether it only sounds like what is written.
        left_out: Whether it was said that it is not wanted: "no milk".
    """

    slot: str
    values: tuple[str, ...]
    start: int
    end: int
    near: bool = False
    left_out: bool = False

    @property
    def certain(self) -> bool:
        """Whether there is nothing to be asked about it."""
        return len(self.values) == 1 and not self.near


class Filling:
    """Finds values of these slots.

    Args:
        slots: In the order of preference where two could be meant.
        needed: Those that have to be known.
    """

    def __init__(self, slots: Iterable[Slot], needed: Iterable[str] = ()) -> None:
        self._slots = tuple(slots)
        self._needed = frozenset(needed)
        self._longest = max(
            (len(wording) for slot in self._slots for wording in slot.values), default=1
        )
        self._sounds = {slot.name: SoundIndex(slot.values) for slot in self._slots}

    def find(
        self,
        words: Sequence[str],
        asked: str = "",
        pauses: Container[int] = frozenset(),
    ) -> tuple[Found, ...]:
        """Return at most one find a slot, in the order said.

        Args:
            words: As ``engines.words.words_of`` gives them.
            pauses: Indices of words that begin a clause: "no, milk" is not "no milk".
            asked: The slot that was asked for: a number alone is that one's, and words
                that only sound like a value are looked for in it first.
        """
        taken = [False] * len(words)
        finds = [*self._exact(words, taken, pauses)]
        finds += self._numbers(words, taken, asked)
        finds += self._doubtful(words, taken, asked, {find.slot for find in finds})
        return tuple(_one_each(sorted(finds, key=lambda f: f.start), words))

    def _exact(
        self, words: Sequence[str], taken: list[bool], pauses: Container[int]
    ) -> Iterable[Found]:
        for size in range(min(self._longest, len(words)), 0, -1):
            for start in range(len(words) - size + 1):
                end = start + size
                if any(taken[start:end]):
                    continue
                if match := self._slot_of(tuple(words[start:end])):
                    taken[start:end] = [True] * size
                    slot, value = match
                    denied = start > 0 and words[start - 1] in _WITHOUT
                    out = denied and start not in pauses
                    yield Found(slot, (value,), start, end, left_out=out)

    def _slot_of(self, wording: tuple[str, ...]) -> tuple[str, str] | None:
        for slot in self._slots:
            for form in _singular(wording):
                if form in slot.values:
                    return slot.name, slot.values[form]
        return None

    def _numbers(
        self, words: Sequence[str], taken: list[bool], asked: str
    ) -> Iterable[Found]:
        slots = [slot for slot in self._slots if slot.number is not None]
        slots.sort(key=lambda slot: slot.name != asked)
        at = 0
        while slots and at < len(words):
            read = numbers.read(words, at) if not taken[at] else None
            if read is None:
                at += 1
                continue
            number, end = read
            for slot in slots:
                least, most = slot.number or (0, 0)
                if number == int(number) and least <= number <= most:
                    taken[at:end] = [True] * (end - at)
                    yield Found(slot.name, (str(int(number)),), at, end)
                    slots = [each for each in slots if each is not slot]
                    break
            at = end

    def _doubtful(
        self, words: Sequence[str], taken: list[bool], asked: str, known: set[str]
    ) -> Iterable[Found]:
        slots = [slot.name for slot in self._slots if slot.name not in known]
        slots.sort(key=lambda name: name != asked)
        for slot in slots:
            index = self._sounds[slot]
            # Spelling alone is little evidence: only for what has to be known.
            looser = (
                [index.spelled_like] if slot == asked or slot in self._needed else []
            )
            for alike in (index.like, *looser):
                if find := self._sounding(slot, alike, words, taken):
                    taken[find.start : find.end] = [True] * (find.end - find.start)
                    yield find
                    break

    def _sounding(
        self,
        slot: str,
        alike: Callable[[Sequence[str]], tuple[str, ...]],
        words: Sequence[str],
        taken: Sequence[bool],
    ) -> Found | None:
        """The longest stretch of free words that is like a value of the slot."""
        for size in range(min(self._longest + 2, len(words)), 0, -1):
            for start in range(len(words) - size + 1):
                end = start + size
                if any(taken[start:end]):
                    continue
                if values := alike(words[start:end]):
                    return Found(slot, values[:2], start, end, near=True)
        return None


def _singular(wording: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    """A wording as said, and, if its last word may be a plural, its singular."""
    yield wording
    last = wording[-1]
    if len(last) > 3 and last.endswith("s"):
        yield (*wording[:-1], last[:-1])
        if last.endswith("es"):
            yield (*wording[:-1], last[:-2])


def _one_each(finds: Sequence[Found], words: Sequence[str]) -> Iterable[Found]:
    """Of several finds of one slot keep one: the correction, or both as a choice."""
    kept: dict[str, Found] = {}
    for find in finds:
        before = kept.get(find.slot)
        if before is None or _says_more(find, before, words):
            kept[find.slot] = find
        elif not _says_more(before, find, words):
            both = (*before.values, *find.values)
            kept[find.slot] = replace(before, values=both, end=find.end)
    return kept.values()


def _says_more(later: Found, before: Found, words: Sequence[str]) -> bool:
    """Whether a find takes another's place: it corrects it, or says it at length."""
    between = words[before.end : later.start]
    if before.left_out or _CORRECTIONS & set(between):
        return True
    said = words[later.start : later.end]
    size = before.end - before.start
    return list(said[-size:]) == list(words[before.start : before.end])

"""Which beginnings of conversations stay computed: the next turn of one reads on there.

What was computed belongs to tokens, and may be used for whatever begins with the same.
The next turn of a call goes on in its own; what another call shares with it, mostly the
instructions, is copied, so that both have theirs. Of too many the one goes that was not
used for the longest. Pure; knows nothing of what a computed beginning is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Generic, TypeVar

C = TypeVar("C")


@dataclass(slots=True)
class Beginning(Generic[C]):
    """One that is computed.

    Attributes:
        computed: For the tokens.
        tokens: Whose they are; whoever computes on adds to both.
        shared: How many of them it was begun with. What differs before that is
            another conversation.
    """

    computed: C
    tokens: list[int]
    shared: int = 0


@dataclass(frozen=True, slots=True)
class Ways(Generic[C]):
    """How computed beginnings are made.

    Attributes:
        fresh: Makes one of nothing.
        copied: Copies the first ``n`` tokens; None if that cannot be done.
        cut: Cuts off all but the first ``n``; false if that cannot be done.
    """

    fresh: Callable[[], C]
    copied: Callable[[C, int], C | None]
    cut: Callable[[C, int], bool]


class Beginnings(Generic[C]):
    """Those of some conversations.

    Args:
        most: How many, at least 1, beside the one that is kept for all.
        ways: How they are made.
    """

    def __init__(self, most: int, ways: Ways[C]) -> None:
        self._most = most
        self._ways = ways
        self._kept: list[Beginning[C]] = []  # the oldest use first
        self._for_all: Beginning[C] | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def keep_for_all(self, beginning: Beginning[C]) -> None:
        """Keep one that every conversation may begin with; it is only ever copied."""
        self._kept = [each for each in self._kept if each is not beginning]
        self._for_all = beginning

    def take(self, tokens: Sequence[int]) -> Beginning[C]:
        """Return what is computed of these tokens, in the longest way there is.

        At least the last of them is left to be computed: its outcome is wanted.

        Args:
            tokens: Of a whole prompt, at least one.
        """
        taken = self._longest(tokens)
        if taken is None:
            taken = Beginning(self._ways.fresh(), [])
        self._kept = [each for each in self._kept if each is not taken]
        self._kept.append(taken)
        del self._kept[: -self._most]
        return taken

    def drop(self, beginning: Beginning[C]) -> None:
        """Forget one that came to nothing."""
        self._kept = [each for each in self._kept if each is not beginning]

    def _longest(self, tokens: Sequence[int]) -> Beginning[C] | None:
        every = [*self._kept, *([self._for_all] if self._for_all else [])]
        most = len(tokens) - 1
        found = [(min(_alike(each.tokens, tokens), most), each) for each in every]
        for n, each in sorted(found, key=lambda pair: -pair[0]):
            if n == 0:
                return None
            if n > each.shared and each is not self._for_all:
                if n < len(each.tokens) and not self._ways.cut(each.computed, n):
                    continue
                each.tokens = each.tokens[:n]
                each.shared = n
                return each
            copy = self._ways.copied(each.computed, n)
            if copy is not None:
                return Beginning(copy, each.tokens[:n], n)
        return None


def _alike(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens both begin with."""
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in pairs)

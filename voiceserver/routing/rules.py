"""The operator's rules: words in an order, or a trained topic, and what follows. Pure.

Looking a turn up costs as much for ten rules as for thousands: a rule is looked at only
where its rarest kind of word is in the turn, and matching is linear in the turn's
words. Of several rules that match, the most careful holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from voiceserver.config import RouterRule

ANY = "*"
CAREFUL = ("hand_over", "refuse", "complex", "simple")  # the first holds
_PREFIX = 3  # letters by which beginnings of words are looked up


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that was made ready.

    Attributes:
        name: Of it, or ``"rule 3"``.
        rule: As configured.
        segments: Runs of words that follow each other; between them anything may
            stand. Empty for a topic.
    """

    name: str
    rule: RouterRule
    segments: tuple[tuple[str, ...], ...]


class Rules:
    """The rules, ready to be looked up.

    Args:
        rules: As configured, not contradicting each other.

    Attributes:
        strict: One of them allows the strong tier only.
        topics: Those about a topic.
    """

    def __init__(self, rules: Sequence[RouterRule]) -> None:
        self.strict = any(rule.then == "complex" for rule in rules)
        self.topics: list[Rule] = []
        self._by_word: dict[str, list[Rule]] = {}
        self._by_beginning: dict[str, list[Rule]] = {}
        for at, rule in enumerate(rules):
            made = Rule(rule.name or f"rule {at + 1}", rule, _segments(rule.pattern))
            if rule.topic:
                self.topics.append(made)
                continue
            words = [word for segment in made.segments for word in segment]
            whole = [word for word in words if not word.endswith(ANY)]
            # The longest word is likely to be the rarest.
            if whole:
                self._by_word.setdefault(max(whole, key=len), []).append(made)
            else:
                beginning = max(words, key=len)[:-1][:_PREFIX]
                self._by_beginning.setdefault(beginning, []).append(made)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.topics or self._by_word or self._by_beginning)

    def matching(
        self,
        words: Sequence[str],
        topics: Mapping[str, float],
        begins: Mapping[str, float],
    ) -> Rule | None:
        """Return the most careful rule that a turn matches; None if it does none.

        Args:
            words: Of the turn.
            topics: Probability of each topic.
            begins: From which probability on a turn is of it.
        """
        found = [
            each
            for each in self.topics
            if topics.get(each.rule.topic, 0.0) >= begins.get(each.rule.topic, 1.0)
        ]
        found += [each for each in self._looked_up(words) if _matches(each, words)]
        return min(found, key=lambda each: CAREFUL.index(each.rule.then), default=None)

    def _looked_up(self, words: Sequence[str]) -> Iterator[Rule]:
        known = self._by_word
        for word in dict.fromkeys(words):
            if word in known:
                yield from known[word]
            if self._by_beginning:
                for n in range(1, min(len(word), _PREFIX) + 1):
                    yield from self._by_beginning.get(word[:n], ())


def _segments(pattern: str) -> tuple[tuple[str, ...], ...]:
    segments: list[list[str]] = [[]]
    for word in pattern.lower().split():
        if word == ANY:
            segments.append([])
        else:
            segments[-1].append(word)
    return tuple(tuple(each) for each in segments if each)


def _matches(rule: Rule, words: Sequence[str]) -> bool:
    """Whether the segments stand in the words, in order.

    The first place of a segment leaves the most room for the next: no going back.
    """
    at = 0
    for segment in rule.segments:
        last = len(words) - len(segment)
        while at <= last and not all(map(_is, segment, words[at : at + len(segment)])):
            at += 1
        if at > last:
            return False
        at += len(segment)
    return True


def _is(wanted: str, word: str) -> bool:
    if wanted.endswith(ANY):
        return word.startswith(wanted[:-1])
    return word == wanted

"""What of Whisper's words is believed, and how many it may write. Pure.

In a short context Whisper hears as well as in a long one, but now and then does not
stop: it says the sentence again. The first copy is right, so the number of tokens is
bounded by the time and the repeated tail cut off. Where nobody speaks it always has
something to say; three figures that it gives tell that apart. Limits were chosen on
136 decodes of noise and 459 of speech. That it doubts a voice does not count against
words of which it is sure: a number said figure by figure, or a long text read aloud.
"""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from voiceserver.audio import MIC_RATE
from voiceserver.engines.words import words_of

TOKENS = 10  # however short it is
TOKENS_PER_S = 6.0  # beyond; people say some 3 to 4
LEAST_LOGPROB = -1.0  # speech has a median of -0.17, and 1 % is below -0.97
LEAST_CAPPED_LOGPROB = -0.3  # of what did not stop by itself
MOST_NO_SPEECH = 0.5
LEAST_QUIET_LOGPROB = -0.6  # of what it doubts that anybody said
# The mean over a word or two says little: of 78 pieces of one or two words seven were
# right and had -1.06 to -1.65. Noise as short has -1.5 to -5, and doubts by 0.39 at
# least that anybody spoke; no piece by more than 0.14.
FEW_WORDS = 2
LEAST_FEW_LOGPROB = -1.7
SURELY_SPEECH = 0.2
HURRIED_S = 0.35  # for each word; nobody says a sentence twice in so little time
# The same where only the end is said twice: with more time, somebody did. (Of sentences
# that people read twice in a row, every third was lost; loops take half as long.)
HURRIED_TAIL_S = 0.25
# A decode that was told words is compared with one without. Of 134 recordings of other
# speech, told the words of a coffee bar, 9 are between this and -0.8: 3 are heard
# better without, none worse (90 of 1,176 words wrong, 99 before); of 290 orders none.
DOUBTFUL_LOGPROB = -0.5
# A loop within a word ("1-0-0-0-1-90-2-1-0-0-0-..."), of which it may be quite sure; a
# trillion has twelve noughts.
_ENDLESS = re.compile(r"(\S{1,3}?)\1{12,}")
# What is this much less likely than the likeliest may be what was said, where it has
# fewer words that the place does not know: with 0.1 of 154 orders in noise 153 are
# right, with 0.05 two fewer, with 0.2 as many.
NEARLY_AS_LIKELY = 0.1
MOST_STRANGE = 1 / 3  # of the words
VOICED_MS = 400  # of voice: that it had no words is not believed


def most_tokens(n_samples: int) -> int:
    """How many tokens this much audio may become."""
    return int(TOKENS + TOKENS_PER_S * n_samples / MIC_RATE)


def is_believed(
    logprob: float, no_speech: float, capped: bool, n_words: int = FEW_WORDS + 1
) -> bool:
    """Whether somebody said these words.

    Args:
        logprob: Mean natural logarithm of the tokens' probabilities.
        no_speech: Probability that nobody speaks.
        capped: It wrote as many tokens as it may.
        n_words: How many they are.
    """
    least = LEAST_LOGPROB if no_speech <= MOST_NO_SPEECH else LEAST_QUIET_LOGPROB
    if 0 < n_words <= FEW_WORDS and no_speech <= SURELY_SPEECH:
        least = LEAST_FEW_LOGPROB
    if logprob < least:
        return False
    return not (capped and logprob < LEAST_CAPPED_LOGPROB)


def is_endless(text: str) -> bool:
    """Whether a few letters or figures are written again and again in one word."""
    return _ENDLESS.search(text) is not None


def n_strange(text: str, known: Container[str]) -> int:
    """How many words of a text a place does not know; plurals are known."""
    return sum(not (w in known or w.removesuffix("s") in known) for w in _words(text))


def is_nearly_known(text: str, known: Container[str]) -> bool:
    """Whether a few words are strange; where most are, something else is said."""
    return 0 < n_strange(text, known) <= MOST_STRANGE * len(_words(text))


def _words(text: str) -> list[str]:
    return words_of(text.replace("-", " ")).split()


def expected(ways: Sequence[tuple[str, float]], known: Container[str]) -> int:
    """Which way of writing the same audio down a place would expect.

    Args:
        ways: Text and mean logarithm of its tokens' probabilities, the likeliest first.
        known: The words that the place knows.

    Returns:
        Index of the one with the fewest strange words, among those nearly as likely as
        the first.
    """
    least = ways[0][1] - NEARLY_AS_LIKELY
    near = [n for n, (_, logprob) in enumerate(ways) if logprob >= least]
    return min(near, key=lambda n: (n_strange(ways[n][0], known), n))


def trimmed(text: str, capped: bool, audio_s: float = 30.0) -> str:
    """Text without what it says again and again at its end.

    Args:
        text: As it was written.
        capped: It wrote as many tokens as it may. Then all is cut off from where it
            first said two words twice, or one three times; else only what nobody says
            in so little time: all of it twice, or a tail that says four words twice,
            or two three times.
        audio_s: In how much time. People do say things twice: a number, a name.
    """
    words = text.split()
    keys = [words_of(word) for word in words]
    if audio_s < HURRIED_S * len(words):
        words = words[: _copy(keys)]
        keys = keys[: len(words)]
    if capped:
        keys = keys[: _loop(keys)]
    elif audio_s < HURRIED_TAIL_S * len(words):
        keys = keys[: _tail(keys)]
    return " ".join(words[: len(keys)])


def _copy(keys: Sequence[str]) -> int:
    """Words before the same are said again, once or more, to the end."""
    for period in range(1, len(keys) // 2 + 1):
        times, rest = divmod(len(keys), period)
        if not rest and [*keys] == [*keys[:period]] * times:
            return period
    return len(keys)


def _loop(keys: Sequence[str]) -> int:
    """Words before the first loop."""
    for begin in range(len(keys)):
        for period in range(1, (len(keys) - begin) // 2 + 1):
            times = 3 if period == 1 else 2
            said = keys[begin : begin + period]
            if keys[begin : begin + times * period] == [*said] * times:
                return begin + period
    return _tail(keys)


def _tail(keys: Sequence[str]) -> int:
    """Words before a repeated tail."""
    for period in range(2, len(keys) // 2 + 1):
        repeated = _repeated(keys, period)
        if repeated >= period * (1 if period >= 4 else 2):
            return len(keys) - repeated
    return len(keys)


def _repeated(keys: Sequence[str], period: int) -> int:
    """How many words at the end equal those a period before them."""
    n = 0
    while n + period < len(keys) and keys[-1 - n] == keys[-1 - n - period]:
        n += 1
    return n


def agreed(before: str, now: str) -> str:
    """The words at the beginning of ``now`` in which both agree.

    Words of which two decodes say the same are seldom taken back: in 208 none were
    (LocalAgreement-2, Liu et al. 2020, arXiv 2005.11185).
    """
    words = now.split()
    n = 0
    for one, other in zip(before.split(), words, strict=False):
        if words_of(one) != words_of(other):
            break
        n += 1
    return " ".join(words[:n])

"""Whisper by CTranslate2: features of some utterances in, what was said out.

Encodes what there is and a few seconds of silence, not 30 s: on a core a final of 2 s
takes 97 ms instead of 1155 at the same errors. Knows no turns, segments or processes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from voiceserver.audio import MIC_RATE, Samples
from voiceserver.engines.whisper.beliefs import (
    DOUBTFUL_LOGPROB,
    NEARLY_AS_LIKELY,
    expected,
    is_believed,
    is_endless,
    is_nearly_known,
    most_tokens,
    n_strange,
    trimmed,
)
from voiceserver.engines.whisper.device import chosen
from voiceserver.engines.whisper.features import HOP, log_mel
from voiceserver.engines.whisper.tokens import Tokens
from voiceserver.events import TimedWord

if TYPE_CHECKING:
    import ctranslate2

log = logging.getLogger(__name__)

MOST_FRAMES = 3000  # that a model was trained on: 30 s
MOST_PROMPT = 200  # tokens; the decoder has 448 places in all
MOST_TOKENS = 224
# Silence after the audio: with less a model does not stop (measured: base in 9 % of
# utterances at 2 s, 2 % at 3 s; tiny.en in 12 % at 3 s, 3 % at 5 s).
PAD_S = 3.0
PAD_TINY_S = 5.0
# A word or two need more of it: of 48 such pieces, cut out of sentences of one speaker,
# base heard 22 % of the words wrong with 3 s and 16 % with 6 s (wide intervals). Of 78
# 14 % were wrong where the likeliest token was taken each time, 12 where five ways were
# followed, at 3 % more CPU time; with silence before them it were 28.
SHORT_S = 1.6
PAD_SHORT_S = 6.0
BEAM_SHORT = 5
# What is not believed is decoded once more with more silence and five ways: in noise
# at 10 dB the errors fall from 8.6 to 6.8 % of 1,347 words, with 5 of 157 utterances
# decoded twice; of 78 clean ones and by telephone none are, and none of 81 noises got
# words by it.
PAD_AGAIN_S = 10.0
BEAM_AGAIN = 5
# Where the likeliest token is taken each time, words come out that there are not
# ("whishugar"), surely enough not to be doubted. Where a place knows its words, what
# has a few others is decoded five ways, and the one kept that has the fewest: of 154
# orders in noise 153 are right instead of 148, with 16 % decoded again.
WAYS = 5
TINY_BYTES = 100_000_000
COST_TIMES = 3  # the first has cold memory, and others work beside it
COST_TOKENS = 8  # of two seconds: people say some four a second
TOKEN_S = 0.02  # of audio, for each place of the encoder


@dataclass(frozen=True, slots=True)
class Asked:
    """An utterance to be decoded.

    Attributes:
        samples: Shape ``(n,)``, 16 kHz, at most 28 s.
        language: As Whisper names it, ``"auto"`` is found out.
        prompt: Words to be expected, ``""`` for none.
        timed: Times of the words are wanted.
        last: No better decode of it follows, so that there is time for a second.
        known: Words that the place knows, with which nearly all is said; it knows any
            where there are none.
    """

    samples: Samples
    language: str = "en"
    prompt: str = ""
    timed: bool = False
    last: bool = False
    known: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Way:
    """How utterances are decoded.

    Attributes:
        told: With the words that they were told to expect.
        beam: How many beginnings are followed; short ones have ``BEAM_SHORT`` at least.
        pad_s: Least silence behind them.
        choose: Of these, what the place would expect; else the likeliest.
    """

    told: bool = True
    beam: int = 1
    pad_s: float = 0.0
    choose: bool = False


FIRST = Way()
EXPECTED = Way(beam=WAYS, choose=True)
UNTOLD = Way(told=False)
WITH_CARE = Way(told=False, beam=BEAM_AGAIN, pad_s=PAD_AGAIN_S)


@dataclass(frozen=True, slots=True)
class Decoded:
    """What Whisper wrote.

    Attributes:
        text: With case and punctuation, repeated tails cut off.
        logprob: Mean natural logarithm of the tokens' probabilities.
        no_speech: Probability that nobody speaks.
        capped: It had to be stopped.
        language: That it wrote.
        timed: The words one by one, if asked for.
    """

    text: str
    logprob: float
    no_speech: float
    capped: bool
    language: str
    timed: tuple[TimedWord, ...] = ()

    @property
    def believed(self) -> bool:
        """Whether somebody said this."""
        if is_endless(self.text):
            return False
        n_words = len(self.text.split())
        return is_believed(self.logprob, self.no_speech, self.capped, n_words)


class WhisperModel:
    """A model in memory. Not for use by two threads.

    Args:
        folder: With ``model.bin``, ``config.json`` and ``tokenizer.json``, as
            CTranslate2 keeps a Whisper model.
        device: ``"cpu"``, ``"cuda"``, or ``"auto"``: a GPU where there is one.

    Raises:
        EngineFailed: If it cannot be loaded; says what to do.
    """

    def __init__(self, folder: Path, device: str = "auto") -> None:
        import ctranslate2

        self.tokens = Tokens(folder)
        self.device, self._model = chosen(folder, device, ctranslate2)
        self.bands = int(self._model.n_mels)
        self.multilingual = bool(self._model.is_multilingual)
        tiny = (folder / "model.bin").stat().st_size < TINY_BYTES
        self._pad = round((PAD_TINY_S if tiny else PAD_S) * MIC_RATE) // HOP

    def cost_s(self) -> float:
        """What two seconds of speech cost, in seconds of the processor.

        As many tokens as people say in them are written, whatever is heard: noise
        would end at once.
        """
        rng = np.random.default_rng(1)
        asked = Asked(rng.normal(0, 0.03, 2 * MIC_RATE).astype(np.float32))
        prompt = [*self._start("en"), self.tokens.no_times]
        costs = []
        for _ in range(COST_TIMES):
            began_s = time.process_time()
            self._model.generate(
                self._encode([asked]),
                [prompt],
                beam_size=1,
                max_length=2 * COST_TOKENS,
                suppress_tokens=[-1, self.tokens.end],
            )
            costs.append(time.process_time() - began_s)
        return min(costs)

    def decode(self, asked: Sequence[Asked]) -> list[Decoded]:
        """Decode some utterances in one pass.

        One that was told words and is in doubt is decoded again without them, and the
        better of both is kept: a menu lifts orders to 98 %, and other speech from 4 %
        word errors to 29. Of one that is its utterance's last and has words that the
        place does not know, what it would expect is looked for; one that is not
        believed is decoded again with more care.
        """
        found = self._generate(asked)
        doubtful = [n for n, o in enumerate(asked) if o.prompt and _doubtful(found[n])]
        self._again(asked, found, doubtful, UNTOLD)
        strange = [n for n, one in enumerate(asked) if _strange(one, found[n])]
        self._again(asked, found, strange, EXPECTED)
        last = [n for n, one in enumerate(asked) if one.last and not found[n].believed]
        self._again(asked, found, last, WITH_CARE)
        return found

    def _again(
        self,
        asked: Sequence[Asked],
        found: list[Decoded],
        some: Sequence[int],
        way: Way,
    ) -> None:
        """Decode some in another way; keep the better."""
        if not some:
            return
        others = self._generate([asked[n] for n in some], way)
        for n, other in zip(some, others, strict=True):
            if _is_better(other, found[n], asked[n].known if way.choose else None):
                found[n] = other

    def _encode(
        self, asked: Sequence[Asked], way: Way = FIRST
    ) -> ctranslate2.StorageView:
        import ctranslate2

        needed = [self._n_frames(len(one.samples), way) for one in asked]
        n_frames = min(MOST_FRAMES, max(needed))
        features = np.stack(
            [log_mel(one.samples, n_frames, self.bands) for one in asked]
        )
        view = ctranslate2.StorageView.from_array(np.ascontiguousarray(features))
        return self._model.encode(view, to_cpu=False)

    def _n_frames(self, n_samples: int, way: Way) -> int:
        least_s = max(way.pad_s, PAD_SHORT_S if _short(n_samples) else 0.0)
        return n_samples // HOP + max(self._pad, round(least_s * MIC_RATE) // HOP)

    def _generate(self, asked: Sequence[Asked], way: Way = FIRST) -> list[Decoded]:
        encoded = self._encode(asked, way)
        languages = self._languages(encoded, asked)
        prompts = [
            self._prompt(one.prompt if way.told else "", language)
            for one, language in zip(asked, languages, strict=True)
        ]
        # Prompts of one pass have to be of one length; mostly they are.
        found: dict[int, Decoded] = {}
        for length in {len(prompt) for prompt in prompts}:
            some = [n for n, prompt in enumerate(prompts) if len(prompt) == length]
            view = encoded if len(some) == len(asked) else None
            if view is None:
                view = self._encode([asked[n] for n in some], way)
            beam = max(way.beam, _beam(asked, some))
            ways = beam if way.choose else 1
            told = [prompts[n] for n in some]
            results = self._run(view, told, asked, some, beam, ways)
            for row, (n, result) in enumerate(zip(some, results, strict=True)):
                most = _cap(asked[n])
                known = asked[n].known if way.choose else frozenset()
                place = self._chosen(result, known) if known else 0
                audio_s = len(asked[n].samples) / MIC_RATE
                one = self._read(result, place, most, languages[n], audio_s)
                if asked[n].timed and one.text:
                    ids = result.sequences_ids[place][:most]
                    one = self._timed(one, view, row, asked[n], ids)
                found[n] = one
        return [found[n] for n in range(len(asked))]

    def _run(
        self,
        view: ctranslate2.StorageView,
        prompts: list[list[int]],
        asked: Sequence[Asked],
        some: Sequence[int],
        beam: int,
        ways: int,
    ) -> list[Any]:
        most = max(_cap(asked[n]) for n in some)
        # It allows min(max_length / 2, max_length - prompt) new tokens: a half is
        # meant for the prompt (CTranslate2 4.8, src/models/whisper.cc).
        length = max(2 * most, most + len(prompts[0]))
        return list(
            self._model.generate(
                view,
                prompts,
                beam_size=beam,
                num_hypotheses=ways,
                max_length=min(448, length),
                return_scores=True,
                return_no_speech_prob=True,
            )
        )

    def _chosen(self, result: Any, known: frozenset[str]) -> int:
        texts = [self.tokens.text(ids) for ids in result.sequences_ids]
        return expected([*zip(texts, result.scores, strict=True)], known)

    def _read(
        self, result: Any, place: int, most: int, language: str, audio_s: float
    ) -> Decoded:
        ids = list(result.sequences_ids[place])[:most]
        capped = len(ids) >= most
        text = trimmed(self.tokens.text(ids), capped, audio_s)
        no_speech = float(result.no_speech_prob)
        logprob = float(result.scores[place])
        return Decoded(text, logprob, no_speech, capped, language)

    def _timed(
        self,
        one: Decoded,
        view: ctranslate2.StorageView,
        row: int,
        asked: Asked,
        ids: Sequence[int],
    ) -> Decoded:
        import ctranslate2

        ids = [n for n in ids if n < self.tokens.end]
        if not ids:
            return one
        if len(np.shape(view)) and view.shape[0] > 1:
            view, row = self._encode([asked]), 0
        del row
        assert isinstance(view, ctranslate2.StorageView)
        n_frames = min(MOST_FRAMES, len(asked.samples) // HOP + 1)
        [aligned] = self._model.align(
            view, self._start(one.language), [ids], n_frames, median_filter_width=7
        )
        starts = [0.0] * (len(ids) + 1)
        starts[-1] = n_frames * HOP / MIC_RATE
        seen: set[int] = set()
        for token, place in aligned.alignments:
            if 0 <= token < len(ids) and token not in seen:
                seen.add(token)
                starts[token] = place * TOKEN_S
        words = self.tokens.words(ids, starts, list(aligned.text_token_probs))
        kept = len(one.text.split())
        return replace(one, timed=words[:kept])

    def _languages(
        self, encoded: ctranslate2.StorageView, asked: Sequence[Asked]
    ) -> list[str]:
        if not self.multilingual:
            return ["en"] * len(asked)
        wanted = [
            one.language if self.tokens.knows(one.language) else "auto" for one in asked
        ]
        if "auto" not in wanted:
            return wanted
        detected = self._model.detect_language(encoded)
        return [
            self.tokens.language(found[0][0]) if one == "auto" else one
            for one, found in zip(wanted, detected, strict=True)
        ]

    def _start(self, language: str) -> list[int]:
        if not self.multilingual:
            return [self.tokens.start]
        return self.tokens.transcribing(language)

    def _prompt(self, words: str, language: str) -> list[int]:
        told = self.tokens.told(words)[-MOST_PROMPT:] if words else []
        before = [self.tokens.previous, *told] if told else []
        return [*before, *self._start(language), self.tokens.no_times]


def _cap(asked: Asked) -> int:
    return min(MOST_TOKENS, most_tokens(len(asked.samples)))


def _beam(asked: Sequence[Asked], some: Sequence[int]) -> int:
    short = all(_short(len(asked[n].samples)) for n in some)
    return BEAM_SHORT if short else 1


def _short(n_samples: int) -> bool:
    return n_samples < SHORT_S * MIC_RATE


def _doubtful(one: Decoded) -> bool:
    return one.capped or one.logprob < DOUBTFUL_LOGPROB or not one.believed


def _strange(asked: Asked, one: Decoded) -> bool:
    """Whether a few of its words are none of the place, and there is time for more."""
    if not (asked.last and asked.known) or _doubtful(one):
        return False
    return is_nearly_known(one.text, asked.known)


def _is_better(
    other: Decoded, one: Decoded, known: frozenset[str] | None = None
) -> bool:
    """Whether another decode is kept; with ``known``, for its fewer strange words."""
    if known is None:
        return _rank(other) > _rank(one)
    near = other.logprob >= one.logprob - NEARLY_AS_LIKELY
    kept = other.believed and bool(other.text) and not other.capped and near
    return kept and n_strange(other.text, known) < n_strange(one.text, known)


def _rank(one: Decoded) -> tuple[bool, bool, float]:
    """The better of two decodes has the greater."""
    return (one.believed and bool(one.text), not one.capped, one.logprob)

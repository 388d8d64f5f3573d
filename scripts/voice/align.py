"""Phone alignment: ``python -m scripts.voice.align CACHE LEXICON``.

Finds where each phone of each recording begins, with pocketsphinx's own acoustic
model (nothing is trained). Which variant of a word was spoken and where the speaker
paused is the aligner's choice. Resumable; sentences that fail are listed and left
out. Knows nothing of networks.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pocketsphinx import Decoder

from scripts.voice.features import Utterance, load_utterances
from voiceserver.audio import from_int16, resample, to_int16
from voiceserver.voice.networks.features import SAMPLE_RATE
from voiceserver.voice.text.normalise import Token, normalise
from voiceserver.voice.words.lexicon import Lexicon, load_lexicon
from voiceserver.voice.words.phones import PAUSE, Pronunciation, bare, letter_name

ALIGN_RATE = 16_000  # Hz, of pocketsphinx's model
PAD_FRAMES = 20  # silence on both sides; without it words at the edges are lost
CENTRE_FRAMES = 1  # its 25.6 ms windows start where ours are centred, 1.3 frames late
BEAM = 1e-80


@dataclass(frozen=True, slots=True)
class Phone:
    """One aligned phone or pause.

    Attributes:
        symbol: Of ``phones.SYMBOLS``, stress included; ``PAUSE`` for silence.
        word: Index of its word among the sentence's words; -1 for a pause.
        frames: Length in frames of 10 ms.
    """

    symbol: str
    word: int
    frames: int


def recording_pcm(u: Utterance) -> bytes:
    """Padded 16 kHz PCM of an utterance."""
    x = resample(from_int16(u.samples.numpy()), SAMPLE_RATE, ALIGN_RATE)
    pad = PAD_FRAMES * ALIGN_RATE // 100
    return to_int16(np.pad(x, (pad, pad))).tobytes()


class Aligner:
    """A pocketsphinx decoder fed with the voice's own pronunciations."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.decoder = Decoder(
            samprate=ALIGN_RATE,
            lm=None,
            bestpath=False,
            beam=BEAM,
            wbeam=BEAM,
            pbeam=BEAM,
            loglevel="FATAL",
        )
        self._added: set[str] = set()

    def pronunciations(self, token: Token) -> tuple[Pronunciation, ...]:
        """All ways to say a word; empty if unknown."""
        if token.spelled:
            return (letter_name(token.text[0]),)
        return self.lexicon.variants(token.text)

    def _name(self, token: Token) -> str:
        """Name under which the decoder knows a word, adding it if need be."""
        name = f"{token.text[0]}." if token.spelled else token.text
        if name not in self._added:
            self._added.add(name)
            for i, phones in enumerate(self.pronunciations(token)):
                spelled = " ".join(bare(p) for p in phones)
                if i:
                    own = f"{name}({i + 1})"
                    if self.decoder.lookup_word(own) is None:
                        self.decoder.add_word(own, spelled, False)
                elif self.decoder.lookup_word(name) is None:
                    self.decoder.add_word(name, spelled, False)
        return name

    def _run(self, pcm: bytes) -> None:
        self.decoder.start_utt()
        self.decoder.process_raw(pcm, full_utt=True)
        self.decoder.end_utt()

    def align(self, u: Utterance) -> list[Phone] | None:
        """Phones of an utterance, adding up to its frames; None if it fails."""
        words = [t for t in normalise(u.text).tokens if not t.is_mark]
        if not words or any(not self.pronunciations(t) for t in words):
            return None
        pcm = recording_pcm(u)
        try:
            self.decoder.set_align_text(" ".join(self._name(t) for t in words))
            self._run(pcm)
            if self.decoder.hyp() is None:
                return None
            self.decoder.set_alignment()
            self._run(pcm)
            found = self.decoder.get_alignment()
        except RuntimeError:
            return None
        return self._phones(found, words, u.frames) if found is not None else None

    def _phones(
        self, found: object, words: list[Token], frames: int
    ) -> list[Phone] | None:
        spans: list[tuple[str, int, int]] = []
        index = -1
        for word in found.words():  # type: ignore[attr-defined]
            names = [(p.name, p.start) for p in word]
            if word.name in ("<s>", "</s>", "<sil>") or word.name.startswith("["):
                spans.append((PAUSE, -1, names[0][1]))
                continue
            index += 1
            stressed = self._stressed(words[index], [n for n, _ in names])
            if stressed is None:
                return None
            spans += [
                (s, index, at) for s, (_, at) in zip(stressed, names, strict=True)
            ]
        if index + 1 != len(words):
            return None
        return _durations(spans, frames)

    def _stressed(self, token: Token, names: list[str]) -> Pronunciation | None:
        for phones in self.pronunciations(token):
            if [bare(p) for p in phones] == names:
                return phones
        return None


def _durations(spans: list[tuple[str, int, int]], frames: int) -> list[Phone] | None:
    """Turn start times into lengths that fill the utterance exactly."""
    starts = [max(0, at - PAD_FRAMES + CENTRE_FRAMES) for _, _, at in spans]
    starts[0] = 0
    ends = [*starts[1:], frames]
    out: list[Phone] = []
    for (symbol, word, _), a, b in zip(spans, starts, ends, strict=True):
        length = min(b, frames) - min(a, frames)
        if symbol == PAUSE and length <= 0:
            continue
        if symbol == PAUSE and out and out[-1].symbol == PAUSE:
            out[-1] = Phone(PAUSE, -1, out[-1].frames + length)
            continue
        out.append(Phone(symbol, word, length))
    sound = all(p.frames >= 1 for p in out)
    return out if sound and sum(p.frames for p in out) == frames else None


def voiced_share(phones: list[Phone], voicing: NDArray[np.float32]) -> float:
    """Share of stressed-vowel frames that are voiced: low where alignment slipped."""
    at, hits, total = 0, 0.0, 0
    for p in phones:
        if p.symbol[-1:] in ("1", "2"):
            hits += float((voicing[at : at + p.frames] > 0.3).sum())
            total += p.frames
        at += p.frames
    return hits / total if total else 1.0


def align_all(utterances: list[Utterance], aligner: Aligner, out: Path) -> Counter[str]:
    """Align what is not aligned yet; rewrites the table as it goes on."""
    table = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {}
    start, counts = time.perf_counter(), Counter[str]()
    for i, u in enumerate(utterances):
        if u.name not in table:
            phones = aligner.align(u)
            good = phones is not None and voiced_share(phones, u.voicing.numpy()) > 0.5
            table[u.name] = (
                [list(asdict_values(p)) for p in phones or []] if good else []
            )
        counts["aligned" if table[u.name] else "failed"] += 1
        if i % 100 == 99 or i + 1 == len(utterances):
            partial = out.with_suffix(".part")
            partial.write_text(json.dumps(table), encoding="utf-8")
            os.replace(partial, out)
            print(
                i + 1, f"{time.perf_counter() - start:.0f} s", dict(counts), flush=True
            )
    return counts


def asdict_values(p: Phone) -> tuple[str, int, int]:
    """The fields of a phone, in order."""
    fields = asdict(p)
    return fields["symbol"], fields["word"], fields["frames"]


def load_alignments(cache: Path) -> dict[str, list[Phone]]:
    """Aligned phones by recording; recordings that failed are left out."""
    table = json.loads((cache / "alignments.json").read_text(encoding="utf-8"))
    return {name: [Phone(*row) for row in rows] for name, rows in table.items() if rows}


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("lexicon", type=Path)
    a = parser.parse_args(argv)
    aligner = Aligner(load_lexicon(a.lexicon))
    for validation in (True, False):
        utterances = load_utterances(a.cache, validation)
        align_all(utterances, aligner, a.cache / "alignments.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What judges that no network of ours was made with say of the voice and of its peers.

    python -m benchmarks.voice_judges FEATURES --work FOLDER [--count 24]

Three sets of sentences: *unseen*, read by the person of ``FEATURES`` and kept back from
training; *everyday* and *hard*, of `voice_texts`. Judges:

- *distill_mos*: Distill-MOS, how good speech sounds, 1 to 5 (unseen, everyday);
- *words*: words that the ears' own Whisper (base) hears otherwise, in per cent, texts
  and what was heard read by one normaliser (unseen, hard);
- *p808*: DNSMOS of the listener panel kind, 1 to 5 (unseen, everyday);
- *alike*: cosine of Resemblyzer's embeddings, mean of three sentences, between all
  our voices and all peers; and which are nearer to men than to women, by recordings of
  many people told apart by the median of their F0.

Every clip is cut to 0.1 s of silence at both ends and brought to one active level
before anybody hears it. Intervals are of 95 %, by bootstrap over sentences; differences
are paired. A judge or a peer that is not installed is named with what installs it.

What was judged is kept in ``FOLDER`` by the sound itself: a run that was stopped goes
on, and a changed voice is judged anew. Writes ``voice_judges.json`` and ``.svg``.
NISQA is not among the judges: the package of that name has no weights.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import importlib
import json
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import hearing, plots
from benchmarks.figures import RESULTS, write
from benchmarks.processes import machine
from benchmarks.voice_alike import centroid, likeness, people
from benchmarks.voice_peers import HIBARI, Say, kept, peers
from benchmarks.voice_texts import EVERYDAY, HARD
from scripts.voice.corpus import plain_text
from scripts.voice.features import load_utterances
from voiceserver.audio import MIC_RATE, SPEECH_RATE, Samples, resample, to_int16
from voiceserver.engines.base import SpeechRequest
from voiceserver.engines.neural import TIMBRES, NeuralVoice, find_models
from voiceserver.errors import VoiceServerError
from voiceserver.voice.speaker import load_voice
from voiceserver.voice.text.normalise import normalise

AIMS = {
    "distill_mos": {"unseen": 4.4, "everyday": 4.55},
    "words_percent": {"unseen": 1.5, "hard": 6.0},
    "speakers": 6,
    "men": 2,
}
OURS = ("alloy", "ash", "kathleen")
READER = "the reader"
SETS: dict[str, tuple[str, ...]] = {
    "distill_mos": ("unseen", "everyday"),
    "p808": ("unseen", "everyday"),
    "words": ("unseen", "hard"),
}
INSTALL = {
    "distill_mos": "python -m pip install --no-deps distillmos xls_r_sqa einops",
    "p808": "python -m pip install 'speechmos>=0.0.1,<0.1'",
    "words": "voiceserver models get whisper-base",
    "alike": "python -m pip install --no-deps resemblyzer webrtcvad-wheels librosa",
}
EAR = "whisper-base"
EDGE_S = 0.1  # silence left at both ends of a clip
QUIET_DB = -40.0  # below its louder blocks: no part of a clip's speech
LEVEL = 0.05  # root mean square of what is louder than that
BLOCK = SPEECH_RATE // 100
BOOTSTRAPS = 2000
ALIKE_TEXTS = 3

Floats = NDArray[np.float64]
Judge = Callable[[Samples], Any]


@dataclass(frozen=True, slots=True)
class Clip:
    """A sentence that somebody said, as it is judged.

    Attributes:
        who: Name of the speaker.
        group: The set that the sentence is of.
        text: The sentence.
        samples: 24 kHz, cut and levelled.
    """

    who: str
    group: str
    text: str
    samples: Samples


def as_judged(samples: Samples) -> Samples:
    """Cut to ``EDGE_S`` of silence at both ends, and at the level of all clips."""
    n = len(samples) // BLOCK
    power = (samples[: n * BLOCK].reshape(n, BLOCK).astype(np.float64) ** 2).mean(1)
    level = 10 * np.log10(power + 1e-10)
    loud = np.flatnonzero(level > np.percentile(level, 95) + QUIET_DB)
    edge = round(EDGE_S * SPEECH_RATE)
    padded = np.pad(samples, (edge, edge))
    cut = padded[loud[0] * BLOCK : (loud[-1] + 1) * BLOCK + 2 * edge]
    scaled = cut * np.float32(LEVEL / np.sqrt(power[loud].mean()))
    return np.asarray(np.clip(scaled, -1, 1), np.float32)


def words_of(text: str) -> list[str]:
    """The words of a text as they are spoken, apostrophes aside."""
    return [word.replace("'", "") for word in normalise(text).words]


class Verdicts:
    """What judges said, kept in a file by the sound that they heard.

    Args:
        path: Of the file; a line cut short by a stop is passed over.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._known: dict[str, Any] = {}
        for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
            try:
                key, verdict = json.loads(line)
            except ValueError:
                continue
            self._known[key] = verdict

    @staticmethod
    def key(judge: str, samples: Samples) -> str:
        """Of a judge's verdict on a sound."""
        heard = hashlib.sha256(to_int16(samples).tobytes()).hexdigest()[:24]
        return f"{judge} {heard}"

    def known(self, judge: str, samples: Samples) -> Any:
        """What a judge said of a sound; None if it was not asked."""
        return self._known.get(self.key(judge, samples))

    def keep(self, judge: str, samples: Samples, verdict: Any) -> None:
        """Keep what it said."""
        key = self.key(judge, samples)
        self._known[key] = verdict
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps([key, verdict])}")


def distill_mos() -> Judge:
    """Distill-MOS, with the weights of its package."""
    try:
        importlib.import_module("torchaudio")
    except (ImportError, OSError):  # made for another torch, or not there
        # Its command line reads files by it; the judge itself does without.
        sys.modules["torchaudio"] = types.ModuleType("torchaudio")
    model = importlib.import_module("distillmos").ConvTransformerSQAModel()
    model.eval()

    def judge(samples: Samples) -> float:
        x = torch.from_numpy(resample(samples, SPEECH_RATE, MIC_RATE))
        with torch.no_grad():
            return round(float(model(x[None])), 4)

    return judge


def p808() -> Judge:
    """DNSMOS, with the weights of its package."""
    dnsmos = importlib.import_module("speechmos.dnsmos")

    def judge(samples: Samples) -> float:
        x = resample(samples, SPEECH_RATE, MIC_RATE)
        return round(float(dnsmos.run(x, MIC_RATE)["p808_mos"]), 4)

    return judge


def embeddings() -> Judge:
    """Resemblyzer, with the weights of its package."""
    encoder = importlib.import_module("resemblyzer").VoiceEncoder("cpu", verbose=False)

    def judge(samples: Samples) -> list[float]:
        found = encoder.embed_utterance(resample(samples, SPEECH_RATE, MIC_RATE))
        return [round(float(x), 5) for x in found]

    return judge


@dataclass(frozen=True, slots=True)
class Told:
    """What was said, and which judges could not be asked.

    Attributes:
        verdicts: Of all judges.
        missing: Why by name, with what would help.
    """

    verdicts: Verdicts
    missing: dict[str, str]


def ask(name: str, load: Callable[[], Judge], told: Told, clips: list[Clip]) -> None:
    """Have a judge hear what it has not heard yet; load it only if there is any."""
    new = [c for c in clips if told.verdicts.known(name, c.samples) is None]
    if not new:
        return
    try:
        judge = load()
    except (ImportError, OSError) as error:
        told.missing[name] = f"{error}; {INSTALL[name]}"
        return
    for i, clip in enumerate(new):
        told.verdicts.keep(name, clip.samples, judge(clip.samples))
        print(f"\r{name}: {i + 1} of {len(new)} ", end="", flush=True)
    print()


async def listen(told: Told, clips: list[Clip]) -> None:
    """Have the ears hear what they have not heard yet."""
    new = [c for c in clips if told.verdicts.known("words", c.samples) is None]
    if not new:
        return
    try:
        async with hearing.opened(EAR) as recogniser:
            for i, clip in enumerate(new):
                x = resample(clip.samples, SPEECH_RATE, MIC_RATE)
                heard = (await hearing.whole(recogniser, x)).text
                told.verdicts.keep("words", clip.samples, heard)
                print(f"\rwords: {i + 1} of {len(new)} ", end="", flush=True)
            print()
    except* (VoiceServerError, ImportError) as group:
        told.missing["words"] = f"{group.exceptions[0]}; {INSTALL['words']}"


def interval(values: Floats, weights: Floats) -> dict[str, float]:
    """Sum of values over that of weights, with its 95 % interval over sentences."""
    rng = np.random.default_rng(0)
    picks = rng.integers(0, len(values), (BOOTSTRAPS, len(values)))
    found = values[picks].sum(1) / weights[picks].sum(1)
    low, high = np.percentile(found, [2.5, 97.5])
    middle = values.sum() / weights.sum()
    return {
        key: round(float(x), 3)
        for key, x in (("mean", middle), ("low", low), ("high", high))
    }


@dataclass(frozen=True, slots=True)
class Marks:
    """What a judge gave a speaker for a set, a sentence each.

    Attributes:
        values: Marks, or words wrong times a hundred, ``(sentences,)``.
        weights: 1, or the number of words, ``(sentences,)``.
    """

    values: Floats
    weights: Floats

    def beside(self, other: Marks) -> dict[str, float]:
        """The difference to another's, with its interval."""
        return interval(self.values - other.values, self.weights)


def marks(judge: str, clips: Sequence[Clip], verdicts: Verdicts) -> Marks:
    """A judge's marks of clips that it has heard."""
    said = [verdicts.known(judge, c.samples) for c in clips]
    if judge != "words":
        return Marks(np.array(said, np.float64), np.ones(len(said)))
    pairs = [(words_of(c.text), words_of(t)) for c, t in zip(clips, said, strict=True)]
    wrong = [100.0 * hearing.distance(text, heard) for text, heard in pairs]
    return Marks(np.array(wrong), np.array([float(len(text)) for text, _ in pairs]))


def row(mine: Marks, others: Mapping[str, Marks]) -> dict[str, Any]:
    """A speaker's mark, and by how much it differs from those it is held against."""
    beside = {f"less {who}": mine.beside(other) for who, other in others.items()}
    return {**interval(mine.values, mine.weights), **beside}


def table(clips: Sequence[Clip], told: Told) -> dict[str, Any]:
    """Marks by judge, set and speaker."""
    found: dict[str, Any] = {}
    for judge, groups in SETS.items():
        for group in groups:
            own = [c for c in clips if c.group == group]
            rest = sum(told.verdicts.known(judge, c.samples) is None for c in own)
            if rest:
                why = f"{rest} of {len(own)} clips not heard: run it again"
                told.missing.setdefault(f"{judge}, {group}", why)
            if rest or not own:
                continue
            by = {
                who: marks(judge, [c for c in own if c.who == who], told.verdicts)
                for who in dict.fromkeys(c.who for c in own)
            }
            against = {who: by[who] for who in (HIBARI, READER) if who in by}
            found.setdefault(judge, {})[group] = {
                who: row(m, {k: v for k, v in against.items() if k != who})
                for who, m in by.items()
            }
    return found


def speakers(
    voice: NeuralVoice, peers_there: Mapping[str, Say], read: Mapping[str, Samples]
) -> dict[str, Say]:
    """All who are heard, by name; the reader knows only what was read."""

    def ours(name: str) -> Say:
        def say(text: str) -> Samples:
            request = SpeechRequest(text, name, paced=False)
            return np.concatenate([c.samples for c in voice.speak(request)])

        return say

    return {
        **{name: ours(name) for name in OURS},
        **peers_there,
        READER: lambda text: read[text],
        **{name: ours(name) for name in TIMBRES if name not in OURS},
    }


def clips_of(
    said_by: Mapping[str, Say], sets: Mapping[str, Sequence[str]]
) -> Iterator[Clip]:
    """Every sentence by everybody; the reader's own only, and other sizes none."""
    for group, texts in sets.items():
        for i, text in enumerate(texts):
            for who, say in said_by.items():
                if who in TIMBRES and who not in OURS:
                    continue
                if who != READER or group == "unseen":
                    yield Clip(who, group, text, as_judged(say(text)))
            print(f"\r{group}: {i + 1} of {len(texts)} spoken ", end="", flush=True)
    print()


def alike(
    said_by: Mapping[str, Say], texts: Sequence[str], told: Told
) -> dict[str, Any] | None:
    """Likeness of all voices; None without the encoder."""
    clips = [
        Clip(who, "alike", text, as_judged(say(text)))
        for who, say in said_by.items()
        for text in texts
    ]
    recorded = {
        sex: [Clip(sex, "people", "", as_judged(x)) for x in found]
        for sex, found in people().items()
    }
    of_people = [c for found in recorded.values() for c in found]
    ask("alike", embeddings, told, [*clips, *of_people])
    if "alike" in told.missing:
        return None

    def known(clip: Clip) -> Any:
        return told.verdicts.known("alike", clip.samples)

    by = {
        who: centroid(known(c) for c in clips if c.who == who)
        for who in dict.fromkeys(c.who for c in clips)
    }
    persons = {
        sex: [centroid([known(c)]) for c in found] for sex, found in recorded.items()
    }
    return likeness(by, persons, [name for name in by if name in TIMBRES])


def main() -> int:
    """Measure; write ``voice_judges.json`` and ``.svg``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("features", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="where to keep sounds")
    parser.add_argument("--models", type=Path, default=None)
    parser.add_argument("--count", type=int, default=24, help="sentences of each set")
    parser.add_argument("--out", type=Path, default=RESULTS / "voice_judges.json")
    a = parser.parse_args()
    torch.set_num_threads(1)
    inner = load_voice(a.models or find_models(""))
    read: dict[str, Samples] = {}
    once: set[str] = set()
    for u in load_utterances(a.features, validation=True):
        if plain_text(u.text) not in once and len(once) < a.count:
            once.add(plain_text(u.text))
            read[u.text] = u.wave(0, u.frames).numpy()
    sets = {
        "unseen": tuple(read),
        "everyday": EVERYDAY[: a.count],
        "hard": HARD[: a.count],
    }
    others = peers(inner.phonemiser)
    there = dict(kept(others.there, a.work / "peers"))
    said_by = speakers(NeuralVoice(inner), there, read)
    told = Told(Verdicts(a.work / "verdicts.jsonl"), dict(others.missing))
    clips = list(clips_of(said_by, sets))

    def written(voices: dict[str, Any] | None) -> dict[str, Any]:
        """What is known so far: whoever stops the run has as much."""
        own = Told(told.verdicts, dict(told.missing))
        result = {
            "machine": machine(),
            "aims": AIMS,
            "sentences": {group: len(texts) for group, texts in sets.items()},
            "judges": table(clips, own),
            "missing": own.missing,
            "alike": voices,
        }
        write(a.out, result)
        plots.voices(result, a.out.with_suffix(".svg"))
        return result

    def heard_in(judge: str) -> list[Clip]:
        return [c for c in clips if c.group in SETS[judge]]

    ask("distill_mos", distill_mos, told, heard_in("distill_mos"))
    written(None)
    asyncio.run(listen(told, heard_in("words")))
    written(None)
    voices = alike(said_by, sets["unseen"][:ALIKE_TEXTS], told)
    written(voices)
    ask("p808", p808, told, heard_in("p808"))  # the slowest, and known elsewhere
    result = written(voices)
    print(json.dumps({k: v for k, v in result.items() if k != "alike"}, indent=1))
    for name, why in result["missing"].items():
        print(f"not heard: {name}: {why}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Recordings and grammars that the grammar's acceptance is calibrated on.

Reads the folder named by ``VOICESERVER_DATA``. Every recording with a transcript is
used both ways: one grammar holds its words, another does not.
"""

from __future__ import annotations

import csv
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from voiceserver.audio import MIC_RATE, resample, to_int16
from voiceserver.engines.responder.grammar import jsgf
from voiceserver.engines.responder.questions import Question
from voiceserver.engines.responder.standard import STANDARD

ROOT = Path(__file__).resolve().parent.parent
LEAD_S = 0.3  # quiet put before and after, as pre-roll and endpointing leave it
PIECE_S = 3.2  # of noise and of conversations
LONGEST_S = 30.0  # a monologue is no question

NOISES = {
    "sb_noise1.flac": (0, 8, 16, 24),
    "sb_noise2.wav": (0,),
    "sb_noise4.flac": (0, 8),
    "sb_noise5.flac": (0, 6),
    "lk_keyboard.ogg": (0, 5),
    "lk_hold_music.ogg": (0, 10, 20, 30, 40),
    "pipecat_office.mp3": (0, 15, 30, 45, 60, 75, 90, 105),
    "dfn_freesound_573577.flac": (0,),
}
TURNS = {
    "ami_trn01.flac": (0, 6, 12, 18, 24),
    "ami_trn04.flac": (0, 9, 18),
    "ami_dev00.flac": (0, 9, 18),
    "pyannote_sample.flac": (0, 6, 12, 18, 24),
    "picovoice_diarization.flac": (0, 6, 12),
    "katiesteve_mono.flac": (0, 5, 10),
    "unmute_Bear-or-shark-trim.mp3": (0,),
    "unmute_dog-or-cat-3-nowait.mp3": (0,),
}
COFFEE = """\
#JSGF V1.0;
grammar coffee;
<want> = (i want | i'd like | i would like | i'd love | i need | i'll have | get me
  | give me | make me | bring me | let me have | let me get)
  | (can | could | may) i [please] (get | have) | could you make me | please make me;
<size> = small | medium | large | (eight | twelve | sixteen | twenty) ounce;
<roast> = (dark | light | medium) roast;
<shots> = (single | double | triple) shot;
<drink> = mocha | iced mocha | drip coffee | cappuccino | house coffee | iced coffee
  | americano | coffee | latte | espresso;
<much> = a lot of | lots of | some | a bit of | a little bit of | a little;
<milk> = milk | (almond | soy | whole | skim) milk | cream;
<sugar> = brown sugar | sugar | sweetener;
<kind> = <size> | <roast> | <shots>;
<topping> = (with | and) [<much>] (<milk> | <sugar>);
public <order> = [please] [<want>] [a | an | the] [<kind>] [<kind>] [<kind>]
  [(cup | mug | glass) of] <drink> [with] [<kind>] [<topping>] [<topping>] [please];
"""


@dataclass(frozen=True, slots=True)
class Take:
    """One utterance to be recognised.

    Attributes:
        name: Path below the data folder.
        kind: ``"command"``, ``"read"``, ``"kathleen"``, ``"barista"``, ``"noise"`` or
            ``"turns"``.
        start_s: Where it begins; -1 is the whole recording, with quiet around it.
        text: Its words; "" if not known.
        slots: Values that an order must name, of ``barista``.
    """

    name: str
    kind: str
    start_s: float = -1
    text: str = ""
    slots: tuple[str, ...] = ()


def data_folder() -> Path:
    """Folder of the recordings.

    Raises:
        SystemExit: If there is none.
    """
    named = os.environ.get("VOICESERVER_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not (folder / "speech" / "transcripts.tsv").is_file():
        raise SystemExit(f"no recordings at {folder}: set VOICESERVER_DATA")
    return folder


def plain(text: str) -> str:
    """Words in lower case, without punctuation."""
    return " ".join(re.sub(r"[^a-z' ]", " ", text.lower().replace("-", " ")).split())


def takes(folder: Path, n_kathleen: int, n_barista: int) -> list[Take]:
    """All takes, in a fixed order.

    Args:
        folder: Of the recordings.
        n_kathleen: Sentences of the one reader, spread over the corpus.
        n_barista: Spoken orders.
    """
    found: list[Take] = []
    with (folder / "speech" / "transcripts.tsv").open(newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            kind = row["file"].split("/")[0]
            short = float(row["seconds"]) < LONGEST_S
            if row["transcript"] and short and kind in ("read", "command"):
                name = "speech/" + row["file"]
                found.append(Take(name, kind, text=plain(row["transcript"])))
    found += _kathleen(folder, n_kathleen) + _barista(folder, n_barista)
    for kind, pieces in (("noise", NOISES), ("turns", TURNS)):
        found += [
            Take(f"speech/{kind}/{name}", kind, start_s)
            for name, starts in pieces.items()
            for start_s in starts
        ]
    return found


def _kathleen(folder: Path, n_takes: int) -> list[Take]:
    """Sentences of different texts, evenly spread."""
    by_text: dict[str, str] = {}
    with (folder / "kathleen" / "transcripts.tsv").open(newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            by_text.setdefault(plain(row["text"]), row["file"])
    pairs = sorted((name, text) for text, name in by_text.items())
    step = max(1, len(pairs) // max(1, n_takes))
    return [
        Take(f"kathleen/{name}", "kathleen", text=text)
        for name, text in pairs[::step][:n_takes]
    ]


def _barista(folder: Path, n_takes: int) -> list[Take]:
    labels = json.loads((folder / "barista" / "labels.json").read_text())
    names = sorted(labels)
    step = max(1, len(names) // max(1, n_takes))
    return [
        Take(f"barista/{name}", "barista", slots=tuple(labels[name]["slots"].values()))
        for name in names[::step][:n_takes]
    ]


def pcm_of(folder: Path, take: Take) -> NDArray[np.int16]:
    """Samples of a take at 16 kHz, shape ``(n,)``."""
    samples, rate = soundfile.read(folder / take.name, dtype="float32", always_2d=True)
    if take.start_s >= 0:
        first = int(take.start_s * rate)
        samples = samples[first : first + int(PIECE_S * rate)]
    mono = resample(
        np.ascontiguousarray(samples.mean(axis=1), np.float32), rate, MIC_RATE
    )
    if take.start_s < 0:
        # Not digital silence: no microphone gives that.
        quiet = np.random.default_rng(len(mono)).normal(0, 3e-4, int(LEAD_S * MIC_RATE))
        mono = np.concatenate([quiet, mono, quiet[::-1]]).astype(np.float32)
    return to_int16(mono)


def grammar_with(sentences: list[str]) -> str:
    """The responder's grammar with further questions."""
    questions = [*STANDARD]
    if sentences:
        questions.append(Question(tuple(sentences), "Yes.", "own"))
    return jsgf(questions)


def decoys(sentences: list[str], seed: int = 1) -> list[str]:
    """Each sentence with one of its longer words replaced by another's."""
    rng = np.random.default_rng(seed)
    pool = sorted(
        {word for text in sentences for word in text.split() if len(word) > 3}
    )
    changed = []
    for text in sentences:
        words = text.split()
        at = max(range(len(words)), key=lambda i: (len(words[i]) > 3, rng.random()))
        words[at] = str(rng.choice([word for word in pool if word != words[at]]))
        changed.append(" ".join(words))
    return changed


def order_is_right(take: Take, text: str) -> bool:
    """Whether a recognised order names every slot of its label."""
    return all(f" {value} " in f" {text} " for value in take.slots)

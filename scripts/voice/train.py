"""From recordings to a voice: ``python -m scripts.voice.train CORPUS WORK``.

Runs every step of docs/train-a-voice.md in order and keeps count in ``WORK/done``.
Stopped at any moment and started again with the same command it goes on where it was.
``--tiny`` goes the whole way with a few recordings and steps, to see that all is there;
what comes out babbles. Knows the order of the steps and nothing of what they do.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from voiceserver.errors import VoiceServerError

TINY_RECORDINGS = 24  # of which some are kept back
TINY_STEPS = 4


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the way.

    Attributes:
        name: What is told of it.
        module: In ``scripts.voice``.
        arguments: Of its command line.
    """

    name: str
    module: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Lengths of the runs.

    Attributes:
        limit: Recordings used; 0 is all.
        lively: Steps of the vocoder's first part, which rewards the noise's spread.
        vocoder: Steps, the first part's included.
        letters: Steps.
        prosody: Steps.
        acoustic: Steps.
        decoder: Steps of sharpening it.
        extra: More arguments of a step, by its name.
    """

    limit: int = 0
    lively: int = 16_000
    vocoder: int = 36_000
    letters: int = 4_000
    prosody: int = 3_000
    acoustic: int = 8_000
    decoder: int = 4_500
    extra: dict[str, tuple[str, ...]] | None = None


TINY = Recipe(
    limit=TINY_RECORDINGS,
    lively=TINY_STEPS,
    vocoder=2 * TINY_STEPS,
    letters=TINY_STEPS,
    prosody=TINY_STEPS,
    acoustic=TINY_STEPS,
    decoder=TINY_STEPS,
    extra={
        "lexicon": ("--few",),
        "vocoder": ("--batch", "2", "--width", "16"),
        "acoustic": ("--batch", "2"),
        "decoder": ("--batch", "2", "--alone", "2"),
    },
)


def steps(
    corpus: Path, work: Path, out: Path, consent: str, recipe: Recipe
) -> Iterator[Step]:
    """The whole way, in order."""
    features, lexicon = str(work / "features"), str(work / "lexicon.gz")
    more = recipe.extra or {}

    def training(kind: str, source: str, length: int) -> Step:
        arguments = (source, str(work / kind), "--steps", str(length))
        return Step(kind, f"train_{kind}", (*arguments, *more.get(kind, ())))

    about = ("--consent", consent, "--limit", str(recipe.limit))
    yield Step("features", "prepare", (str(corpus), features, *about))
    yield Step("lexicon", "build_lexicon", (lexicon, *more.get("lexicon", ())))
    yield Step("alignment", "align", (features, lexicon))
    spoken = (lexicon, "--spoken", features, *more.get("lexicon", ()))
    yield Step("spoken forms", "build_lexicon", spoken)
    yield training("letters", lexicon, recipe.letters)
    lively = str(work / "vocoder-lively")
    first = (features, lively, "--steps", str(recipe.lively), "--spread", "1")
    first_part = Step("vocoder, first part", "train_vocoder", first)
    yield replace(first_part, arguments=(*first, *more.get("vocoder", ())))
    second = training("vocoder", features, recipe.vocoder)
    yield replace(second, arguments=(*second.arguments, "--continues", lively))
    yield training("prosody", features, recipe.prosody)
    yield training("acoustic", features, recipe.acoustic)
    sharper = training("decoder", features, recipe.decoder)
    start = ("--weights", str(work / "acoustic"))
    yield replace(sharper, arguments=(*sharper.arguments, *start))
    runs = [f"--{k}={work / k}" for k in ("vocoder", "letters", "prosody")]
    runs.append(f"--acoustic={work / 'decoder'}")
    yield Step("files", "export", (str(out), f"--lexicon={lexicon}", *runs))
    judged = str(work / "quality.json")  # never another voice's figures
    yield Step("card", "card", (str(out), features, "--quality", judged))


def run(way: list[Step], done: Path) -> int:
    """Take the steps that are not done yet; returns the first bad exit status.

    Args:
        way: All steps.
        done: File with a line for each finished step; a step whose arguments have
            changed since (more steps of training, say) is taken again.
    """
    finished = set(done.read_text("utf-8").splitlines()) if done.is_file() else set()
    for i, step in enumerate(way, 1):
        line = " ".join((step.module, *step.arguments))
        if line in finished:
            print(f"{i} of {len(way)}: {step.name}: done before", flush=True)
            continue
        print(f"{i} of {len(way)}: {step.name}", flush=True)
        start = time.perf_counter()
        command = import_module(f"scripts.voice.{step.module}")
        status: int = command.main([*step.arguments])
        if status:
            return status
        with done.open("a", encoding="utf-8") as f:
            f.write(line + "\n")
        print(f"   took {time.perf_counter() - start:.0f} s", flush=True)
    return 0


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("corpus", type=Path, help="folder of recordings and texts")
    parser.add_argument("work", type=Path, help="folder for what is made on the way")
    parser.add_argument(
        "--consent", required=True, help="who speaks and what they agreed to"
    )
    parser.add_argument("--out", type=Path, help="the voice; WORK/voice if not given")
    parser.add_argument("--tiny", action="store_true", help="a trial of two minutes")
    a = parser.parse_args(argv)
    a.work.mkdir(parents=True, exist_ok=True)
    out = a.out or a.work / "voice"
    way = list(steps(a.corpus, a.work, out, a.consent, TINY if a.tiny else Recipe()))
    try:
        status = run(way, a.work / "done")
    except (OSError, ValueError, VoiceServerError) as error:
        print(f"train: {error}", file=sys.stderr)
        return 1
    if status == 0:
        print(
            f'hear it: python -m voiceserver.voice --models {out} "Hello." -o out.wav'
        )
    return status


if __name__ == "__main__":
    sys.exit(main())

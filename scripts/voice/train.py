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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from scripts.voice.teachers import check_installed
from voiceserver.errors import VoiceServerError

TINY_RECORDINGS = 24  # of which some are kept back
TINY_STEPS = 4
TINY_PROMPTS = 8


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
        prompts: Sentences that a teacher reads.
        letters: Steps.
        prosody: Steps.
        jointly: Steps of all else.
        joint: More arguments of the joint training.
        lexicon: More arguments of the lexicon.
    """

    limit: int = 0
    prompts: int = 4_600
    letters: int = 4_000
    prosody: int = 4_500
    jointly: int = 60_000
    joint: tuple[str, ...] = ()
    lexicon: tuple[str, ...] = ()


TINY = Recipe(
    limit=TINY_RECORDINGS,
    prompts=TINY_PROMPTS,
    letters=TINY_STEPS,
    prosody=TINY_STEPS,
    jointly=TINY_STEPS,
    joint=("--batch", "2", "--tiny", "--judged-from", "0.5"),
    lexicon=("--few",),
)


@dataclass(frozen=True, slots=True)
class Source:
    """What a voice is made from.

    Attributes:
        corpus: Folder of recordings.
        consent: Who speaks in them, and what they agreed to.
        reader: The speaker's name.
        teachers: Synthetic ones and the name of the speaker that each of them is; the
            first speaks by default.
    """

    corpus: Path
    consent: str
    reader: str = "reader"
    teachers: Mapping[str, str] = field(default_factory=dict)


def _taught(work: Path, teacher: str, speaker: str, recipe: Recipe) -> Iterator[Step]:
    """Have a teacher read, and put its lessons into one file."""
    lessons, packed = str(work / teacher), str(work / "packed" / f"{speaker}.npz")
    limit = ("--limit", str(recipe.prompts))
    read = (teacher, str(work / "prompts.txt"), lessons, "--voice", str(work / "front"))
    yield Step(f"{teacher} reads", "teach", (*read, *limit))
    yield Step(f"lessons of {teacher}", "pack", (lessons, packed))


def steps(source: Source, work: Path, out: Path, recipe: Recipe) -> Iterator[Step]:
    """The whole way, in order."""
    features, lexicon = str(work / "features"), str(work / "lexicon.gz")
    letters = str(work / "letters")
    about = ("--consent", source.consent, "--limit", str(recipe.limit))
    yield Step("features", "prepare", (str(source.corpus), features, *about))
    yield Step("lexicon", "build_lexicon", (lexicon, *recipe.lexicon))
    yield Step("alignment", "align", (features, lexicon))
    spoken = (lexicon, "--spoken", features, *recipe.lexicon)
    yield Step("spoken forms", "build_lexicon", spoken)
    length = ("--steps", str(recipe.letters))
    yield Step("letters", "train_letters", (lexicon, letters, *length))
    front = (str(work / "front"), f"--lexicon={lexicon}", f"--letters={letters}")
    yield Step("front end", "export", front)
    reader = str(work / source.reader)
    yield Step("lessons of the reader", "recorded", (features, reader))
    packed = str(work / "packed" / f"{source.reader}.npz")
    yield Step("one file of them", "pack", (reader, packed))
    if source.teachers:
        count = ("--count", str(recipe.prompts))
        yield Step("prompts", "prompts", (str(work / "prompts.txt"), *count))
    for teacher, speaker in source.teachers.items():
        yield from _taught(work, teacher, speaker, recipe)
    names = (*source.teachers.values(), source.reader)
    learnt = tuple(str(work / "packed" / f"{name}.npz") for name in names)
    joint, prosody = str(work / "joint"), str(work / "prosody")
    length = ("--steps", str(recipe.prosody))
    yield Step("prosody", "train_prosody", (prosody, *learnt, *length))
    length = ("--steps", str(recipe.jointly))
    joined = (joint, *learnt, *length, *recipe.joint)
    yield Step("all else", "train_jointly", joined)
    runs = (f"--joint={joint}", f"--prosody={prosody}", f"--letters={letters}")
    yield Step("files", "export", (str(out), f"--lexicon={lexicon}", *runs))
    judged = str(work / "quality.json")  # never another voice's figures
    card = (str(out), features, "--quality", judged)
    taught = ("--teachers", *source.teachers) if source.teachers else ()
    yield Step("card", "card", (*card, *taught))


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


def named(teachers: Sequence[str]) -> dict[str, str]:
    """Teachers with their speakers' names, from ``NAME`` or ``NAME=SPEAKER``."""
    halves = (given.partition("=") for given in teachers)
    return {name: speaker or name for name, _, speaker in halves}


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("corpus", type=Path, help="folder of recordings and texts")
    parser.add_argument("work", type=Path, help="folder for what is made on the way")
    parser.add_argument(
        "--consent", required=True, help="who speaks and what they agreed to"
    )
    parser.add_argument("--reader", default="reader", help="the speaker's name")
    parser.add_argument(
        "--teacher",
        action="append",
        default=[],
        metavar="NAME[=SPEAKER]",
        help="a synthetic speaker as well",
    )
    parser.add_argument("--out", type=Path, help="the voice; WORK/voice if not given")
    parser.add_argument("--tiny", action="store_true", help="a trial of two minutes")
    a = parser.parse_args(argv)
    a.work.mkdir(parents=True, exist_ok=True)
    out = a.out or a.work / "voice"
    source = Source(a.corpus, a.consent, a.reader, named(a.teacher))
    way = list(steps(source, a.work, out, TINY if a.tiny else Recipe()))
    try:
        for name in source.teachers:
            check_installed(name)
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

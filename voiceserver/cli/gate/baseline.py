"""``voiceserver baseline``: records how providers answer, and compares later.

Each provider is asked the same questions, one after another, as a call would ask it
but with no other to take over. What is kept are numbers; the answers are not.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TypeAlias

from voiceserver.cli.arguments import EXIT_FAILED, EXIT_GOOD
from voiceserver.cli.gate.asked import asked
from voiceserver.cli.loop import log_to_stderr, progress, run
from voiceserver.config import Config
from voiceserver.engines.base import Message, TextModel, TextRequest
from voiceserver.engines.table import text_names
from voiceserver.engines.watch.baseline import Baseline, read, usual_of, written
from voiceserver.engines.watch.drift import Answered, Drift, Usual
from voiceserver.engines.watch.questions import QUESTIONS
from voiceserver.engines.watch.reading import read_whole
from voiceserver.engines.watch.refusal import declines
from voiceserver.errors import ConfigError, ProviderFailed

ANSWER_LIMIT_S = 30.0


Found: TypeAlias = dict[str, tuple[str, list[Answered]]]  # version, answers


def record(config: Config, path: Path) -> int:
    """Ask every provider; write what is usual."""
    log_to_stderr(config)
    return write(run(ask_all(config)), path)


def compare(config: Config, path: Path) -> int:
    """Ask every provider of a baseline again; tell what is otherwise."""
    log_to_stderr(config)
    baselines = read(path)  # before anything is asked
    return tell(run(ask_all(config)), baselines)


def write(found: Found, path: Path) -> int:
    """Write what providers' answers are as what is usual.

    Raises:
        ProviderFailed: If most questions failed.
        ConfigError: If the file cannot be written.
    """
    baselines = {}
    for name, (version, answers) in found.items():
        failed = sum(one.failed for one in answers)
        if failed > len(answers) // 2:
            raise ProviderFailed(
                name,
                f"{failed} of {len(answers)} questions failed; nothing is recorded",
            )
        usual = Usual.learnt(answers)
        baselines[name] = Baseline(version, date.today().isoformat(), usual)
    try:
        path.write_text(written(baselines), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    for name, one in baselines.items():
        print(f"{name}: {_summary(one.usual)}")
    print(f'wrote {path}; name it under [drift] as baseline = "{path}"')
    return EXIT_GOOD


def tell(found: Found, baselines: Mapping[str, Baseline]) -> int:
    """Tell what is otherwise than in a baseline.

    Raises:
        ConfigError: If a provider's model is another one.
    """
    shifted = 0
    for name, (version, answers) in found.items():
        usual = usual_of(baselines, {name: version}).get(name)
        if usual is None:
            print(f"{name}: not in the baseline")
            continue
        drift = Drift(usual)
        for answer in answers:
            drift.observe(answer)
        shifted += len(drift.alarmed)
        print(f"{name}: was  {_summary(usual)}")
        print(f"{name}: now  {_summary(Usual.learnt(answers))}")
        for signal, shift in drift.alarmed.items():
            print(f"{name}: {signal} {shift.usual:.3g} -> {shift.now:.3g}")
    print(f"{shifted} signals are otherwise" if shifted else "as it used to be")
    return EXIT_FAILED if shifted else EXIT_GOOD


async def ask_all(config: Config, questions: Sequence[str] = QUESTIONS) -> Found:
    """Ask every provider every question.

    Raises:
        ConfigError: If there is none.
        ProviderFailed: If one is misconfigured.
        EngineFailed: If the model in the house cannot be loaded.
    """
    if not text_names(config):
        raise ConfigError("there is no [[text.provider]] to ask")
    found = {}
    for name in text_names(config):
        async with asked(config, name) as model:
            answers = []
            for at, question in enumerate(questions, 1):
                progress(f"\r{name}: {at}/{len(questions)} ", end="")
                answers.append(await _asked(config, model, question))
            found[name] = (model.version, answers)
    return found


async def _asked(config: Config, model: TextModel, question: str) -> Answered:
    request = TextRequest(
        (Message("user", question),),
        config.text.instructions,
        max_output_tokens=config.text.max_output_tokens,
    )
    reading = await read_whole(model, request, ANSWER_LIMIT_S)
    failure, text = reading.failure, reading.text
    if isinstance(failure, ProviderFailed) and failure.kind == "misconfigured":
        raise failure
    if failure is not None:
        return Answered(failed=True)
    return Answered(reading.first_ms, len(text) or None, refused=declines(text))


def _summary(usual: Usual) -> str:
    first = statistics.median(usual.first_ms) if usual.first_ms else float("nan")
    length = statistics.median(usual.characters) if usual.characters else 0
    return (
        f"{usual.of} answers, first words {first:.0f} ms, {length:.0f} characters, "
        f"{usual.failed} failed, {usual.refused} declined"
    )

"""``voiceserver baseline``: records how providers answer, and compares later.

Each provider is asked the same questions, one after another, as a call would ask it
but with no other to take over. What is kept are numbers; the answers are not.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple, TypeAlias

from voiceserver.budget import Spent
from voiceserver.cli.arguments import EXIT_FAILED, EXIT_GOOD
from voiceserver.cli.gate.asked import asked
from voiceserver.cli.loop import log_to_stderr, progress, run
from voiceserver.config import Config
from voiceserver.engines.base import Message, TextModel, TextRequest
from voiceserver.engines.gate.checkable import Checkable
from voiceserver.engines.table import text_names
from voiceserver.engines.watch.baseline import (
    Baseline,
    Quality,
    read,
    usual_of,
    written,
)
from voiceserver.engines.watch.drift import Answered, Drift, Usual
from voiceserver.engines.watch.questions import ACCEPTED, QUESTIONS
from voiceserver.engines.watch.reading import Reading, read_whole
from voiceserver.engines.watch.refusal import declines
from voiceserver.engines.watch.standings import interval
from voiceserver.errors import ConfigError, ProviderFailed

ANSWER_LIMIT_S = 30.0
DEARER = 1.4  # times the money that an answer cost, either way, is otherwise


class Told(NamedTuple):
    """What a provider told: its version, how each asking went, how good it was."""

    version: str
    answers: list[Answered]
    quality: Quality = Quality()


Found: TypeAlias = dict[str, Told]


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
    for name, (version, answers, quality) in found.items():
        failed = sum(one.failed for one in answers)
        if failed > len(answers) // 2:
            raise ProviderFailed(
                name,
                f"{failed} of {len(answers)} questions failed; nothing is recorded",
            )
        usual = Usual.learnt(answers)
        today = date.today().isoformat()
        baselines[name] = Baseline(version, today, usual, quality)
    try:
        path.write_text(written(baselines), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    for name, one in baselines.items():
        print(f"{name}: {_summary(one.usual, one.quality)}")
    print(f'wrote {path}; name it under [drift] as baseline = "{path}"')
    return EXIT_GOOD


def tell(found: Found, baselines: Mapping[str, Baseline]) -> int:
    """Tell what is otherwise than in a baseline.

    Raises:
        ConfigError: If a provider's model is another one.
    """
    shifted = 0
    for name, (version, answers, quality) in found.items():
        usual = usual_of(baselines, {name: version}).get(name)
        if usual is None:
            print(f"{name}: not in the baseline")
            continue
        drift = Drift(usual)
        for answer in answers:
            drift.observe(answer)
        before = baselines[name].quality
        print(f"{name}: was  {_summary(usual, before)}")
        print(f"{name}: now  {_summary(Usual.learnt(answers), quality)}")
        shifts = [
            f"{signal} {shift.usual:.3g} -> {shift.now:.3g}"
            for signal, shift in drift.alarmed.items()
        ] + otherwise(before, quality)
        shifted += len(shifts)
        for shift_told in shifts:
            print(f"{name}: {shift_told}")
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
            readings = []
            for at, question in enumerate(questions, 1):
                progress(f"\r{name}: {at}/{len(questions)} ", end="")
                readings.append(await _asked(config, model, question))
            answers = [_answered(one) for one in readings]
            quality = _quality(questions, readings)
            found[name] = Told(model.version, answers, quality)
    return found


def otherwise(before: Quality, now: Quality) -> list[str]:
    """Tell of a share of right answers, or a price, that is another than it was.

    The shares' intervals must lie apart: chance seldom does that.
    """
    told = []
    if before.checked and now.checked:
        was, is_now = (one.right / one.checked for one in (before, now))
        low, high = interval(was, before.checked)
        low_now, high_now = interval(is_now, now.checked)
        if high_now < low or low_now > high:
            told.append(f"right {was:.0%} -> {is_now:.0%}")
    if before.cost_usd and now.cost_usd:
        ratio = now.cost_usd / before.cost_usd
        if max(ratio, 1 / ratio) >= DEARER:
            told.append(f"cost ${before.cost_usd:.4f} -> ${now.cost_usd:.4f}")
    return told


async def _asked(config: Config, model: TextModel, question: str) -> Reading:
    request = TextRequest(
        (Message("user", question),),
        config.text.instructions,
        max_output_tokens=config.text.max_output_tokens,
    )
    reading = await read_whole(model, request, ANSWER_LIMIT_S)
    failure = reading.failure
    if isinstance(failure, ProviderFailed) and failure.kind == "misconfigured":
        raise failure
    return reading


def _answered(reading: Reading) -> Answered:
    if reading.failure is not None:
        return Answered(failed=True)
    text = reading.text
    return Answered(reading.first_ms, len(text) or None, refused=declines(text))


def _quality(questions: Sequence[str], readings: Sequence[Reading]) -> Quality:
    """How good the answers are that can be checked, and what all of them took."""
    right = [
        Checkable(question, ACCEPTED[question]).answered_by(reading.text)
        for question, reading in zip(questions, readings, strict=True)
        if question in ACCEPTED and reading.failure is None
    ]
    spent = sum((one.spent for one in readings), Spent())
    tokens = spent.tokens_in, spent.tokens_out
    return Quality(sum(right), len(right), *tokens, spent.cost_usd)


def _summary(usual: Usual, quality: Quality) -> str:
    first = statistics.median(usual.first_ms) if usual.first_ms else float("nan")
    length = statistics.median(usual.characters) if usual.characters else 0
    return (
        f"{usual.of} answers, first words {first:.0f} ms, {length:.0f} characters, "
        f"{usual.failed} failed, {usual.refused} declined; "
        f"{quality.right} of {quality.checked} right, {quality.tokens_in} and "
        f"{quality.tokens_out} tokens, ${quality.cost_usd:.4f}"
    )

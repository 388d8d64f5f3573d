"""``voiceserver calibrate``: finds out what a provider's confidence is worth.

Asks it questions whose answers can be checked, as a call would ask them, and writes
the map from confidence to the probability of being right that the gate goes by. What
is kept are numbers; the answers are not.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path

from voiceserver.cli.arguments import EXIT_GOOD
from voiceserver.cli.gate.asked import asked
from voiceserver.cli.loop import log_to_stderr, progress, run
from voiceserver.config import Config
from voiceserver.engines.base import Message, TextModel, TextRequest
from voiceserver.engines.gate.calibration import Calibration, read, written
from voiceserver.engines.gate.checkable import Checkable
from voiceserver.engines.gate.checkable import read as read_questions
from voiceserver.engines.gate.confidence import TEXT_ALONE, Beginning, source
from voiceserver.engines.gate.measured import Checked, Worth, measured, plot
from voiceserver.engines.notes import Note
from voiceserver.engines.providers.first_clause import FirstClause
from voiceserver.engines.table import text_names
from voiceserver.errors import ConfigError, EngineFailed, ProviderFailed

QUESTIONS = "models/router/checkable.txt"
ANSWER_LIMIT_S = 30.0
FEWEST = 30  # answers; of fewer nothing can be said


def calibrate(config: Config, name: str, questions: Path | None, to: Path) -> int:
    """Ask, measure, write; tell what it is worth.

    Raises:
        ConfigError: If there is no such provider, or a file cannot be used.
        ProviderFailed: If too few questions were answered.
    """
    log_to_stderr(config)
    if name not in text_names(config):
        known = ", ".join(text_names(config)) or "none"
        raise ConfigError(f"there is no [[text.provider]] {name!r}; there are: {known}")
    questions_asked = read_questions(*_text_of(questions))  # before it costs
    known_before = read(to.read_text("utf-8"), str(to)) if to.exists() else {}
    model, checked = run(ask_all(config, name, questions_asked))
    if len(checked) < FEWEST:
        raise ProviderFailed(
            name, f"answered {len(checked)} questions, fewer than {FEWEST}"
        )
    return write(name, model, checked, known_before, to)


def write(
    name: str,
    model: str,
    checked: Sequence[Checked],
    known_before: dict[str, Calibration],
    to: Path,
) -> int:
    """Write the maps of a provider beside those of others; tell what they are worth.

    Raises:
        ConfigError: If the file cannot be written.
    """
    of_text = [
        Checked(dataclasses.replace(each.beginning, logprobs=()), each.right)
        for each in checked
    ]
    with_tokens = [each for each in checked if each.beginning.logprobs]
    by_source = {TEXT_ALONE: of_text}
    if len(with_tokens) >= FEWEST:
        by_source[source(with_tokens[0].beginning)] = with_tokens
    maps, worths = {}, {}
    for kind, answers in by_source.items():
        maps[kind], worths[kind] = measured(answers)
        tell(f"{name}, {kind}", worths[kind])
    calibrations = {**known_before, name: Calibration(name, model, maps)}
    numbers = {kind: dataclasses.asdict(worth) for kind, worth in worths.items()}
    best = list(by_source)[-1]
    drawn = to.with_suffix(".svg")
    try:
        to.write_text(written(calibrations, {name: numbers}), "utf-8")
        drawn.write_text(plot(worths[best], f"{name}, {best}"), "utf-8")
    except OSError as error:
        raise ConfigError(f"{to}: {error.strerror}") from error
    if best == TEXT_ALONE:
        print("it tells no log-probabilities: its text alone will be judged")
    print(f"wrote {to} and {drawn}; set [router] calibration and least_confidence")
    return EXIT_GOOD


def tell(title: str, worth: Worth) -> None:
    """Print what a map is worth."""
    auc = "all alike"
    if worth.auc is not None and worth.auc_95 is not None:
        low, high = worth.auc_95
        auc = f"AUC {worth.auc:.2f} ({low:.2f} to {high:.2f})"
    before = "" if worth.ece_before is None else f"{worth.ece_before:.3f} before, "
    print(
        f"{title}: {worth.answers} answers, {worth.right:.0%} right, {auc}; "
        f"ECE {before}{worth.ece_after:.3f} after"
    )
    print("  least_confidence   escalated   wrong answers caught")
    for threshold, share, caught in worth.escalated:
        told = "-" if caught is None else f"{caught:.0%}"
        print(f"  {threshold:16.2f}   {share:9.0%}   {told:>20}")


async def ask_all(
    config: Config, name: str, questions: Sequence[Checkable]
) -> tuple[str, list[Checked]]:
    """Ask a provider every question; return its model's version and what it said.

    Raises:
        ProviderFailed: If it is misconfigured.
        EngineFailed: If it is the model in the house, and that cannot be loaded.
    """
    checked = []
    async with asked(config, name, logprobs=True) as model:
        for at, question in enumerate(questions, 1):
            progress(f"\r{name}: {at}/{len(questions)} ", end="")
            answer = await answered(config, model, question)
            if answer is not None:
                checked.append(answer)
        return model.version, checked


async def answered(
    config: Config,
    model: TextModel,
    question: Checkable,
    noted: Callable[[Note], None] = lambda _note: None,
) -> Checked | None:
    """Ask a model one question; None if it does not answer.

    Args:
        config: How long an answer may be, and the role.
        model: To be asked.
        question: Whose answer is known.
        noted: Given all that is noted of it.

    Raises:
        ProviderFailed: If it is misconfigured.
    """
    now_s = asyncio.get_running_loop().time
    clause = FirstClause(now_s(), read=False, tight=False, judged=True)

    def observe(note: Note) -> None:
        noted(note)
        if not begun:
            clause.note(note)

    request = TextRequest(
        (Message("user", question.question),),
        config.text.instructions,
        max_output_tokens=config.text.max_output_tokens,
        observe=observe,
    )
    text, begun = "", ""
    try:
        async with (
            asyncio.timeout(ANSWER_LIMIT_S),
            aclosing(model.reply(request)) as items,
        ):
            async for item in items:
                if not isinstance(item, str):
                    continue
                text += item
                if not begun and clause.enough(item, clause.asked_s):
                    begun = text
    except (EngineFailed, TimeoutError) as failure:
        if isinstance(failure, ProviderFailed) and failure.kind == "misconfigured":
            raise
        return None
    logprobs = tuple(clause.logprobs)
    beginning = Beginning(begun or text, question.question, logprobs)
    return Checked(beginning, question.answered_by(text))


def _text_of(given: Path | None) -> tuple[str, str]:
    """The operator's questions, or those that come along; and the file's name."""
    package = Path(__file__).resolve().parents[2]
    own = (package / QUESTIONS, package.parent / QUESTIONS)
    path = given or next((each for each in own if each.is_file()), own[0])
    try:
        return path.read_text("utf-8"), str(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from None

"""``voiceserver replay``: recorded calls played again, and what is otherwise now."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from voiceserver.cli.arguments import EXIT_FAILED, EXIT_GOOD
from voiceserver.cli.loop import log_to_stderr, open_engines, progress, ungrouped
from voiceserver.config import Config
from voiceserver.errors import BadRecording, ConfigError
from voiceserver.metrics import Metrics
from voiceserver.recording.layout import Recording, is_recording, read
from voiceserver.recording.retention import recordings_in
from voiceserver.replay.compare import Difference, Limits, Turn, difference
from voiceserver.replay.engines import Work, watched, with_stubs
from voiceserver.replay.player import play
from voiceserver.replay.virtual_time import VirtualClock, run_hasty, run_virtual

STUBS_HEARD = (
    "Stubs heard and answered, so words and answers are theirs; what the configured "
    "engines hear and say is compared by --engines configured."
)


@dataclass(frozen=True, slots=True)
class ReplayOrder:
    """What is asked for.

    Attributes:
        path: The folder of a call, or of several.
        real: The configured engines, in place of stubs.
        limits: From what on something counts as otherwise.
        json: File of the whole result; None writes none.
    """

    path: Path
    real: bool = False
    limits: Limits = field(default_factory=Limits)
    json: Path | None = None


def replay(config: Config, order: ReplayOrder) -> int:
    """Play, compare and tell; 1 if anything is otherwise or cannot be played.

    Raises:
        ConfigError: If there is no recorded call, or the result cannot be written.
    """
    log_to_stderr(config)
    alone = is_recording(order.path) or not order.path.is_dir()
    paths = [order.path] if alone else recordings_in(order.path)
    if not paths:
        raise ConfigError(f"{order.path}: holds no recorded call")
    found: list[Difference] = []
    wrong: list[str] = []
    for path in paths:
        try:
            recording = read(path)
            began_s = time.monotonic()
            after = _played(recording, config, order.real)
        except BadRecording as error:
            if alone:
                raise
            text = str(error)
            wrong.append(text if str(path) in text else f"{path}: {text}")
            print(f"{path.name}: {text}")
            continue
        took_s = time.monotonic() - began_s
        one = difference(recording, after, order.limits)
        found.append(one)
        progress(f"{path.name}: {recording.length_s:.0f} s in {took_s:.1f} s")
        print(_told(path.name, one))
    if not alone:
        print(_in_all(found, wrong))
    if not order.real and any("words" in one.otherwise for one in found):
        progress(STUBS_HEARD)
    if order.json is not None:
        _write(order.json, found, wrong)
    good = not wrong and not any(one.otherwise for one in found)
    return EXIT_GOOD if good else EXIT_FAILED


def _played(recording: Recording, config: Config, real: bool) -> Recording:
    work = Work()

    async def played() -> Recording:
        metrics, clock = Metrics(), VirtualClock()
        work.begin()  # processes start in real time
        used = config if real else with_stubs(config)
        async with open_engines(used, metrics) as engines:
            work.end()
            if real:
                engines = watched(engines, work)
            try:
                return await play(recording, used, engines, clock)
            finally:
                work.begin()  # and end in it

    with ungrouped():
        return run_hasty(played(), work) if real else run_virtual(played())


def _told(name: str, one: Difference) -> str:
    cut = "" if one.whole else " (the recording was cut off)"
    otherwise = ", ".join(one.otherwise) or "the same"
    lines = [f"{name}: {otherwise}{cut}"]
    for pair in one.pairs:
        names = ", ".join(pair.otherwise(one.limits)) or "same"
        old, new = pair.before, pair.after
        at_ms = (old or new or Turn(0, 0, "")).at_ms
        lines.append(f"  {at_ms / 1000:7.2f} s  {names}")
        for label, turn in (("before", old), ("after", new)):
            if turn is not None:
                lines.append(f"             {label:6} {_turn(turn)}")
    return "\n".join(lines)


def _turn(turn: Turn) -> str:
    first = turn.first_audio_ms
    audio = "no sound" if first is None else f"sound after {first:.0f} ms"
    cost = f", ${turn.cost_usd:.5f}" if turn.cost_usd else ""
    return (
        f"over after {turn.endpoint_ms:.0f} ms ({turn.reason}), {audio}{cost}: "
        f"{turn.words!r} -> {turn.answer[:80]!r}"
    )


def _in_all(found: Sequence[Difference], wrong: Sequence[str]) -> str:
    """A table of all calls: what counts, before and after."""
    pairs = [pair for one in found for pair in one.pairs]
    both = (
        [pair.before for pair in pairs if pair.before is not None],
        [pair.after for pair in pairs if pair.after is not None],
    )
    n_before, n_after = map(len, both)
    rows = [("", "before", "after"), ("turns", str(n_before), str(n_after))]
    stages = dict.fromkeys(
        stage for some in both for turn in some for stage in turn.stages_ms
    )
    for name in ("endpoint", "first sound", *stages):
        old, new = (_spread([_value(turn, name) for turn in some]) for some in both)
        rows.append((f"{name}, ms p50 / p95", old, new))
    old, new = (f"{sum(turn.cost_usd for turn in some):.5f}" for some in both)
    rows.append(("cost, USD", old, new))
    changed = sum(bool(one.otherwise) for one in found)
    lines = [f"{left:32} {old:>16} {new:>16}" for left, old, new in rows]
    lines.append(
        f"{len(found)} calls, {changed} otherwise, {len(wrong)} could not be played"
    )
    return "\n".join(lines)


def _value(turn: Turn, name: str) -> float | None:
    match name:
        case "endpoint":
            return turn.endpoint_ms
        case "first sound":
            return turn.first_audio_ms
        case _:
            return turn.stages_ms.get(name)


def _spread(values: Sequence[float | None]) -> str:
    known = sorted(value for value in values if value is not None)
    if not known:
        return "-"
    p95 = known[min(len(known) - 1, round(0.95 * (len(known) - 1)))]
    return f"{statistics.median(known):.0f} / {p95:.0f}"


def _write(path: Path, found: Sequence[Difference], wrong: Sequence[str]) -> None:
    content = {"calls": [one.told() for one in found], "unplayable": list(wrong)}
    try:
        path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error

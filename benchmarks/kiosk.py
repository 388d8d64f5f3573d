"""How many spoken orders a kiosk gets wholly right, without a language model.

People at a coffee bar (labelled recordings; see ``benchmarks.recordings``) order once;
the domain of ``examples/kiosk_orders`` fills its slots from what each recogniser heard,
clean and in 12 dB of other noise (of the whole recording's power). A recogniser gets
what the listener would give it: the voice, 300 ms before it and half a second after.
*First*: every slot right after the one sentence. *Asked*: after one question back,
answered rightly. *Read back wrong*: a wrong order that the caller must object to when
it is read back. Writes ``kiosk.json`` and a plot; what it has of other recognisers
stays. Pocketsphinx takes as long as the speech does: fewer orders will do there.

    python -m benchmarks.kiosk [--orders 154] [--engines whisper pocketsphinx]
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import plots
from benchmarks.figures import RESULTS, write
from benchmarks.processes import machine
from benchmarks.recordings import data_folder, read
from voiceserver.audio import MIC_RATE, Samples
from voiceserver.config import Config, EnginesConfig, RecogniserConfig, TextConfig
from voiceserver.engines.base import Opening, Recogniser
from voiceserver.engines.domain import load
from voiceserver.engines.domain.dialogue import Dialogue, Stage, State
from voiceserver.engines.opening import open_engines
from voiceserver.metrics import Metrics

DOMAIN = Path(__file__).parents[1] / "examples" / "kiosk_orders" / "coffee.toml"
NOISE = ("speech/noise/sb_noise1.flac", "speech/noise/pipecat_office.mp3")
SNR_DB = 12.0
BEFORE, BEHIND = 3 * MIC_RATE // 10, MIC_RATE // 2  # that is heard around the voice
SLOTS = {
    "coffeeDrink": "drink",
    "numberOfShots": "shots",
    "sugarAmount": "sugar",
    "milkAmount": "milk",
}
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody said, and what is meant by it; ``voiced`` says where."""

    samples: Samples
    slots: Mapping[str, str]
    voiced: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an order."""

    first: bool
    asked: bool
    wrong: bool


def orders(n: int) -> list[Order]:
    """The first ``n`` by name."""
    folder = data_folder() / "barista"
    labels = json.loads((folder / "labels.json").read_text())
    taken = []
    for name in sorted(labels)[:n]:
        slots = {SLOTS.get(k, k): v for k, v in labels[name]["slots"].items()}
        said = read(f"barista/{name}", MIC_RATE)
        voiced = said.voiced_from, said.voiced_until
        taken.append(Order(said.samples, slots, voiced))
    return taken


def in_noise(order: Order, noise: Samples, rng: np.random.Generator) -> Order:
    """The order with noise ``SNR_DB`` below its speech."""
    start = int(rng.integers(0, len(noise)))
    beside = np.resize(np.roll(noise, -start), len(order.samples))
    power = float(np.mean(order.samples**2)) / float(np.mean(beside**2))
    scale = np.sqrt(power / 10 ** (SNR_DB / 10))
    samples = (order.samples + scale * beside).astype(np.float32)
    return dataclasses.replace(order, samples=np.clip(samples, -1, 1))


async def heard(recogniser: Recogniser, order: Order) -> str:
    """What the recogniser makes of it."""
    begin, end = order.voiced
    first = max(0, begin - BEFORE)
    utterance = recogniser.open(Opening("en", whole=True))
    try:
        utterance.push(order.samples[first : end + BEHIND])
        utterance.voiced(end - first)
        return (await utterance.final()).text
    finally:
        utterance.close()


def outcome(dialogue: Dialogue, text: str, slots: Mapping[str, str]) -> Outcome:
    """Order by these words; one question back is answered by what is meant."""
    state = dialogue.step(State(), text).state
    first = dict(state.slots) == dict(slots)
    if first and state.stage is Stage.CONFIRMING:
        return Outcome(True, True, False)
    if state.stage is Stage.CONFIRMING:
        return Outcome(False, False, True)
    meant = slots.get(state.asked, "")
    if state.stage is Stage.IDLE:
        return Outcome(first, False, False)
    after = dialogue.step(state, meant or "no").state
    asked = dict(after.slots) == dict(slots)
    return Outcome(first, asked, not asked and after.stage is Stage.CONFIRMING)


def shares(outcomes: list[Outcome]) -> dict[str, object]:
    """Per cent, with 95 % intervals by bootstrap over orders."""
    rng = np.random.default_rng(0)
    found: dict[str, object] = {"orders": len(outcomes)}
    for name in ("first", "asked", "wrong"):
        values = np.array([getattr(each, name) for each in outcomes], float)
        picks = rng.integers(0, len(values), (RESAMPLES, len(values)))
        low, high = np.percentile(values[picks].mean(axis=1), [2.5, 97.5])
        found[name] = [round(float(100 * x), 1) for x in (values.mean(), low, high)]
    return found


async def measured(engine: str, n: int) -> dict[str, object]:
    """One recogniser, clean and in noise."""
    config = Config(
        engines=EnginesConfig(vad="stub", recogniser=engine, speech="stub"),
        recogniser=RecogniserConfig(processes=1),
        text=TextConfig(domain=str(DOMAIN)),
    )
    dialogue = Dialogue(load(DOMAIN))
    clean, rng = orders(n), np.random.default_rng(0)
    noises = [read(name, MIC_RATE).samples for name in NOISE]
    noisy = [in_noise(o, noises[i % len(noises)], rng) for i, o in enumerate(clean)]
    found: dict[str, object] = {"machine": machine()}
    async with open_engines(config, Metrics()) as engines:
        for name, said in (("clean", clean), ("12 dB", noisy)):
            outcomes = []
            for order in said:
                text = await heard(engines.recogniser, order)
                outcomes.append(outcome(dialogue, text, order.slots))
            found[name] = shares(outcomes)
            print(engine, name, found[name], flush=True)
    return found


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=154)
    parser.add_argument("--engines", nargs="+", default=["whisper", "pocketsphinx"])
    parser.add_argument("--plot", action="store_true", help="what was measured before")
    given = parser.parse_args()
    path = RESULTS / "kiosk.json"
    if given.plot:
        plots.kiosk(json.loads(path.read_text()), path.with_suffix(".svg"))
        return
    for engine in given.engines:
        found = asyncio.run(measured(engine, given.orders))
        before = json.loads(path.read_text()) if path.is_file() else {}
        write(path, result := before | {engine: found})
        plots.kiosk(result, path.with_suffix(".svg"))


if __name__ == "__main__":
    main()

"""What a telephone costs in words: G.711 with lost packets beside clean wideband.

Human recordings through the very encoder, network and receiver of a call, in virtual
time: mu-law in packets of 20 ms, three in a hundred of them lost, by chance; then
Whisper writes down what is left, and what there was. The difference of both has its
95 % interval (paired bootstrap over recordings).

    python -m benchmarks.phone_words [--kathleen 40] [--loss 0.03] [--model NAME]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from typing import Any

import numpy as np

from benchmarks.figures import RESULTS, write
from benchmarks.hearing import Errors, distance, plain, rate, spoken
from benchmarks.processes import machine
from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.audio import MIC_RATE, SPEECH_FRAME, SPEECH_RATE, Samples, resample
from voiceserver.engines.whisper.model import Asked, WhisperModel
from voiceserver.media.codecs import encoder_for
from voiceserver.media.receiver import AudioReceiver
from voiceserver.media.rtp import RtpPacket
from voiceserver.weights.place import model_folder

WAYS = {"clean": "", "g711": "audio/pcmu", "g722": "audio/g722"}
RESAMPLES = 2_000
BEHIND_S = 0.5  # of the line after the last word


def through(samples: Samples, mime_type: str, loss: float, seed: int) -> Samples:
    """What a call's receiver makes of an utterance, at 16 kHz."""
    encoder = encoder_for(mime_type)
    assert encoder is not None
    said = resample(samples, MIC_RATE, SPEECH_RATE)
    n_frames = -(-len(said) // SPEECH_FRAME)
    padded = np.zeros(n_frames * SPEECH_FRAME, np.float32)
    padded[: len(said)] = said
    rng = random.Random(seed)
    heard: list[Samples] = []

    async def call() -> None:
        receiver = AudioReceiver(
            lambda samples, _made_up: heard.append(samples), VirtualClock()
        )
        receiver.start({0: mime_type})
        for n, frame in enumerate(padded.reshape(n_frames, SPEECH_FRAME)):
            payload = encoder.encode(frame)
            if n == 0 or rng.random() >= loss:
                at = n * encoder.ticks
                receiver.receive(RtpPacket(0, n, at, 1, payload))
            await asyncio.sleep(0.02)
        await asyncio.sleep(BEHIND_S)
        receiver.stop()

    run_virtual(call())
    return np.concatenate(heard)


def difference(one: list[Errors], other: list[Errors]) -> dict[str, float]:
    """Of two error rates in points, with its interval."""
    rng = random.Random(1)
    pairs = list(zip(one, other, strict=True))

    def points(drawn: list[tuple[Errors, Errors]]) -> float:
        more = sum(a.wrong - b.wrong for a, b in drawn)
        return 100 * more / sum(a.said for a, _ in drawn)

    drawn = sorted(points(rng.choices(pairs, k=len(pairs))) for _ in range(RESAMPLES))
    return {
        "points": round(points(pairs), 2),
        "low": round(drawn[round(RESAMPLES * 0.025)], 2),
        "high": round(drawn[round(RESAMPLES * 0.975)], 2),
    }


def measure(model: WhisperModel, n_kathleen: int, loss: float) -> dict[str, Any]:
    """Recognise every recording each way."""
    found: dict[str, list[Errors]] = {way: [] for way in WAYS}
    for seed, each in enumerate(spoken(n_kathleen)):
        for way, mime_type in WAYS.items():
            samples = each.samples
            if mime_type:
                samples = through(samples, mime_type, loss, seed)
            [decoded] = model.decode([Asked(samples)])
            wrong = distance(each.words, plain(decoded.text))
            found[way].append(Errors(wrong, len(each.words)))
    told: dict[str, Any] = {way: rate(errors) for way, errors in found.items()}
    told["g711_less_clean"] = difference(found["g711"], found["clean"])
    told["g722_less_clean"] = difference(found["g722"], found["clean"])
    return told


def main() -> None:
    """Measure and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kathleen", type=int, default=40)
    parser.add_argument("--loss", type=float, default=0.03)
    parser.add_argument("--model", default="whisper-base")
    asked = parser.parse_args()
    model = WhisperModel(model_folder(asked.model), "cpu")
    found = measure(model, asked.kathleen, asked.loss)
    result = {"machine": machine(), "model": asked.model, "loss": asked.loss, **found}
    write(RESULTS / "phone_words.json", result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

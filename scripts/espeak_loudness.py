"""Measure the loudness of the eSpeak voices and print the gains of their table.

    python scripts/espeak_loudness.py

Loudness is ITU-R BS.1770-4's: K-weighting, blocks of 400 ms, gates at -70 LUFS and
10 LU below the mean. The gains bring every voice to -23 LUFS.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import NDArray

from voiceserver.audio import SPEECH_RATE, Samples
from voiceserver.engines.base import SpeechRequest
from voiceserver.engines.espeak import voice as espeak
from voiceserver.engines.espeak.library import library

AIM_LUFS = -23.0
SENTENCES = (
    "The quick brown fox jumps over the lazy dog, again and again.",
    "It is a quarter past nine, and twelve times twelve is one hundred forty four.",
    "I am sorry, I do not know the answer to that question.",
    "Please tell me your name, and I will spell it for you.",
)


def k_weighting(n_bins: int, rate: int) -> NDArray[np.float64]:
    """Power response at ``n_bins`` frequencies from 0 to half the rate."""
    z = np.exp(-1j * np.linspace(0, math.pi, n_bins))

    def response(b: list[float], a: list[float]) -> NDArray[np.float64]:
        top = b[0] + b[1] * z + b[2] * z**2
        return np.asarray(np.abs(top / (a[0] + a[1] * z + a[2] * z**2)) ** 2)

    # Analogue parameters of BS.1770's two filters, as published with pyloudnorm's
    # derivation: shelf 1681.97 Hz, 3.9998 dB, Q 0.70718; high pass 38.135 Hz, Q 0.5003.
    k = math.tan(math.pi * 1681.974 / rate)
    vh = 10 ** (3.99984 / 20)
    vb, q = vh**0.4996667, 0.7071752
    shelf = response(
        [vh + vb * k / q + k * k, 2 * (k * k - vh), vh - vb * k / q + k * k],
        [1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k],
    )
    k, q = math.tan(math.pi * 38.13547 / rate), 0.5003270
    high = response(
        [1.0, -2.0, 1.0], [1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k]
    )
    return shelf * high


def loudness(samples: Samples, rate: int) -> float:
    """Integrated loudness in LUFS of mono audio longer than 400 ms."""
    spectrum = np.fft.rfft(samples, 2 * len(samples))
    spectrum *= np.sqrt(k_weighting(len(spectrum), rate))
    weighted = np.fft.irfft(spectrum)[: len(samples)]
    block, hop = rate * 4 // 10, rate // 10
    power = np.array(
        [
            np.mean(weighted[at : at + block] ** 2)
            for at in range(0, len(weighted) - block + 1, hop)
        ]
    )
    level = -0.691 + 10 * np.log10(power + 1e-12)
    loud = power[level > -70]
    gate = -0.691 + 10 * math.log10(loud.mean()) - 10
    kept = power[(level > -70) & (level > gate)]
    return float(-0.691 + 10 * math.log10(kept.mean()))


def main() -> None:
    """Print a gain for each voice, and its peak with that gain."""
    voice = espeak.EspeakVoice(library())
    for name, timbre in list(espeak.TIMBRES.items()):
        espeak.TIMBRES[name] = dataclasses.replace(timbre, gain=0.2)
        chunks = [
            chunk.samples
            for sentence in SENTENCES
            for chunk in voice.speak(SpeechRequest(sentence, name))
        ]
        audio = np.concatenate(chunks) / 0.2
        lufs = loudness(audio, SPEECH_RATE)
        gain = 10 ** ((AIM_LUFS - lufs) / 20)
        peak = float(np.abs(audio).max()) * gain
        print(f"{name:12} {lufs:6.1f} LUFS  gain {gain:.2f}  peak {peak:.2f}")


if __name__ == "__main__":
    main()

"""Listens in the page to what a person would hear, and tells what was said.

The reply's audio is taken from the page's ``<audio>`` element, after the browser's own
jitter buffer, and compared with known audio by its spectrum over time.
"""

from __future__ import annotations

import base64
import io
from itertools import pairwise

import numpy as np
import soundfile

from tests.browser import Browser
from voiceserver.audio import Samples, from_int16, resample

RATE = 16_000
HOP = 160  # 10 ms
WINDOW = 512

_RECORD = """
(async () => {
  const audio = document.querySelector('audio');
  const track = audio.srcObject.getAudioTracks()[0].clone();
  const reader = new MediaStreamTrackProcessor({track}).readable.getReader();
  window.heard = {blocks: [], rate: 0, loud: 0, lastLoud: 0};
  (async () => {
    for (;;) {
      const {value, done} = await reader.read();
      if (done) break;
      const block = new Float32Array(value.numberOfFrames);
      value.copyTo(block, {planeIndex: 0, format: 'f32-planar'});
      window.heard.rate = value.sampleRate;
      value.close();
      window.heard.blocks.push(block);
      let peak = 0;
      for (const x of block) peak = Math.max(peak, Math.abs(x));
      if (peak > 0.02) {
        window.heard.loud += 1;
        window.heard.lastLoud = performance.now();
      }
    }
  })();
  return true;
})()
"""
_FETCH = """
(() => {
  const {blocks} = window.heard;
  const total = blocks.reduce((n, b) => n + b.length, 0);
  const pcm = new Int16Array(total);
  let k = 0;
  for (const block of blocks)
    for (const x of block) pcm[k++] = Math.max(-1, Math.min(1, x)) * 32767;
  const bytes = new Uint8Array(pcm.buffer);
  let text = '';
  for (let i = 0; i < bytes.length; i += 32768)
    text += String.fromCharCode.apply(null, bytes.subarray(i, i + 32768));
  return [window.heard.rate, btoa(text)];
})()
"""


async def start_listening(browser: Browser) -> None:
    """Record what the page plays, from now on."""
    await browser.wait_for("document.querySelector('audio')?.srcObject ? 1 : 0")
    await browser.evaluate(_RECORD)


async def heard_so_far(browser: Browser) -> Samples:
    """Return what the page has played, 16 kHz mono."""
    rate, text = await browser.evaluate(_FETCH)
    return resample(from_int16(base64.b64decode(text)), int(rate), RATE)


def from_wav(body: bytes) -> Samples:
    """Read a WAV as 16 kHz mono."""
    samples, rate = soundfile.read(io.BytesIO(body), dtype="float32")
    return resample(samples, rate, RATE)


def _bands(samples: Samples) -> np.ndarray:
    """Log energies of 24 bands every 10 ms, shape (frames, 24)."""
    count = max(0, (len(samples) - WINDOW) // HOP)
    frames = np.stack([samples[i * HOP : i * HOP + WINDOW] for i in range(count)])
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW))) ** 2
    edges = np.geomspace(4, power.shape[1] - 1, 25).astype(int)
    bands = [power[:, a : max(b, a + 1)].sum(1) for a, b in pairwise(edges)]
    return np.asarray(np.log(np.stack(bands, 1) + 1e-3))


def likeness(heard: Samples, known: Samples) -> float:
    """How much the best stretch of ``heard`` is like ``known``: a correlation.

    The browser stretches time a little while its buffer adapts, so the known audio is
    compared in pieces of half a second, each finding its own place.
    """
    whole, parts = _bands(heard), _bands(known)
    size = 50
    scores = []
    for start in range(0, max(1, len(parts) - size), size):
        piece = _centred(parts[start : start + size])
        places = range(0, len(whole) - len(piece), 2)
        found = [_cosine(_centred(whole[at : at + len(piece)]), piece) for at in places]
        scores.append(max(found, default=0.0))
    return float(np.mean(scores))


def _centred(bands: np.ndarray) -> np.ndarray:
    """Without the mean of each band: what moves is what was said."""
    return np.asarray(bands - bands.mean(0))


def _cosine(one: np.ndarray, other: np.ndarray) -> float:
    norm = np.linalg.norm(one) * np.linalg.norm(other) + 1e-9
    return float((one * other).sum() / norm)

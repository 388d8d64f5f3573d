"""smart-turn 3.2 as a turn-end core: has a turn ended, by the sound of its last 8 s?

A network on Whisper's encoder (pipecat-ai/smart-turn, BSD-2-Clause), run by
onnxruntime on one thread. It hears intonation and rhythm, not silence; what its
probability means for a wait is ``turns.ending``'s to say.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from voiceserver.audio import MIC_RATE, Samples
from voiceserver.engines.whisper.features import HOP, log_mel
from voiceserver.errors import EngineFailed
from voiceserver.weights.place import model_folder

MODEL = "smart-turn"
FILE = "smart-turn-v3.2-cpu.onnx"
HEARD = 8 * MIC_RATE  # samples; shorter audio is put at their end
_STEADY = 1e-7  # variance of silence, as transformers' WhisperFeatureExtractor has it


class SmartTurn:
    """The network.

    Args:
        file: The ONNX file.

    Raises:
        EngineFailed: If it cannot be loaded.
    """

    def __init__(self, file: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Its weights are of 8 bits: on processors without VNNI the faster products
        # overflow, and a cut-off sentence can sound finished, or the other way round.
        options.add_session_config_entry("session.x64quantprecision", "1")
        try:
            self._session = onnxruntime.InferenceSession(
                str(file), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            # onnxruntime's errors have no common class of their own.
            why = " ".join(str(error).split())[:200]
            raise EngineFailed(MODEL, f"{file} cannot be loaded: {why}") from error

    def probability(self, pcm: NDArray[np.int16]) -> float:
        """Return the probability that the turn has ended.

        Args:
            pcm: 16 kHz, up to the present; of more than 8 s the last count.
        """
        features = turn_features(pcm.astype(np.float32) * np.float32(1 / 32768))
        outputs: list[Any] = self._session.run(None, {"input_features": features[None]})
        return float(outputs[0].reshape(-1)[0])


def turn_features(samples: Samples) -> NDArray[np.float32]:
    """Return what the network takes: shape (80, 800).

    Silence goes before shorter audio; then all is brought to mean 0 and variance 1, as
    the model was trained.
    """
    heard = samples[-HEARD:]
    heard = np.pad(heard, (HEARD - len(heard), 0))
    steady = (heard - heard.mean()) / np.sqrt(heard.var() + _STEADY)
    return log_mel(steady.astype(np.float32), HEARD // HOP)


def load(settings: dict[str, object]) -> SmartTurn:
    """Load the network from where models lie, and run it once."""
    core = SmartTurn(model_folder(MODEL) / FILE)
    core.probability(np.zeros(HEARD, np.int16))
    return core

"""Which ears a server has where ``engines.recogniser`` is ``"auto"``, and how good.

Whisper where its packages are installed and a model of it was fetched, else the
embedded recogniser. Of several models the first is taken, unless a measurement on this
machine preferred another; that is written down beside the models.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from voiceserver.config import Config
from voiceserver.weights.place import is_there, model_folder, models_folder

AUTO = "auto"
WHISPER, EMBEDDED = "whisper", "pocketsphinx"
MODELS = ("whisper-base", "whisper-tiny.en")  # the better first
PREFERENCE = "preferred-ears"  # file in the models' folder: a model's name
# Of one core, for a second of noise by whisper-base: some 40 ms with AVX512-VNNI or
# AMX, 90 without, where finals would come too late (twice that under load).
FAST_ENOUGH_MS = 90.0
MEASURED_S = 1.0


def resolved(config: Config, environment: Mapping[str, str] = os.environ) -> Config:
    """Return the configuration with ears of a name.

    Args:
        config: All settings; those that name a recogniser are returned as they are.
        environment: Says where models lie.
    """
    if config.engines.recogniser != AUTO:
        return config
    named = config.recogniser.model
    model = named or ears_here(environment) or ""
    name = WHISPER if model and installed() and _is_whisper(model) else EMBEDDED
    if name == WHISPER and not named:
        config = replace(config, recogniser=replace(config.recogniser, model=model))
    return replace(config, engines=replace(config.engines, recogniser=name))


def installed() -> bool:
    """Whether Whisper's packages are."""
    ctranslate2 = importlib.util.find_spec("ctranslate2")
    return (
        ctranslate2 is not None and importlib.util.find_spec("tokenizers") is not None
    )


def ears_here(environment: Mapping[str, str] = os.environ) -> str | None:
    """Name of the model to hear with; None where none was fetched."""
    preferred = preference(environment)
    names = sorted(MODELS, key=lambda name: name != preferred)  # stable
    return next((name for name in names if is_there(name, environment)), None)


def preference(environment: Mapping[str, str] = os.environ) -> str | None:
    """Name of the model that a measurement preferred; None where none was made."""
    try:
        name = (models_folder(environment) / PREFERENCE).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return name if name in MODELS else None


def prefer(name: str, environment: Mapping[str, str] = os.environ) -> None:
    """Write down which model to hear with on this machine.

    Raises:
        OSError: If it cannot be written.
    """
    folder = models_folder(environment)
    (folder / f"{PREFERENCE}.new").write_text(f"{name}\n", "utf-8")
    (folder / f"{PREFERENCE}.new").replace(folder / PREFERENCE)


def measured_ms(environment: Mapping[str, str] = os.environ) -> float:
    """Time of one core for a second of noise by the best model; takes a second or two.

    The least of several, in CPU time: what else the machine does counts little.

    Raises:
        EngineFailed: If the model cannot be loaded.
        ImportError: If Whisper's packages are not installed.
    """
    import numpy as np

    from voiceserver.audio import MIC_RATE
    from voiceserver.engines.whisper.model import Asked, WhisperModel

    model = WhisperModel(model_folder(MODELS[0], environment), "cpu")
    noise = np.random.default_rng(1).normal(0, 0.03, MIC_RATE).astype(np.float32)
    until, least = time.monotonic() + MEASURED_S, float("inf")
    while time.monotonic() < until or least == float("inf"):
        began = time.process_time()
        model.decode([Asked(noise)])
        least = min(least, time.process_time() - began)
    return least * 1000


def told(config: Config) -> str:
    """One line: with which ears a server of this configuration hears, and how well."""
    ears = resolved(config)
    name = ears.engines.recogniser
    if name == WHISPER:
        return f"{Path(ears.recogniser.model or MODELS[0]).name} hears open speech"
    if name != EMBEDDED:
        return f"{name} hears"
    if not installed():
        cure = "pip install 'voiceserver[whisper]', then voiceserver models get"
    elif ears_here() is None:
        cure = "voiceserver models get"
    else:
        return f"{name} hears simple English, as it is configured"
    return f"{name} hears simple English only; for open speech: {cure} {MODELS[0]}"


def _is_whisper(model: str) -> bool:
    folder = Path(model).expanduser()
    return folder.name in MODELS or (folder / "model.bin").is_file()

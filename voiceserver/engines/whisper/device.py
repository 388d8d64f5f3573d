"""Where a Whisper model is computed: a GPU in float16, else the processor in int8.

Knows how a model is loaded; nothing of audio or words. ``library`` is CTranslate2,
which is imported by whoever runs a model.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from voiceserver.errors import EngineFailed

if TYPE_CHECKING:
    import ctranslate2

log = logging.getLogger(__name__)


def chosen(
    folder: Path, wanted: str, library: Any
) -> tuple[str, ctranslate2.models.Whisper]:
    """Load a model where it is wanted; ``"auto"`` is a GPU that can be used, if any.

    A GPU without its libraries is found out only by computing on it.

    Args:
        folder: Of the model.
        wanted: ``"cpu"``, ``"cuda"`` or ``"auto"``.
        library: CTranslate2.

    Returns:
        ``"cpu"`` or ``"cuda"``, and the model.

    Raises:
        EngineFailed: If it cannot be loaded there; says what to do.
    """
    if wanted == "cpu" or (wanted == "auto" and not library.get_cuda_device_count()):
        return "cpu", _loaded(folder, "cpu", library)
    try:
        model = _loaded(folder, "cuda", library)
        silence = np.zeros((1, int(model.n_mels), 100), np.float32)
        model.encode(library.StorageView.from_array(silence), to_cpu=True)
    except (RuntimeError, EngineFailed) as error:
        if wanted == "cuda":
            why = f"the GPU cannot be used ({error})"
            cure = 'install CUDA 12 with cuBLAS and cuDNN 9, or set device = "cpu"'
            raise EngineFailed("whisper", f"{why}; {cure}") from error
        log.warning("the GPU cannot be used", extra={"why": str(error)})
        return "cpu", _loaded(folder, "cpu", library)
    return "cuda", model


def _loaded(folder: Path, device: str, library: Any) -> ctranslate2.models.Whisper:
    kind = "int8"
    if device == "cuda":
        halves = "float16" in library.get_supported_compute_types("cuda")
        kind = "float16" if halves else "float32"
    try:
        return library.models.Whisper(
            str(folder),
            device=device,
            compute_type=kind,
            inter_threads=1,
            intra_threads=1,
        )
    except (RuntimeError, ValueError) as error:
        why = f"the model in {folder} cannot be loaded ({error})"
        raise EngineFailed("whisper", f"{why}; fetch it again") from error

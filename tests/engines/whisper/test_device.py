"""Where a model is computed: a GPU that can be used, with a made-up library of one.

No GPU is needed, and none was: that float16 hears the same is not proved here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from voiceserver.engines.whisper.device import chosen
from voiceserver.errors import EngineFailed

FOLDER = Path("model")


class FakeModel:
    """Refuses to compute where the library's parts are missing."""

    n_mels = 80

    def __init__(self, missing: str) -> None:
        self._missing = missing

    def encode(self, features: object, to_cpu: bool) -> None:
        if self._missing:
            raise RuntimeError(self._missing)


class FakeLibrary:
    """What of CTranslate2 tells of GPUs, and loads models."""

    def __init__(
        self,
        gpus: int = 1,
        kinds: tuple[str, ...] = ("float16", "float32"),
        missing: str = "",
    ) -> None:
        self._gpus = gpus
        self._kinds = kinds
        self._missing = missing
        self.loaded: list[tuple[str, str]] = []
        self.models = self
        self.StorageView = self  # as the library names it

    def get_cuda_device_count(self) -> int:
        return self._gpus

    def get_supported_compute_types(self, device: str) -> set[str]:
        assert device == "cuda"
        return set(self._kinds)

    def from_array(self, array: object) -> object:
        assert isinstance(array, np.ndarray) and array.dtype == np.float32
        return array

    def Whisper(self, folder: str, **how: Any) -> FakeModel:  # noqa: N802
        if how["device"] == "cuda" and not self._gpus:
            raise RuntimeError("no CUDA-capable device is detected")
        self.loaded.append((how["device"], how["compute_type"]))
        return FakeModel(self._missing if how["device"] == "cuda" else "")


@pytest.mark.parametrize(
    ("library", "wanted", "loaded"),
    [
        (FakeLibrary(), "auto", [("cuda", "float16")]),
        (FakeLibrary(), "cuda", [("cuda", "float16")]),
        (FakeLibrary(), "cpu", [("cpu", "int8")]),
        (FakeLibrary(gpus=0), "auto", [("cpu", "int8")]),
        # An old one without halves.
        (FakeLibrary(kinds=("float32",)), "auto", [("cuda", "float32")]),
    ],
)
def test_a_gpu_is_taken_where_there_is_one(
    library: FakeLibrary, wanted: str, loaded: list[tuple[str, str]]
) -> None:
    """In float16, a processor in int8."""
    device, _ = chosen(FOLDER, wanted, library)
    assert library.loaded == loaded
    assert device == loaded[0][0]


def test_a_gpu_that_cannot_compute_is_left_alone() -> None:
    """Its driver is there and its libraries are not: that shows at the first use."""
    library = FakeLibrary(missing="Library libcublas.so.12 is not found")
    device, _ = chosen(FOLDER, "auto", library)
    assert device == "cpu"
    assert library.loaded == [("cuda", "float16"), ("cpu", "int8")]


@pytest.mark.parametrize(
    "library",
    [FakeLibrary(missing="Library libcublas.so.12 is not found"), FakeLibrary(gpus=0)],
)
def test_a_gpu_that_was_asked_for_is_insisted_on(library: FakeLibrary) -> None:
    """With what is missing and what to do."""
    with pytest.raises(EngineFailed, match=r"GPU cannot be used.*install CUDA 12"):
        chosen(FOLDER, "cuda", library)

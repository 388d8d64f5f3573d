"""Tiny models with random weights: a dense one and a mixture of experts, in a folder.

They say words of a small vocabulary, which ones nobody knows, and the same each time.
Written as files alone, so that whoever only names them loads no library of models.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

SAID = (
    "yes no the a house is on in red blue green we go come here there today tomorrow "
    "morning evening good very little water light door open four seven nine never often"
).split()
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }} {{ m['content'] }}<|im_end|>"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant {% endif %}"
)
MARKS = ["<unk>", "<|im_start|>", "<|im_end|>"]
UNSAID = [*MARKS, "system", "user", "assistant"]
HIDDEN, INNER, HEADS, PAIRS, HEAD, LAYERS, EXPERTS = 32, 64, 4, 2, 8, 2, 4


def written(folder: Path, kind: str = "dense") -> Path:
    """Write a model.

    Args:
        folder: Where to; it is made.
        kind: ``"dense"`` (Llama) or ``"experts"`` (Qwen3-MoE, two of four).
    """
    folder.mkdir(parents=True, exist_ok=True)
    experts = kind == "experts"
    words = [*UNSAID, *SAID]
    config: dict[str, Any] = {
        "model_type": "qwen3_moe" if experts else "llama",
        "architectures": ["Qwen3MoeForCausalLM" if experts else "LlamaForCausalLM"],
        "vocab_size": len(words),
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": PAIRS,
        "head_dim": HEAD,
        "max_position_embeddings": 512,
        "eos_token_id": words.index("<|im_end|>"),
        "bos_token_id": None,
        "tie_word_embeddings": False,
        "rms_norm_eps": 1e-6,
        "torch_dtype": "float32",
    }
    if experts:
        config |= {
            "moe_intermediate_size": INNER,
            "num_experts": EXPERTS,
            "num_experts_per_tok": 2,
            "decoder_sparse_step": 1,
            "mlp_only_layers": [],
        }
    (folder / "config.json").write_text(json.dumps(config))
    _write_tokenizer(folder, words)
    save_file(
        _weights(len(words), experts), folder / "model.safetensors", {"format": "pt"}
    )
    return folder


def _write_tokenizer(folder: Path, words: list[str]) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {word: n for n, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(MARKS)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "unk_token": "<unk>",
                "eos_token": "<|im_end|>",
                "additional_special_tokens": ["<|im_start|>"],
            }
        )
    )
    (folder / "chat_template.jinja").write_text(TEMPLATE)


def _weights(n_words: int, experts: bool) -> dict[str, Any]:
    rng = np.random.default_rng(7)

    def some(*shape: int) -> Any:
        return rng.normal(0, 0.6, shape).astype(np.float32)

    head = some(n_words, HIDDEN)
    head[: len(UNSAID)] = 0  # it says words alone, for as long as it may
    one = np.ones(HIDDEN, np.float32)
    weights: dict[str, Any] = {
        "model.embed_tokens.weight": some(n_words, HIDDEN),
        "model.norm.weight": one,
        "lm_head.weight": head,
    }
    for n in range(LAYERS):
        at = f"model.layers.{n}"
        weights[f"{at}.input_layernorm.weight"] = one
        weights[f"{at}.post_attention_layernorm.weight"] = one
        weights[f"{at}.self_attn.q_proj.weight"] = some(HEADS * HEAD, HIDDEN)
        weights[f"{at}.self_attn.k_proj.weight"] = some(PAIRS * HEAD, HIDDEN)
        weights[f"{at}.self_attn.v_proj.weight"] = some(PAIRS * HEAD, HIDDEN)
        weights[f"{at}.self_attn.o_proj.weight"] = some(HIDDEN, HEADS * HEAD)
        mlps = [f"{at}.mlp"]
        if experts:
            weights[f"{at}.self_attn.q_norm.weight"] = np.ones(HEAD, np.float32)
            weights[f"{at}.self_attn.k_norm.weight"] = np.ones(HEAD, np.float32)
            weights[f"{at}.mlp.gate.weight"] = some(EXPERTS, HIDDEN)
            mlps = [f"{at}.mlp.experts.{each}" for each in range(EXPERTS)]
        for mlp in mlps:
            weights[f"{mlp}.gate_proj.weight"] = some(INNER, HIDDEN)
            weights[f"{mlp}.up_proj.weight"] = some(INNER, HIDDEN)
            weights[f"{mlp}.down_proj.weight"] = some(HIDDEN, INNER)
    return weights

"""``[transformers]``: a text model in the house, by Hugging Face Transformers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from voiceserver.config.checks import require


@dataclass(frozen=True, slots=True)
class TransformersConfig:
    """``[transformers]``: a text model in a process of its own (``engines.text``).

    It is asked before the ``[[text.provider]]`` tables. One caller at a time is
    answered by it; whoever comes meanwhile is answered by the next.

    Attributes:
        model: Folder of a model (``config.json``, ``tokenizer.json``, safetensors), or
            a ``.gguf`` file; one that was trained to chat. Nothing is fetched.
        device: ``"cuda"``, ``"cpu"``, or ``"auto"``: a GPU where there is one.
        threads: Of the processor; 0 takes half of them, so that hearing and speaking
            have theirs.
        context_tokens: Most that it reads and writes of a conversation; the oldest
            turns are left out beyond that.
        conversations: Calls whose beginnings are kept computed between their turns.
        first_ms: Its answers must begin within this time; then the next is asked.
        tier: As of a ``[[text.provider]]``, for the router.
        temperature: 0 always takes the most probable word; up to 2 varies more.
    """

    model: str = field(default="", metadata={"path": True})
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 0
    context_tokens: int = 4096
    conversations: int = 4
    first_ms: int = 2000
    tier: Literal["simple", "complex"] = "simple"
    temperature: float = 0.0

    def __post_init__(self) -> None:
        require(0 <= self.threads <= 256, "threads must be 0..256")
        require(self.context_tokens >= 256, "context_tokens must be at least 256")
        require(1 <= self.conversations <= 64, "conversations must be 1..64")
        require(self.first_ms >= 1, "first_ms must be at least 1")
        require(0 <= self.temperature <= 2, "temperature must be 0..2")

"""A language model's process: one answer at a time, a token or some prompt a step.

Between two steps the process reads its socket, so that whoever cancels is obeyed within
one of them; what was computed until then stays the beginning of its conversation.
``load`` is what the process calls. Knows no library of models, and no sockets.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from voiceserver.engines.llm.beginnings import Beginning, Beginnings, Ways
from voiceserver.engines.llm.files import NAME, model_files
from voiceserver.engines.llm.prompt import Chat, Prompt
from voiceserver.errors import EngineFailed
from voiceserver.processes.ipc import Kind, Meta

log = logging.getLogger(__name__)

READ_AT_ONCE = 64  # tokens of a prompt between two looks at the socket
LEAST_ANSWER = 64  # tokens of the context that a prompt leaves free
Step = tuple[Kind, Meta, bytes]
_LONGEST_WHY = 800  # characters


class Writer(Protocol):
    """Joins the text of tokens that come one by one."""

    def push(self, token: int) -> str:
        """Add a token; return the text that is whole now, ``""`` if none is."""


class Model(Protocol):
    """What computes. ``Any`` is what it has computed of a beginning."""

    @property
    def ways(self) -> Ways[Any]:
        """How computed beginnings are made."""

    @property
    def ends(self) -> frozenset[int]:
        """Tokens that end an answer."""

    @property
    def context(self) -> int:
        """Most tokens that it was trained to read and write."""

    def read(self, computed: Any, tokens: list[int]) -> Any:
        """Read tokens on from what is computed; return what may follow."""

    def choose(self, following: Any, temperature: float) -> tuple[int, float]:
        """Return the next token and the logarithm of its probability."""

    def writer(self) -> Writer:
        """Return what makes text of the tokens of one answer."""


class Template(Protocol):
    """Writes prompts."""

    def prompt(self, chat: Chat, tools: list[Mapping[str, Any]], most: int) -> Prompt:
        """Write a conversation in at most so many tokens."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of answers.

    Attributes:
        context: Tokens of prompt and answer.
        conversations: Whose beginnings are kept.
        temperature: Of the choice of tokens.
    """

    context: int = 4096
    conversations: int = 4
    temperature: float = 0.0


class LanguageJobs:
    """The text model of a process: its ``ChildJobs``.

    Args:
        model: Computes.
        template: Writes prompts.
        limits: Of answers.
        instructions: What most conversations begin with; read at once.
    """

    def __init__(
        self, model: Model, template: Template, limits: Limits, instructions: str = ""
    ) -> None:
        self.model = model
        self.template = template
        self.temperature = limits.temperature
        self.context = min(limits.context, model.context)
        self.beginnings: Beginnings[Any] = Beginnings(limits.conversations, model.ways)
        self._read_at_once(instructions)

    @property
    def about(self) -> Meta:
        """One answer at a time."""
        return {"slots": 1, "context": self.context}

    @property
    def gather_s(self) -> float:
        """Nothing is waited for."""
        return 0.0

    def open(self, meta: Meta) -> LanguageJob:
        """Begin an answer; its conversation is pushed."""
        return LanguageJob(self, _whole(meta, "most"), _whole(meta, "credit"))

    def _read_at_once(self, instructions: str) -> None:
        """Compute what most conversations begin with, and find out that it works."""
        chat = [{"role": "user", "content": "Hello."}]
        if instructions:
            chat.insert(0, {"role": "system", "content": instructions})
        prompt = self.template.prompt(chat, [], self.context - LEAST_ANSWER)
        beginning = self.beginnings.take(prompt.tokens)
        following = None
        for at in range(0, len(prompt.tokens), READ_AT_ONCE):
            some = list(prompt.tokens[at : at + READ_AT_ONCE])
            following = self.model.read(beginning.computed, some)
        beginning.tokens = [*prompt.tokens]
        self.model.choose(following, 0.0)
        self.beginnings.keep_for_all(beginning)


class LanguageJob:
    """One answer: its ``ChildJob``.

    Args:
        jobs: Whose it is.
        most: Tokens of the answer; 0 is as many as there is room for.
        credit: Pieces that may be given at first.
    """

    def __init__(self, jobs: LanguageJobs, most: int, credit: int) -> None:
        self._jobs = jobs
        self._most = most
        self._credit = credit
        self._asked = b""
        self._unread: list[int] = []
        self._beginning: Beginning[Any] | None = None
        self._following: Any = None
        self._writer = jobs.model.writer()
        self._told: Meta = {}  # with the next piece
        self._written = 0  # tokens
        self._newest: list[int] = []  # written and not read by the model itself
        self._ready = False

    @property
    def urgency(self) -> float | None:
        """There is no other."""
        return 0.0 if self._ready and self._credit > 0 else None

    def push(self, body: bytes) -> None:
        """Take a part of what is asked: JSON."""
        self._asked += body

    def note(self, meta: Meta) -> None:
        """It makes no difference here."""

    def finish(self) -> None:
        """What is asked is whole."""
        self._ready = True

    def credit(self, items: int) -> None:
        """Take leave to give more pieces."""
        self._credit += items

    def step(self) -> Step:
        """Read some of the prompt, or write a token.

        What cannot be asked of it is told as an end: the engine itself is well.
        """
        if self._beginning is None:
            try:
                self._begin()
            except EngineFailed as error:
                return Kind.END, {"refused": str(error)[:_LONGEST_WHY]}, b""
        try:
            return self._read() if self._unread else self._write()
        except Exception:
            # What was half computed is of no use to anybody.
            assert self._beginning is not None
            self._jobs.beginnings.drop(self._beginning)
            raise

    def close(self) -> None:
        """A step cannot be stopped; it is short."""

    def _begin(self) -> None:
        asked = json.loads(self._asked)
        context = self._jobs.context
        prompt = self._jobs.template.prompt(
            asked["messages"], asked.get("tools", []), context - LEAST_ANSWER
        )
        room = context - len(prompt.tokens)
        self._most = min(self._most or room, room)
        self._beginning = self._jobs.beginnings.take(prompt.tokens)
        known = len(self._beginning.tokens)
        self._unread = list(prompt.tokens[known:])
        self._told = {"read": len(prompt.tokens), "known": known}
        if prompt.opened:
            self._told["opened"] = True

    def _read(self) -> Step:
        """Read the next of the prompt; the piece that tells of it is none of text."""
        some, self._unread = self._unread[:READ_AT_ONCE], self._unread[READ_AT_ONCE:]
        self._compute(some)
        told, self._told = self._told, {}
        return Kind.ITEM, told, b""

    def _write(self) -> Step:
        model = self._jobs.model
        if self._written >= self._most:
            return Kind.END, {"cut": True}, b""
        if self._newest:
            self._compute(self._newest)
        token, logprob = model.choose(self._following, self._jobs.temperature)
        if token in model.ends:
            return Kind.END, {"cut": False}, b""
        self._written += 1
        self._credit -= 1
        self._newest = [token]
        text = self._writer.push(token).encode("utf-8", "replace")
        return Kind.ITEM, {"logprob": round(logprob, 4)}, text

    def _compute(self, tokens: list[int]) -> None:
        beginning = self._beginning
        assert beginning is not None
        self._following = self._jobs.model.read(beginning.computed, tokens)
        beginning.tokens += tokens


def load(settings: dict[str, object]) -> LanguageJobs:
    """Load the model that the settings name.

    Args:
        settings: Those of ``[transformers]``, and ``instructions``.

    Raises:
        EngineFailed: If it cannot be used; names the file and what to do.
    """
    files = model_files(str(settings.get("model", "")))
    from voiceserver.engines.llm.loading import loaded

    device, threads = str(settings["device"]), _whole(settings, "threads")
    model, template = loaded(files, device, threads)
    limits = Limits(
        _whole(settings, "context_tokens"),
        _whole(settings, "conversations"),
        float(str(settings["temperature"])),
    )
    instructions = str(settings.get("instructions", ""))
    try:
        return LanguageJobs(model, template, limits, instructions)
    except (RuntimeError, MemoryError) as error:
        why = str(error).splitlines()[0][:200]
        raise EngineFailed(NAME, f"{files.path} does not answer: {why}") from error


def _whole(settings: Mapping[str, object], name: str) -> int:
    value = settings.get(name, 0)
    return value if isinstance(value, int) else 0

"""A conversation as the tokens of a prompt, by the model's own chat template.

What a template refuses (a system message, two of one speaker in a row) is found out
once, when it is loaded. The oldest turns are left out where all of it is too long, some
at a time, so that the beginning stays what it was for a few turns. Knows no model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from voiceserver.engines.llm.files import NAME
from voiceserver.errors import EngineFailed

TURNS_AT_ONCE = 8  # messages that are left out together
Chat = list[dict[str, Any]]
_OPENS_THOUGHTS = ("<think>", "<thinking>", "<thought>", "[THINK]")
_BRACKETS = frozenset("<>[]|")  # marks have some of them
_SYSTEM = {"role": "system", "content": "Be brief."}
_USER = {"role": "user", "content": "Hello."}
_ASSISTANT = {"role": "assistant", "content": "Hi."}


class Tokenizer(Protocol):
    """What is used of a tokenizer of Transformers."""

    @property
    def chat_template(self) -> object:
        """Its template; None if it has none."""

    @property
    def all_special_tokens(self) -> Sequence[str]:
        """Those that mark roles and ends."""

    def get_added_vocab(self) -> Mapping[str, int]:
        """Return tokens that are no pieces of text, of roles and calls among them."""

    def apply_chat_template(self, conversation: Chat, **how: Any) -> Any:
        """Render a conversation."""

    def encode(self, text: str, **how: Any) -> list[int]:
        """Return the tokens of a text."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model reads.

    Attributes:
        tokens: At least one.
        opened: The answer begins within a thought: the template has opened it.
    """

    tokens: tuple[int, ...]
    opened: bool = False


class ChatTemplate:
    """Writes prompts.

    Args:
        tokenizer: Of the model.
        source: What it came from, for messages.

    Raises:
        EngineFailed: If there is no template, or none of its ways works.
    """

    def __init__(self, tokenizer: Tokenizer, source: str) -> None:
        if not tokenizer.chat_template:
            raise EngineFailed(
                NAME,
                f"{source} has no chat template: it was not trained to chat. Take the "
                '"instruct" or "chat" model of the same name',
            )
        self._tokenizer = tokenizer
        marks = {*tokenizer.all_special_tokens, *tokenizer.get_added_vocab()}
        # Words that somebody has added to the vocabulary are none.
        marks = {mark for mark in marks if not _BRACKETS.isdisjoint(mark)}
        self._marks = sorted(marks, key=len, reverse=True)
        self._way = self._working(source)

    def prompt(
        self, chat: Chat, tools: Sequence[Mapping[str, Any]], most: int
    ) -> Prompt:
        """Write a conversation.

        Args:
            chat: Messages as of the Chat Completions API, the newest last.
            tools: The functions that may be called, as there.
            most: Tokens; the oldest turns are left out beyond that.

        Raises:
            EngineFailed: If the newest turn alone is too long.
        """
        chat = [self._plain(message) for message in chat]
        head = [m for m in chat[:1] if m["role"] == "system"]
        rest = chat[len(head) :]
        for at in range(0, len(rest), TURNS_AT_ONCE):
            some = rest[at:]
            while at and len(some) > 1 and some[0]["role"] != "user":
                some = some[1:]  # no answer without its question, nor result
            text = self._rendered([*head, *some], tools)
            tokens = self._tokenizer.encode(text, add_special_tokens=False)
            if 0 < len(tokens) <= most:
                return Prompt(tuple(tokens), text.rstrip().endswith(_OPENS_THOUGHTS))
        raise EngineFailed(
            NAME, f"the turn is longer than {most} tokens: raise context_tokens"
        )

    def _rendered(self, chat: Chat, tools: Sequence[Mapping[str, Any]]) -> str:
        return str(
            self._tokenizer.apply_chat_template(
                self._way(chat),
                tools=[dict(tool) for tool in tools] or None,
                tokenize=False,
                add_generation_prompt=True,
                enable_thinking=False,  # of templates that know it
            )
        )

    def _working(self, source: str) -> Callable[[Chat], Chat]:
        """Find out in which form the template takes a conversation."""
        chat: Chat = [_SYSTEM, _USER, _ASSISTANT, _USER]
        why: Exception | None = None
        for way in (_as_it_is, _in_turn, _without_system):
            self._way = way
            try:
                if self._rendered(chat, ()).strip():
                    return way
            except Exception as error:  # noqa: BLE001 - a template is a program
                why = error
        raise EngineFailed(NAME, f"the chat template of {source} does not work: {why}")

    def _plain(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """A message without what would end it for the model; arguments as objects."""
        text = message.get("content") or ""
        for mark in self._marks:
            text = text.replace(mark, "")
        told = {**message, "content": text}
        if calls := message.get("tool_calls"):
            told["tool_calls"] = [_call(call) for call in calls]
        return told


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    """Templates write the arguments themselves, as JSON."""
    function = dict(call["function"])
    try:
        function["arguments"] = json.loads(function["arguments"])
    except (ValueError, TypeError):
        function["arguments"] = {}
    return {**call, "function": function}


def _as_it_is(chat: Chat) -> Chat:
    return chat


def _in_turn(chat: Chat) -> Chat:
    """User and assistant in turn, the user first, behind what the system says."""
    turns: Chat = []
    for message in chat:
        before = turns[-1] if turns else {}
        if message["role"] == before.get("role") and "tool_calls" not in message:
            turns[-1] = {**before, "content": _both(before, message)}
        else:
            turns.append(message)
    at = 1 if turns and turns[0]["role"] == "system" else 0
    if turns[at:] and turns[at]["role"] == "assistant":
        turns.insert(at, _USER)
    return turns


def _without_system(chat: Chat) -> Chat:
    """What the system says stands before the first words of the user."""
    turns = _in_turn(chat)
    if not turns or turns[0]["role"] != "system":
        return turns
    system, rest = turns[0], turns[1:] or [_USER]
    return [{**rest[0], "content": _both(system, rest[0])}, *rest[1:]]


def _both(one: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    return "\n\n".join(part for part in (one["content"], other["content"]) if part)

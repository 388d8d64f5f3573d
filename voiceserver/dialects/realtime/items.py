"""The items of a conversation as the Realtime protocol shows them, in their order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from voiceserver.commands import AddMessage
from voiceserver.dialects.realtime.wire import Ids
from voiceserver.errors import BadRequest
from voiceserver.tools import ToolCall

MAX_CLIENT_TEXT = 4_194_304  # characters of them in all: 16 MB at worst
MAX_CLIENT_ITEMS = 1000  # a client cannot fill the memory with messages


class Part(Enum):
    """What an item is made of; the value is the protocol's content type."""

    INPUT_AUDIO = "input_audio"
    INPUT_TEXT = "input_text"
    OUTPUT_AUDIO = "output_audio"
    OUTPUT_TEXT = "output_text"
    FUNCTION_CALL = "function_call"
    FUNCTION_CALL_OUTPUT = "function_call_output"


@dataclass(slots=True)
class Item:
    """A message, a call of a function, or its result.

    Attributes:
        id: Ours, or the client's.
        role: ``"user"``, ``"assistant"`` or ``"system"``.
        part: What it is made of.
        text: Its words, transcript, arguments or result; None while not known.
        status: ``"in_progress"``, ``"completed"`` or ``"incomplete"``.
        cut_ms: Where its audio was cut off; None if it was not.
        key: Names it in the session's conversation.
        call_id: Of a call, or of the call that a result belongs to.
        name: Of the function called.
    """

    id: str
    role: str
    part: Part
    text: str | None = None
    status: str = "completed"
    cut_ms: int | None = None
    key: str = ""
    call_id: str = ""
    name: str = ""

    def message(self, after: str | None = None) -> AddMessage:
        """The item as the session takes it; ``after`` is the key of the one before."""
        text = self.text or ""
        match self.part:
            case Part.FUNCTION_CALL:
                call = ToolCall(self.call_id, self.name, text)
                return AddMessage("assistant", "", self.key, after, (call,))
            case Part.FUNCTION_CALL_OUTPUT:
                return AddMessage("tool", text, self.key, after, call_id=self.call_id)
            case _:
                return AddMessage(self.role, text, self.key, after)

    def rendered(self) -> dict[str, object]:
        """The item as it stands now."""
        if self.part in (Part.FUNCTION_CALL, Part.FUNCTION_CALL_OUTPUT):
            return self._rendered_function()
        content: list[dict[str, object]] = []
        audio = self.part in (Part.INPUT_AUDIO, Part.OUTPUT_AUDIO)
        words = "transcript" if audio else "text"
        if self.text is not None or self.part is Part.INPUT_AUDIO:
            content.append({"type": self.part.value, words: self.text})
        return {
            "id": self.id,
            "object": "realtime.item",
            "type": "message",
            "status": self.status,
            "role": self.role,
            "content": content,
        }

    def _rendered_function(self) -> dict[str, object]:
        item: dict[str, object] = {
            "id": self.id,
            "object": "realtime.item",
            "type": self.part.value,
            "status": self.status,
            "call_id": self.call_id,
        }
        if self.part is Part.FUNCTION_CALL:
            return item | {"name": self.name, "arguments": self.text or ""}
        return item | {"output": self.text or ""}


class Conversation:
    """Items in order.

    Args:
        ids: Gives items without an id of the client's theirs.
    """

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._items: dict[str, Item] = {}
        self._order: list[str] = []
        self._by_client: dict[str, int] = {}  # characters of items that it added
        self._client_characters = 0

    def new_id(self) -> str:
        """An id that no item has, whatever ids the client made up."""
        while (item_id := self._ids.new("item")) in self._items:
            pass
        return item_id

    def find(
        self, item_id: str, param: str = "item_id", code: str = "item_not_found"
    ) -> Item:
        """Look an item up.

        Raises:
            BadRequest: If there is none of that id.
        """
        item = self._items.get(item_id)
        if item is None:
            message = f"there is no item {item_id!r} in the conversation"
            raise BadRequest(message, code, param)
        return item

    def append(self, item: Item) -> str | None:
        """Add an item at the end; return the id of the item before it."""
        previous = self._order[-1] if self._order else None
        self._items[item.id] = item
        self._order.append(item.id)
        return previous

    def insert(self, item: Item, after: str | None) -> str | None:
        """Add a client's item; return the id of the item before it.

        Args:
            item: The item, of an id not yet used.
            after: Id of the item before it, ``"root"`` for the front, None for the end.

        Raises:
            BadRequest: If the id is taken, ``after`` unknown or the conversation full.
        """
        if item.id in self._items:
            message = f"an item {item.id!r} exists already"
            raise BadRequest(message, "item_create_duplicate_item_id", "item.id")
        if len(self._by_client) >= MAX_CLIENT_ITEMS:
            message = f"a conversation takes {MAX_CLIENT_ITEMS} items of a client"
            raise BadRequest(message, "too_many_items")
        n_characters = len(item.text or "")
        if self._client_characters + n_characters > MAX_CLIENT_TEXT:
            message = f"items of a client have {MAX_CLIENT_TEXT} characters in all"
            raise BadRequest(message, "too_many_items")
        place = len(self._order)
        if after == "root":
            place = 0
        elif after is not None:
            place = self._order.index(self.find(after, "previous_item_id").id) + 1
        self._by_client[item.id] = n_characters
        self._client_characters += n_characters
        self._items[item.id] = item
        self._order.insert(place, item.id)
        return self._order[place - 1] if place else None

    def key_before(self, item: Item) -> str:
        """Key of the nearest item before it that the session knows; ``""`` if none."""
        before = self._order[: self._order.index(item.id)]
        keys = (self._items[item_id].key for item_id in reversed(before))
        return next(filter(None, keys), "")

    def remove(self, item: Item) -> None:
        """Take an item out; one of the client's gives its room back."""
        self._client_characters -= self._by_client.pop(item.id, 0)
        del self._items[item.id]
        self._order.remove(item.id)

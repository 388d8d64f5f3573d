"""A domain as a text model: what it answers, hands over, and carries out."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from voiceserver.engines.base import Form, Message, TextItem, TextRequest
from voiceserver.engines.domain import DomainFirst, load
from voiceserver.engines.domain.terms import Domain
from voiceserver.engines.notes import Answering, Note
from voiceserver.errors import EngineFailed, ProviderFailed

COFFEE = load(Path(__file__).parents[3] / "examples" / "kiosk_orders" / "coffee.toml")
URL = COFFEE.intents[0].url
UNSENT = replace(COFFEE, intents=(replace(COFFEE.intents[0], url=""),))


class Rest:
    """Another model."""

    name, version = "rest", "1"

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        """Say who answers."""
        yield "the rest answers"


class Answer:
    """A service's answer."""

    headers: Mapping[str, str] = {}

    def __init__(self, status: int, content_type: str, body: bytes) -> None:
        self.status, self.content_type = status, content_type
        self._body = [body]

    async def read(self) -> bytes:
        """Give the body once."""
        return self._body.pop() if self._body else b""

    async def settle(self) -> None:
        """Nothing follows."""

    def close(self) -> None:
        """Nothing is held."""


class Service:
    """The operator's service; keeps what it was sent."""

    def __init__(self, answer: Answer | Exception) -> None:
        self.answer = answer
        self.orders: list[dict[str, object]] = []
        self.keys: list[str] = []

    async def send(
        self,
        source: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
    ) -> Answer:
        """Keep the order, and answer as told."""
        assert (method, url) == ("POST", URL)
        self.orders.append(json.loads(body))
        self.keys.append(headers["Idempotency-Key"])
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def said(*texts: str) -> tuple[Message, ...]:
    """A conversation of these messages, by turns, the last the caller's."""
    roles = ("user", "assistant")
    return tuple(Message(roles[n % 2], text) for n, text in enumerate(texts))


ORDER = said("a large latte", "That is a large latte. Is that right?", "yes")


async def ask(
    service: Service, request: TextRequest, domain: Domain = COFFEE
) -> list[TextItem]:
    """Return what is answered, less signs of life and forms."""
    async with DomainFirst(domain, Rest(), service) as model:
        return [
            item
            async for item in model.reply(request)
            if isinstance(item, str) and item
        ]


async def test_what_is_its_own_it_answers_and_notes_that() -> None:
    notes: list[Note] = []
    request = TextRequest(said("a large latte"), observe=notes.append)
    service = Service(Answer(200, "text/plain", b""))
    assert await ask(service, request) == ["That is a large latte. Is that right?"]
    assert notes == [Answering("coffee bar")]
    assert not service.orders


async def test_the_rest_is_handed_over() -> None:
    service = Service(Answer(200, "text/plain", b""))
    request = TextRequest(said("how old is the universe"))
    assert await ask(service, request) == ["the rest answers"]


@pytest.mark.parametrize(
    ("answer", "spoken"),
    [
        (Answer(200, "application/json", b'{"say": "Number  nine."}'), "Number nine."),
        (Answer(201, "text/plain", b"Number nine."), "Number nine."),
        (Answer(204, "", b""), "Thank you. Your latte is on its way."),
        (
            Answer(200, "application/json", b"[]"),
            "Thank you. Your latte is on its way.",
        ),
        (Answer(200, "text/html", b"<p>hi"), "Thank you. Your latte is on its way."),
        (Answer(200, "application/json", b"{"), COFFEE.lines.failed),
        (Answer(200, "text/plain", b"\xff"), COFFEE.lines.failed),
        (Answer(500, "text/plain", b"boom"), COFFEE.lines.failed),
        (Answer(302, "text/plain", b""), COFFEE.lines.failed),
        (ProviderFailed("coffee bar", "did not answer in time"), COFFEE.lines.failed),
        (RuntimeError("a bug"), COFFEE.lines.failed),
    ],
)
async def test_what_the_service_says_is_spoken(
    answer: Answer | Exception, spoken: str
) -> None:
    service = Service(answer)
    assert await ask(service, TextRequest(ORDER)) == [spoken]
    (order,) = service.orders
    assert order["slots"] == {"size": "large", "drink": "latte"}
    assert order["id"] == service.keys[0]


async def keys(*requests: TextRequest) -> list[str]:
    """Under which the service gets what is carried out."""
    service = Service(Answer(200, "text/plain", b"done"))
    for request in requests:
        service.answer = Answer(200, "text/plain", b"done")
        await ask(service, request)
    return service.keys


async def test_one_conversation_has_one_key_and_another_another() -> None:
    """Though two callers may say the same words."""
    small = said("a small latte", "That is a small latte. Is that right?", "yes")
    first, again, other, elsewhere = await keys(
        *(TextRequest(each, call="one") for each in (ORDER, ORDER, small)),
        TextRequest(ORDER, call="another"),
    )
    assert first == again
    assert len({first, other, elsewhere}) == 3


async def test_what_failed_and_is_tried_again_has_the_same_key() -> None:
    """The service may have taken it, and only answered late; not so another order."""
    texts = [message.text for message in ORDER]
    failed = [*texts, COFFEE.lines.failed]
    small = "That is a small latte. Is that right?"
    first, again, changed, later = await keys(
        TextRequest(ORDER),
        TextRequest(said(*failed, "yes", COFFEE.lines.failed, "yes")),
        TextRequest(said(*failed, "no, a small one", small, "yes")),
        TextRequest(said(*texts, "Thank you.", *texts)),
    )
    assert first == again
    assert len({first, changed, later}) == 3


async def test_nothing_is_sent_on_a_guess() -> None:
    service = Service(Answer(200, "text/plain", b"done"))
    async with DomainFirst(COFFEE, Rest(), service) as model:
        with pytest.raises(EngineFailed, match="guess"):
            await anext(model.reply(TextRequest(ORDER, guess=True)))
    assert not service.orders


async def test_without_a_url_it_is_only_said() -> None:
    service = Service(Answer(200, "text/plain", b"done"))
    answer = await ask(service, TextRequest(ORDER), UNSENT)
    assert answer == ["Thank you. Your latte is on its way."]
    assert not service.orders


async def test_what_is_understood_is_told_beside_the_words() -> None:
    service = Service(Answer(200, "text/plain", b"done"))
    async with DomainFirst(COFFEE, Rest(), service) as model:
        items = [item async for item in model.reply(TextRequest(ORDER[:1]))]
    slots = {"size": "large", "drink": "latte"}
    assert items[0] == Form("coffee bar", "order_drink", slots, "confirming")

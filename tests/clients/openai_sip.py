"""openai-python takes telephone calls, as a program written for OpenAI's SIP API.

Its own verification of webhooks, its calls' ``reject``, ``accept``, ``refer`` and
``hangup``, and a sideband of the call. What it wants of the telephone it says in lines.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any, TypeAlias

from aiohttp import web
from openai import (
    AsyncOpenAI,
    BadRequestError,
    InvalidWebhookSignatureError,
    NotFoundError,
)
from openai.types.webhooks import RealtimeCallIncomingWebhookEvent

from tests.clients.openai_websocket import Line
from tests.clients.setting import Setting, run

Event: TypeAlias = RealtimeCallIncomingWebhookEvent


class Reception:
    """Where the webhook arrives.

    Attributes:
        calls: That came.
    """

    def __init__(self, client: AsyncOpenAI) -> None:
        self._client = client
        self.calls: asyncio.Queue[Event] = asyncio.Queue()

    async def told(self, request: web.Request) -> web.Response:
        """Take a webhook; what is forged is refused."""
        body = await request.text()
        headers = dict(request.headers)
        try:
            self._client.webhooks.unwrap(body + " ", headers)
            raise AssertionError("what is forged was taken")
        except InvalidWebhookSignatureError:
            event = self._client.webhooks.unwrap(body, headers)
        assert event.type == "realtime.call.incoming", event
        await self.calls.put(event)
        return web.Response()

    async def open(self) -> web.AppRunner:
        """Listen where the server was told."""
        app = web.Application()
        app.router.add_post("/calls", self.told)
        runner = web.AppRunner(app)
        await runner.setup()
        port = int(os.environ["WEBHOOK_PORT"])
        await web.TCPSite(runner, "127.0.0.1", port).start()
        return runner


async def converse(
    client: AsyncOpenAI, event: Event, calls: asyncio.Queue[Event]
) -> None:
    """Take a call, greet, hear a key, hand over, and hang up."""
    call_id = event.data.call_id
    await client.realtime.calls.accept(
        call_id,
        type="realtime",
        model="gpt-realtime",
        instructions="You answer the telephone.",
        audio={
            "input": {
                "format": {"type": "audio/pcmu"},
                "turn_detection": {"type": "server_vad"},
            },
            "output": {"format": {"type": "audio/pcmu"}, "voice": "marin"},
        },
    )
    async with (
        client.realtime.connect(call_id=call_id) as connection,
        asyncio.TaskGroup() as group,
    ):
        line = Line(connection)
        reading = group.create_task(line.read())
        await connection.response.create(response={"instructions": "Greet the caller."})
        created = await line.next("session.created", 0)
        assert created.session.instructions == "You answer the telephone."
        await line.next("response.done", 0)
        print("press 5", flush=True)
        key: Any = await line.next("input_audio_buffer.dtmf_event_received", 0)
        assert key.event == "5", key
        await hand_over(client, call_id, calls)
        await client.realtime.calls.hangup(call_id)
        await asyncio.wait({reading}, timeout=10)
        assert reading.done(), "the sideband outlived its call"
    assert not line.faults, line.faults


async def hand_over(
    client: AsyncOpenAI, call_id: str, calls: asyncio.Queue[Event]
) -> None:
    """Transfer a call to this very server, which refuses the new one: it goes on."""
    refer = client.realtime.calls.refer
    code: str | None = "a call was transferred to whom nobody allowed"
    try:
        await refer(call_id, target_uri="tel:+14155550123")
    except BadRequestError as refused:
        code = refused.code
    assert code == "not_allowed", code
    await refer(call_id, target_uri=f"sip:200@127.0.0.1:{os.environ['SIP_PORT']}")
    transferred = await calls.get()
    await client.realtime.calls.reject(transferred.data.call_id)


async def main(setting: Setting) -> None:
    """Refuse a call, take one, and find both gone."""
    client = AsyncOpenAI(
        api_key=setting.key,
        base_url=f"http://{setting.host}/v1",
        webhook_secret=os.environ["WEBHOOK_SECRET"],
    )
    reception = Reception(client)
    runner = await reception.open()
    calls = client.realtime.calls
    try:
        print("ring", flush=True)
        first = await reception.calls.get()
        names = {header.name.lower() for header in first.data.sip_headers}
        assert names >= {"from", "to", "call-id"}, names
        assert first.data.sip_media_security == "rtp"
        await calls.reject(first.data.call_id, status_code=486)
        print("ring again", flush=True)
        second = await reception.calls.get()
        await converse(client, second, reception.calls)
        for event in (first, second):
            try:
                await calls.accept(event.data.call_id, type="realtime")
                raise AssertionError("a call that is over was taken")
            except NotFoundError:
                pass
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    run(main)

"""Random Realtime events of several clients: every response ends once, nothing is left.

Each client is seeded, sends events that make sense and such as do not, speaks into
replies, leaves, and comes again as another. It keeps account of what the server tells:
a response begins once and ends once, nothing follows its end, one is active at a time.
In the end each asks something and has to be answered. Then the server is as it was:
no call, no task, file or socket more, no error in its log, memory level.

    python -m benchmarks.random_events [--minutes 10] [--workers 1] [--seed 1]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import random
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

import aiohttp
import numpy as np
import psutil

from benchmarks.figures import RESULTS, write
from benchmarks.processes import Server, machine, serving

Event = dict[str, Any]

RATE = 24_000  # Hz, of the audio in events
CLIENTS = 4
STAYS_S = 20.0
END_LIMIT_S = 45.0
MARK = "the last"  # of what a client has sent: it is refused by this name
SEEN = 80  # events
EXAMPLES = 3  # of each fault that are told
CONFIG = """
[engines]
vad = "stub"
recogniser = "stub"
text = "stub"
speech = "stub"
"""
SAID = (
    "what is two plus two",
    "tell me something long",
    "call a tool",
    "refuse this",
    "please fail",
    "stall for a while",
    "stop",
    "",
)
TURNS: tuple[Event | None, ...] = (
    None,
    {"type": "server_vad"},
    {"type": "server_vad", "silence_duration_ms": 200},
    {"type": "server_vad", "interrupt_response": False},
    {"type": "server_vad", "create_response": False},
    {"type": "server_vad", "idle_timeout_ms": 5000},
    {"type": "semantic_vad"},
    {"type": "semantic_vad", "eagerness": "high"},
)
TOOL = {
    "type": "function",
    "name": "light",
    "description": "Switches it.",
    "parameters": {"type": "object", "properties": {}},
}
NONSENSE: tuple[Event, ...] = (
    {"type": "nothing"},
    {"type": "conversation.item.create", "item": 1},
    {"type": "response.create", "response": {"conversation": 3}},
    {"type": "session.update", "session": None},
    {"type": "input_audio_buffer.append", "audio": "not base64!"},
    {},
)


class Account:
    """What a server has told one client, and whether it may.

    Attributes:
        items: Ids of all items.
        responses: Of each response, how it ended; "" while it has not.
        faults: What must not be, with the last example.
        n_done: Responses that have ended.
        read: The server has answered the last event that was sent at random.
        refused: There was no room: a server that is late with others takes nobody more.
        seen: The newest events, both ways, without audio and deltas.
    """

    def __init__(self) -> None:
        self.items: list[str] = []
        self.responses: dict[str, str] = {}
        self.faults: Counter[str] = Counter()
        self.examples: dict[str, list[str]] = {}
        self.n_done = 0
        self.read = False
        self.refused = False
        self.seen: deque[str] = deque(maxlen=SEEN)
        self._active = ""

    def fault(self, what: str, example: object = "") -> None:
        """Count something that must not be."""
        self.faults[what] += 1
        shown = self.examples.setdefault(what, [])
        if len(shown) < EXAMPLES:
            shown += [str(example)[:300], *self.seen]

    def note(self, way: str, event: Event) -> None:
        """Remember an event, for the example of a fault."""
        kind = str(event.get("type"))
        if "append" not in kind and "delta" not in kind:
            at_s = time.monotonic() % 1000
            self.seen.append(f"{at_s:.2f} {way} {json.dumps(event)[:160]}")

    @property
    def open_responses(self) -> list[str]:
        """Those that have not ended."""
        return [id for id, status in self.responses.items() if not status]

    def take(self, event: Event) -> None:
        """Take one event."""
        self.note("<", event)
        kind = str(event["type"])
        if kind == "error":
            self._refused(event["error"])
        elif kind == "conversation.item.added":
            self.items.append(event["item"]["id"])
        elif kind == "response.created":
            self._begins(event["response"])
        elif kind == "response.done":
            self._ends(event["response"])
        elif kind.startswith("response.") and "response_id" in event:
            self._goes_on(kind, str(event["response_id"]))

    def _refused(self, error: Event) -> None:
        if error.get("type") == "server_error":
            self.fault("server error", error)
        self.read = self.read or error.get("event_id") == MARK

    def _begins(self, response: Event) -> None:
        name = str(response["id"])
        if name in self.responses:
            self.fault("response begins twice", name)
        self.responses[name] = ""
        if response.get("conversation_id"):
            if self._active:
                self.fault("two responses of the conversation", name)
            self._active = name

    def _ends(self, response: Event) -> None:
        name = str(response["id"])
        if name not in self.responses:
            self.fault("response ends that has not begun", name)
        elif self.responses[name]:
            self.fault("response ends twice", name)
        self.responses[name] = str(response["status"])
        self.n_done += 1
        if self._active == name:
            self._active = ""

    def _goes_on(self, kind: str, name: str) -> None:
        if name not in self.responses:
            self.fault(f"{kind} of no response")
        elif self.responses[name]:
            self.fault(f"{kind} after its end", self.responses[name])


class Events:
    """Draws events.

    Args:
        rng: Draws.
        account: Whose ids may be named.
    """

    def __init__(self, rng: random.Random, account: Account) -> None:
        self._rng = rng
        self._account = account
        self._kinds = {
            self._sound: 20,
            self._item: 13,
            self._response: 18,
            self._cancel: 8,
            self._truncate: 8,
            self._about_item: 6,
            self._settings: 7,
            self._buffer: 12,
            self._nonsense: 4,
        }

    def some(self) -> Iterator[Event]:
        """Draw a few that belong together."""
        (kind,) = self._rng.choices(list(self._kinds), list(self._kinds.values()))
        yield from kind()

    def _one_of(self, ids: list[str]) -> str:
        return self._rng.choice(ids[-6:]) if ids else "none"

    def _sound(self) -> Iterator[Event]:
        seconds = self._rng.choice((0.00005, 0.02, 0.5, 2.0))
        loud = self._rng.random() < 0.7
        yield appended(seconds, loud)
        if loud and self._rng.random() < 0.6:
            yield appended(1.0, False)

    def _buffer(self) -> Iterator[Event]:
        names = ("input_audio_buffer.commit", "input_audio_buffer.clear")
        yield {"type": self._rng.choice((*names, "output_audio_buffer.clear"))}

    def _item(self) -> Iterator[Event]:
        role = self._rng.choice(("user", "user", "system", "assistant"))
        item = message(role, self._rng.choice(SAID))
        if self._rng.random() < 0.3:
            item["id"] = f"item_{self._rng.randrange(30)}"
        event: Event = {"type": "conversation.item.create", "item": item}
        if self._rng.random() < 0.3:
            before = (self._one_of(self._account.items), "root", None, "nowhere")
            event["previous_item_id"] = self._rng.choice(before)
        yield event

    def _response(self) -> Iterator[Event]:
        rng, wanted = self._rng, dict[str, object]()
        if rng.random() < 0.25:
            wanted["conversation"] = "none"
        if rng.random() < 0.2:
            named = {
                "type": "item_reference",
                "id": self._one_of(self._account.items),
            }
            wanted["input"] = rng.choice(([], [message("user", SAID[0])], [named]))
        if rng.random() < 0.2:
            wanted["output_modalities"] = [rng.choice(("text", "audio"))]
        if rng.random() < 0.2:
            wanted["max_output_tokens"] = rng.choice((1, 3, "inf", 4096))
        if rng.random() < 0.1:
            wanted["tools"], wanted["tool_choice"] = [TOOL], "required"
        yield {"type": "response.create"} | ({"response": wanted} if wanted else {})
        if rng.random() < 0.1:
            yield {"type": "response.cancel"}

    def _cancel(self) -> Iterator[Event]:
        event = {"type": "response.cancel"}
        if self._rng.random() < 0.5:
            event["response_id"] = self._one_of(list(self._account.responses))
        yield event

    def _truncate(self) -> Iterator[Event]:
        yield {
            "type": "conversation.item.truncate",
            "item_id": self._one_of(self._account.items),
            "content_index": self._rng.choice((0, 0, 0, 1)),
            "audio_end_ms": self._rng.choice((0, 100, 500, 1500, 10**6, -1)),
        }

    def _about_item(self) -> Iterator[Event]:
        what = self._rng.choice(("delete", "retrieve"))
        item_id = self._one_of(self._account.items)
        yield {"type": f"conversation.item.{what}", "item_id": item_id}

    def _settings(self) -> Iterator[Event]:
        rng, session = self._rng, dict[str, object](type="realtime")
        audio: Event = {}
        if rng.random() < 0.6:
            audio["input"] = {"turn_detection": rng.choice(TURNS)}
        if rng.random() < 0.3:
            heard = rng.choice((None, {"model": "whisper-1"}))
            audio.setdefault("input", {})["transcription"] = heard
        if rng.random() < 0.3:
            audio["output"] = {"speed": rng.choice((1.0, 1.5))}
        if audio:
            session["audio"] = audio
        if rng.random() < 0.2:
            session["output_modalities"] = [rng.choice(("text", "audio"))]
        if rng.random() < 0.2:
            session["tools"] = rng.choice(([], [TOOL]))
        yield {"type": "session.update", "session": session}

    def _nonsense(self) -> Iterator[Event]:
        yield self._rng.choice(NONSENSE)


def appended(seconds: float, loud: bool) -> Event:
    """Audio of so many seconds, a tone or silence, as an event."""
    at = np.arange(max(1, round(seconds * RATE)))
    tone = np.sin(2 * np.pi * 220 * at / RATE) * (8000 if loud else 0)
    audio = base64.b64encode(tone.astype("<i2").tobytes()).decode()
    return {"type": "input_audio_buffer.append", "audio": audio}


def message(role: str, text: str) -> Event:
    """An item with words."""
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": text}]
    return {"type": "message", "role": role, "content": content}


class Client:
    """One connection, from its first event to its last answer.

    Args:
        session: Opens it.
        url: Of the server.
        seed: Of what it does.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, seed: int) -> None:
        self.account = Account()
        self._session = session
        self._url = url.replace("http", "ws", 1) + "/v1/realtime"
        self._rng = random.Random(seed)
        self._moved = asyncio.Event()

    async def live(self, lasts_s: float) -> Account:
        """Do something for so long, then see that all comes to an end."""
        try:
            async with (
                self._session.ws_connect(self._url, max_msg_size=0) as socket,
                asyncio.TaskGroup() as group,
            ):
                reading = group.create_task(self._read(socket))
                await self._act(socket, lasts_s)
                if self._rng.random() < 0.8:  # else it leaves without a word
                    await self._settle(socket)
                reading.cancel()
        except* aiohttp.WSServerHandshakeError as failed:
            await self._turned_away(failed.exceptions[0])
        except* (aiohttp.ClientError, ConnectionError) as failed:
            self.account.fault("connection lost", failed.exceptions[0])
        return self.account

    async def _turned_away(self, answer: Exception) -> None:
        """Come again when the server says so, if all it says is that it is busy."""
        assert isinstance(answer, aiohttp.WSServerHandshakeError)
        told = answer.headers
        again_s = float(told.get("Retry-After", "0")) if told is not None else 0.0
        self.account.refused = answer.status == 503 and again_s > 0
        if not self.account.refused:
            self.account.fault("connection lost", answer)
        await asyncio.sleep(again_s)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for told in socket:
            self.account.take(json.loads(told.data))
            self._moved.set()
        self.account.fault("closed by the server", socket.close_code)

    async def _act(
        self, socket: aiohttp.ClientWebSocketResponse, lasts_s: float
    ) -> None:
        until_s = time.monotonic() + lasts_s
        events = Events(self._rng, self.account)
        while time.monotonic() < until_s and not socket.closed:
            for event in events.some():
                self.account.note(">", event)
                await socket.send_json(event)
            pause_s = self._rng.choice((0, 0, 0.005, 0.02, 0.1, 0.3, 1.0))
            await asyncio.sleep(min(pause_s, lasts_s / 20))

    async def _settle(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        session = {
            "type": "realtime",
            "output_modalities": ["text"],
            "tools": [],
            "audio": {"input": {"turn_detection": None}},
        }
        await socket.send_json({"type": "session.update", "session": session})
        await socket.send_json({"type": "response.cancel"})
        # A busy server is seconds behind: what it has not read yet begins only then.
        await socket.send_json({"type": "nothing", "event_id": MARK})
        if not await self._until(lambda: self.account.read):
            self.account.fault("not read to the end")
        if not await self._stop_all(socket):
            self.account.fault("response without end", self.account.open_responses)
        n_done = self.account.n_done
        item = message("user", SAID[0])
        await socket.send_json({"type": "conversation.item.create", "item": item})
        await socket.send_json({"type": "response.create"})
        if not await self._until(lambda: self.account.n_done > n_done):
            self.account.fault("no answer in the end")

    async def _stop_all(self, socket: aiohttp.ClientWebSocketResponse) -> bool:
        """Stop by name what has begun: one beside the conversation lasts minutes."""
        named: set[str] = set()
        try:
            async with asyncio.timeout(END_LIMIT_S):
                while begun := self.account.open_responses:
                    self._moved.clear()
                    for name in (id for id in begun if id not in named):
                        event = {"type": "response.cancel", "response_id": name}
                        self.account.note(">", event)
                        await socket.send_json(event)
                    named.update(begun)
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True

    async def _until(self, reached: Any) -> bool:
        try:
            async with asyncio.timeout(END_LIMIT_S):
                while not reached():
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True


async def live(
    url: str, lasts_s: float, seed: int, stays_s: float = STAYS_S
) -> list[Account]:
    """Let clients come and go for so long; return what each was told."""
    until_s = time.monotonic() + lasts_s
    accounts: list[Account] = []

    async def one_after_another(session: aiohttp.ClientSession, number: int) -> None:
        n = 0
        while (left_s := until_s - time.monotonic()) > 0:
            client = Client(session, url, seed * 1_000_000 + number * 10_000 + n)
            accounts.append(await client.live(min(stays_s, left_s)))
            n += 1

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for number in range(CLIENTS):
            group.create_task(one_after_another(session, number))
    return accounts


def held(server: Server) -> Event:
    """What a server's processes hold: files, threads, memory, calls."""
    front = psutil.Process(server.pid)
    family = [front, *front.children(recursive=True)]
    return {
        "files": sum(process.num_fds() for process in family),
        "threads": sum(process.num_threads() for process in family),
        "rss_mb": [round(process.memory_info().rss / 2**20, 1) for process in family],
        "calls": sum(server.metric("voiceserver_calls ").values()),
        "faults": server.metric("voiceserver_faults_total"),
    }


def measured(minutes: float, workers: int, seed: int) -> Event:
    """Run a server and its clients; return what was seen."""
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
        config.write(CONFIG)
        config.flush()
        command = ["-m", "voiceserver", "serve", "--config", config.name]
        with serving([*command, "--workers", str(workers)]) as server:
            asyncio.run(live(server.url, 10.0, seed))  # what is kept is made
            before = held(server)
            accounts = asyncio.run(live(server.url, minutes * 60, seed + 1))
            time.sleep(2.0)
            after, printed = held(server), server.printed()
    faults = sum((account.faults for account in accounts), Counter[str]())
    examples = {what: e for one in accounts for what, e in one.examples.items()}
    ends = Counter(end for one in accounts for end in one.responses.values())
    return {
        "machine": machine(),
        "minutes": minutes,
        "workers": workers,
        "seed": seed,
        "clients": sum(not account.refused for account in accounts),
        "refused": sum(account.refused for account in accounts),
        "responses": dict(ends),
        "faults": dict(faults),
        "examples": examples,
        "tracebacks": printed.count("Traceback"),
        "errors": [line for line in printed.splitlines() if " error " in line][:5],
        "before": before,
        "after": after,
    }


def main() -> int:
    """Measure, write it down, and say whether all was well."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.random_events")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args()
    result = measured(wanted.minutes, wanted.workers, wanted.seed)
    print(json.dumps(result, indent=1))
    write(RESULTS / f"random_events_{wanted.workers}.json", result)
    bad = result["faults"] or result["tracebacks"] or result["after"]["calls"]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

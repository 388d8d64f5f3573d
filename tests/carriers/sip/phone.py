"""A telephone that speaks SIP with an agent in virtual time, and what it hears."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any

from aiosipua import SipMessage, SipRequest, SipResponse

from tests.carriers.incoming import incoming
from tests.fakes import FakeText
from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.carriers.base import Alerting, Call, Caller, MakeCall, Pending
from voiceserver.carriers.sip.agent import Agent
from voiceserver.carriers.sip.call import SipCall
from voiceserver.carriers.sip.udp import Address, Receive
from voiceserver.carriers.sip.wire import Flow
from voiceserver.clock import Clock
from voiceserver.config import Config, SipConfig, TelephonyConfig
from voiceserver.errors import CallRefused, Overloaded, VoiceServerError
from voiceserver.media import rtp
from voiceserver.media.rtp import RtpPacket

HERE, THERE = ("127.0.0.1", 5060), ("127.0.0.2", 5070)
OFFER = """v=0
o=- 1 1 IN IP4 127.0.0.2
s=-
c=IN IP4 127.0.0.2
t=0 0
m=audio 4000 RTP/AVP 0 8 96
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:96 telephone-event/8000
""".replace("\n", "\r\n")


@dataclass
class FakeSocket:
    """A socket whose other end is the test."""

    address: Address
    sent: list[tuple[RtpPacket, Address]] = field(default_factory=list)
    wires: list[bytes] = field(default_factory=list)
    receive: Receive | None = None
    closed: bool = False

    def start(self, receive: Receive) -> None:
        self.receive = receive

    def send(self, packet: bytes, to: Address) -> None:
        self.wires.append(packet)
        parsed = rtp.parse(packet)
        assert parsed is not None
        self.sent.append((parsed, to))

    def close(self) -> None:
        self.closed = True


def written(
    method: str,
    body: str = "",
    number: int = 1,
    branch: str = "z9hG4bK1",
    to_tag: str = "",
    headers: str = "",
    user: str = "100",
    call_id: str = "a",
    kind: str = "application/sdp",
) -> str:
    """Write a request."""
    tagged = f";tag={to_tag}" if to_tag else ""
    kinds = f"Content-Type: {kind}\r\n" if body else ""
    return (
        f"{method} sip:{user}@127.0.0.1 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.2:5070;branch={branch};rport\r\n"
        "Max-Forwards: 70\r\n"
        "From: <sip:+15550100@127.0.0.2>;tag=them\r\n"
        f"To: <sip:{user}@127.0.0.1>{tagged}\r\n"
        f"Call-ID: {call_id}\r\n"
        f"CSeq: {number} {method}\r\n"
        "Contact: <sip:them@127.0.0.2:5070>\r\n"
        f"{headers}{kinds}Content-Length: {len(body)}\r\n\r\n{body}"
    )


class FakeExchange:
    """Holds calls like the server's, but for its limits."""

    def __init__(
        self,
        config: Config,
        group: asyncio.TaskGroup,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock
        self.calls: list[SipCall] = []
        self.ends: list[str] = []
        self.callers: list[Caller] = []
        self.refusal: VoiceServerError | None = None
        self.slow_s = 0.0
        self.text = FakeText(words=4)
        self.pending: Callable[[Alerting], Pending] | None = None
        self._config = config
        self._group = group
        self._ends: dict[str, asyncio.Event] = {}

    async def place(
        self, make: MakeCall, caller: Caller, offer: str = ""
    ) -> tuple[str, str]:
        if self.refusal is not None:
            raise self.refusal
        self.callers.append(caller)
        made = incoming(self._config, text=self.text, clock=self._clock)
        call = make(replace(made, session=caller.session))
        assert isinstance(call, SipCall)
        answer = await call.answer(offer)
        self.calls.append(call)
        call_id = f"rtc_test{len(self.calls)}"
        self._ends[call_id] = asyncio.Event()
        self._group.create_task(self._hold(call, call_id))
        await asyncio.sleep(self.slow_s)
        return call_id, answer

    async def ended(self, call_id: str) -> None:
        await self._ends[call_id].wait()

    @property
    def asks(self) -> bool:
        return self.pending is not None

    def pend(self, alerting: Alerting) -> Pending:
        assert self.pending is not None
        return self.pending(alerting)

    async def _hold(self, call: Call, call_id: str) -> None:
        try:
            self.ends.append(await call.run())
        except VoiceServerError as error:
            self.ends.append(str(error))
        finally:
            self._ends[call_id].set()


class Phone:
    """One telephone at one agent.

    Attributes:
        got: Everything that came, with its time in seconds.
        sockets: Those of the calls' audio.
        exchange: Of the server.
    """

    transport = "UDP"

    def __init__(self, config: Config, reliable: bool = False) -> None:
        self.reliable = reliable
        self.sockets: list[FakeSocket] = []
        self.agent = Agent(config, VirtualClock().now_ns, self._bind, self)
        self.got: list[tuple[float, SipRequest | SipResponse]] = []
        self.to: list[Address] = []
        self.exchange: FakeExchange
        self.lost = 0  # of the next packets to us
        self.n_failed = 0  # ways to us that nobody answered by
        self.n_alive = 0  # empty packets, which keep a way open
        self.asked: Callable[[SipRequest], None] = lambda _request: None
        self._n = 0
        self._more = asyncio.Event()

    def send(self, packet: bytes, to: Address) -> None:
        """The agent's way to us."""
        if self.lost:
            self.lost -= 1
            return
        if not packet.strip():
            self.n_alive += 1
            return
        now_s = asyncio.get_running_loop().time()
        message = SipMessage.parse(packet)
        self.got.append((now_s, message))
        self.to.append(to)
        self._more.set()
        if isinstance(message, SipRequest):
            asyncio.get_running_loop().call_soon(self.asked, message)

    def contact(self, towards: Address) -> Address:
        del towards
        return HERE

    async def flow_to(self, host: str, transport: str) -> Flow:
        """The agent's way to a host: to us, unless it is nowhere."""
        del transport
        if host.startswith("nowhere"):
            raise CallRefused("There is no host 'nowhere'.", 502)
        return Flow(self, THERE, THERE)

    def failed(self, flow: Flow) -> None:
        self.n_failed += 1

    def say(self, text: str | bytes, source: Address = THERE) -> None:
        """Send the agent a message."""
        packet = text if isinstance(text, bytes) else text.encode()
        self.agent.receive(packet, self, source)

    def request(
        self,
        method: str,
        body: str = "",
        number: int = 1,
        branch: str = "",
        to_tag: str = "",
        headers: str = "",
        user: str = "100",
        call_id: str = "a",
        kind: str = "application/sdp",
    ) -> str:
        """Write a request, each with a branch of its own."""
        self._n += 1
        branch = branch or f"z9hG4bK{self._n}"
        return written(
            method, body, number, branch, to_tag, headers, user, call_id, kind
        )

    async def settle(self, seconds: float = 0.01) -> None:
        """Let things happen."""
        await asyncio.sleep(seconds)

    @property
    def statuses(self) -> list[int]:
        """Of all responses that came."""
        return [m.status_code for _, m in self.got if isinstance(m, SipResponse)]

    @property
    def requests(self) -> list[SipRequest]:
        """All requests that came."""
        return [m for _, m in self.got if isinstance(m, SipRequest)]

    def response(self, status: int, n: int = 0) -> SipResponse:
        """A response that came."""
        found = [
            m
            for _, m in self.got
            if isinstance(m, SipResponse) and m.status_code == status
        ]
        return found[n]

    def times_s(self, status: int) -> list[float]:
        """When responses of a status came."""
        return [
            round(at_s, 3)
            for at_s, m in self.got
            if isinstance(m, SipResponse) and m.status_code == status
        ]

    @property
    def tag(self) -> str:
        """The agent's, of the last response that has one."""
        found = [
            re.search(r"tag=(\w+)", m.get_header("to") or "")
            for _, m in self.got
            if isinstance(m, SipResponse)
        ]
        return [each[1] for each in found if each][-1]

    async def call(self, offer: str = OFFER, headers: str = "", **more: Any) -> str:
        """Ring, be answered and say so; return the agent's tag."""
        self.say(self.request("INVITE", offer, headers=headers, **more))
        await self.settle()
        assert self.statuses[-1] == 200, self.statuses
        self.say(self.request("ACK", to_tag=self.tag, **more))
        return self.tag

    def reply(
        self,
        request: SipRequest,
        status: int = 200,
        headers: str = "",
        body: str = "",
        tag: str = "",
    ) -> None:
        """Answer a request of the agent's."""
        copied = "".join(
            f"{name}: {value}\r\n"
            for name in ("Via", "From", "To", "Call-ID", "CSeq")
            for value in request.get_header_values(name)
        )
        if tag:
            to = request.get_header("to")
            copied = copied.replace(f"To: {to}\r\n", f"To: {to};tag={tag}\r\n")
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self.say(
            f"SIP/2.0 {status} Fine\r\n{copied}{headers}{kind}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def _bind(self) -> tuple[FakeSocket, FakeSocket]:
        if len(self.sockets) >= 8:
            raise Overloaded("no port is free")
        port = 20_000 + len(self.sockets)
        pair = FakeSocket((HERE[0], port)), FakeSocket((HERE[0], port + 1))
        self.sockets.extend(pair)
        return pair


Scenario = Callable[[Phone], Coroutine[Any, Any, None]]


def rung(
    scenario: Scenario,
    config: Config | None = None,
    reliable: bool = False,
    before: Callable[[Phone], None] = lambda _phone: None,
) -> Phone:
    """Run a telephone against a server; its calls must end with the scenario.

    Args:
        scenario: What the telephone does.
        config: Of the server.
        reliable: The network loses nothing.
        before: Called before the server runs.
    """

    async def run() -> Phone:
        # Nobody is asked whether they are there, unless a test wants it.
        quiet = TelephonyConfig(ask_after_s=0)
        base = config or Config(sip=SipConfig(port=5060), telephony=quiet)
        phone = Phone(base, reliable)
        async with asyncio.TaskGroup() as group:
            phone.exchange = FakeExchange(base, group)
            before(phone)
            running = group.create_task(phone.agent.run(phone.exchange))
            await asyncio.sleep(0)
            await scenario(phone)
            for call in phone.exchange.calls:
                call.hang_up("the test is over")
            await asyncio.sleep(3)
            running.cancel()
            await asyncio.wait({running})
            phone.agent.stop()
        return phone

    return run_virtual(run())

"""The server as an extension of a PBX: registered there, and refreshed in time.

RFC 3261, section 10.2: proved where that is asked for, for as long as the registrar
grants; what is refused is tried again ever more slowly, so that an outage is no storm
and a wrong password locks nobody out; at the end it is taken back. Knows neither
sockets nor calls.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import secrets
from collections.abc import Callable

from aiosipua import SipRequest, SipResponse

from voiceserver.carriers.sip.dialog import new_tag
from voiceserver.carriers.sip.message import ALLOW, uri_in
from voiceserver.carriers.sip.outward.dialler import Ways, without_port
from voiceserver.carriers.sip.outward.login import MOST_PROOFS, login_at
from voiceserver.carriers.sip.outward.requests import outside, route
from voiceserver.carriers.sip.wire import Flow, Wire, new_branch
from voiceserver.config import SipAccount, SipTrunk
from voiceserver.errors import CallRefused
from voiceserver.streams import first_of

log = logging.getLogger(__name__)

# After a failure so long, doubled with each further one up to the most.
FIRST_WAIT_S, MOST_WAIT_S = 5.0, 600.0
REFUSED_WAIT_S = 60.0  # at least, where who we are is refused: 401, 403, 404, 407
LEAST_EXPIRES_S, MOST_EXPIRES_S = 30, 86_400
REFRESHED_AT = 0.75  # of what was granted
ALIVE_S = 25.0  # a NAT on the way forgets who sends nothing for 30 s
LEAVE_LIMIT_S = 1.0


class Registration:
    """One account's.

    Args:
        account: Which.
        wire: Sends requests.
        ways: How the registrar is reached.
        learn: Told where that is: calls come from there.

    Attributes:
        registered: Whether it holds.
        why: How it stands, in words.
    """

    def __init__(
        self,
        account: SipAccount,
        wire: Wire,
        ways: Ways,
        learn: Callable[[str, SipTrunk], None],
    ) -> None:
        self._account = account
        self._trunk = account.trunk()
        self._login = login_at(self._trunk)
        self._wire = wire
        self._ways = ways
        self._learn = learn
        self._call_id, self._tag = secrets.token_hex(16), new_tag()
        self._number = 0
        self._expires_s = account.expires_s
        self._retry_s = 0.0  # before the next try, at least
        self._flow: Flow | None = None
        self._told: bool | None = None  # what the log was told last
        self.registered = False
        self.why = "not tried yet"

    async def run(self) -> None:
        """Stay registered until cancelled; then take it back, within a limit."""
        wait_s = FIRST_WAIT_S
        try:
            while True:
                granted_s = await self.register()
                if granted_s:
                    wait_s = FIRST_WAIT_S
                    await self._stay(granted_s * REFRESHED_AT)
                    continue
                least_s = self._retry_s
                await asyncio.sleep(max(least_s, wait_s * random.uniform(0.8, 1.2)))
                wait_s = min(MOST_WAIT_S, 2 * max(wait_s, least_s))
        finally:
            if self.registered:
                await self.leave()

    async def register(self) -> float:
        """Register, or refresh that; returns for how many seconds, 0 if it failed."""
        self._retry_s = 0.0
        granted_s = await self._register()
        self.registered = granted_s > 0
        if self.registered != self._told:
            self._told = self.registered
            told = log.info if self.registered else log.warning
            what = "registered" if self.registered else "not registered"
            extra = {"account": self._account.name, "why": self.why}
            told(f"an account of SIP is {what}", extra=extra)
        return granted_s

    async def leave(self) -> None:
        """Take it back, within a limit."""
        self.registered = False
        if self._flow is not None:
            await first_of(self._asked(self._flow, 0), limit_s=LEAVE_LIMIT_S)

    async def _register(self) -> float:
        registrar, transport = self._account.registrar, self._account.transport
        try:
            near = self._account.proxy or registrar
            flow = await self._ways.flow_to(near, transport)
        except CallRefused as error:
            self.why = str(error)
            return 0.0
        self._flow = flow
        self._learn(flow.source[0], self._trunk)
        response = await self._asked(flow, self._expires_s)
        if response is not None and response.status_code == 423:
            least_s = _number(response.get_header("min-expires"))
            if LEAST_EXPIRES_S <= least_s <= MOST_EXPIRES_S:
                self._expires_s = least_s
                response = await self._asked(flow, least_s)
        return self._taken(response, flow)

    def _taken(self, response: SipResponse | None, flow: Flow) -> float:
        """For how long it holds; 0 if it does not."""
        if response is None:
            self._ways.failed(flow)
            self.why = f"{self._account.registrar} does not answer"
            return 0.0
        status = response.status_code
        if 200 <= status < 300:
            self.why = "registered"
            granted_s = granted(response, self._contact(flow), self._expires_s)
            return float(max(LEAST_EXPIRES_S, min(granted_s, MOST_EXPIRES_S)))
        self.why = f"refused: {status} {response.reason_phrase[:80]}"
        self._retry_s = float(min(_number(response.get_header("retry-after")), 3600))
        if status in (401, 403, 404, 407):
            self._retry_s = max(self._retry_s, REFUSED_WAIT_S)
        return 0.0

    async def _stay(self, wait_s: float) -> None:
        """Wait, and keep the way open through what is on it."""
        flow = self._flow
        assert flow is not None
        while wait_s > 0:
            await asyncio.sleep(min(wait_s, ALIVE_S))
            wait_s -= ALIVE_S
            if wait_s > 0 and not flow.network.reliable:
                flow.send(b"\r\n\r\n")

    async def _asked(self, flow: Flow, expires_s: int) -> SipResponse | None:
        """Ask, and again with a proof where one is wanted; None is no answer."""
        headers: tuple[tuple[str, str], ...] = ()
        for _ in range(MOST_PROOFS + 1):
            request = self._made(flow, expires_s, headers)
            answer: asyncio.Future[SipResponse | None]
            answer = asyncio.get_running_loop().create_future()

            def answered(
                response: SipResponse | None,
                answer: asyncio.Future[SipResponse | None] = answer,
            ) -> None:
                if not answer.done():
                    answer.set_result(response)

            self._wire.ask(request, flow, answered)
            response = await answer
            proof = None
            if response is not None:
                proof = self._login.proof(request, response)
            if proof is None:
                return response
            headers = (proof,)
        return response

    def _made(
        self, flow: Flow, expires_s: int, headers: tuple[tuple[str, str], ...]
    ) -> SipRequest:
        account = self._account
        self._number += 1
        ours = f"<sip:{account.user}@{without_port(account.registrar)}>"
        return outside(
            "REGISTER",
            f"sip:{account.registrar}",
            flow.via(new_branch()),
            f"{ours};tag={self._tag}",
            ours,
            (self._call_id, self._number),
            (
                *route(self._trunk),
                ("Contact", self._contact(flow)),
                ("Expires", str(expires_s)),
                ("Allow", ALLOW),
                *headers,
            ),
        )

    def _contact(self, flow: Flow) -> str:
        """Where we are reached, under our name."""
        return flow.contact.replace("<sip:", f"<sip:{self._account.user}@", 1)


def granted(response: SipResponse, contact: str, asked_s: int) -> int:
    """For how many seconds a registrar has registered a contact (section 10.2.4)."""
    ours = uri_in(contact).partition(";")[0].lower()
    for value in response.get_header_values("contact"):
        found = re.search(r";\s*expires\s*=\s*(\d{1,9})", value, re.IGNORECASE)
        if uri_in(value).partition(";")[0].lower() == ours and found is not None:
            return int(found[1])
    return _number(response.get_header("expires")) or asked_s


def _number(text: str | None) -> int:
    found = re.match(r"\s*(\d{1,9})", text or "")
    return int(found[1]) if found else 0

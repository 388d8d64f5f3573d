"""The server as an extension, as a registrar sees it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from aiosipua import SipRequest, SipResponse

from tests.carriers.sip.phone import HERE, OFFER, Phone, rung
from voiceserver.carriers.base import Wanted
from voiceserver.carriers.sip.digest import Digest
from voiceserver.carriers.sip.outward.registration import granted
from voiceserver.config import (
    Config,
    NumberConfig,
    SipAccount,
    SipConfig,
    SipTrunk,
    TelephonyConfig,
)

# Strangers' calls are not taken: only the registrar's are.
FAR = SipTrunk(("10.0.0.1",), "far")
OUTAGE_S = 300.0


def account(user: str = "200", **more: Any) -> SipAccount:
    return SipAccount("pbx:5070", user, "PBX", **more)


def config(*accounts: SipAccount) -> Config:
    sip = SipConfig(
        port=5060,
        trunk=(FAR,),
        account=accounts or (account(),),
        number=tuple(NumberConfig(each.user) for each in accounts),
    )
    return Config(sip=sip, telephony=TelephonyConfig(ask_after_s=0))


class Registrar:
    """Answers every REGISTER; knows one password.

    Attributes:
        bound: Seconds that each contact is registered for.
        at_s: When each was asked.
        answers: Whether it does.
    """

    def __init__(self, phone: Phone, password: str = "secret") -> None:
        self.phone = phone
        self.password = password
        self.digest = Digest(lambda: 0)
        self.bound: dict[str, int] = {}
        self.at_s: list[float] = []
        self.least_s = 60
        self.most_s = 120
        self.answers = True
        self.stale = 0
        self.refusal = 0
        phone.asked = self.take

    def take(self, request: SipRequest) -> None:
        if request.method != "REGISTER":
            return
        self.at_s.append(asyncio.get_running_loop().time())
        if not self.answers:
            return
        if self.refusal:
            self.phone.reply(request, self.refusal, "Retry-After: 100\r\n")
            return
        user = (request.get_header("to") or "").partition(":")[2].partition("@")[0]
        proved = self.digest.proves(request, user, self.password)
        if not proved or self.stale:
            more = ", stale=true" if self.stale and proved else ""
            self.stale -= bool(proved)
            headers = "".join(
                f"{name}: {value}{more}\r\n" for name, value in self.digest.challenges()
            )
            self.phone.reply(request, 401, headers)
            return
        wanted = int(request.get_header("expires") or 0)
        contact = request.get_header("contact") or ""
        if wanted and wanted < self.least_s:
            self.phone.reply(request, 423, f"Min-Expires: {self.least_s}\r\n")
            return
        self.bound[contact] = given = min(wanted, self.most_s)
        self.phone.reply(request, 200, f"Contact: {contact};expires={given}\r\n")


Scene = Callable[[Phone, Registrar], Coroutine[Any, Any, None]]


def registered(scene: Scene, settings: Config | None = None) -> tuple[Phone, Registrar]:
    """Run a server that registers; it takes that back at the end."""
    registrars: list[Registrar] = []

    async def scenario(phone: Phone) -> None:
        await scene(phone, registrars[0])

    phone = rung(
        scenario,
        settings or config(),
        before=lambda phone: registrars.append(Registrar(phone)),
    )
    return phone, registrars[0]


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PBX", "secret")


def test_it_is_registered_refreshed_and_taken_back() -> None:
    """Before what was granted has passed; with a number of its own each."""

    async def scene(phone: Phone, registrar: Registrar) -> None:
        await phone.settle(1)
        contact = f"<sip:200@{HERE[0]}:{HERE[1]}>"
        assert registrar.bound == {contact: 120}
        assert phone.agent.registrations[0].registered
        await phone.settle(200)
        proved = registrar.at_s[1::2]
        assert [round(b - a) for a, b in itertools.pairwise(proved)] == [
            90,
            90,
        ]
        assert {each.get_header("call-id") for each in phone.requests} == {
            phone.requests[0].get_header("call-id")
        }

    phone, registrar = registered(scene)
    assert set(registrar.bound.values()) == {0}
    numbers = [int((r.get_header("cseq") or "").split()[0]) for r in phone.requests]
    assert numbers == list(range(1, len(numbers) + 1))


def test_it_is_registered_through_a_proxy() -> None:
    """Which the request names; who is registered is the registrar's."""

    async def scene(phone: Phone, registrar: Registrar) -> None:
        await phone.settle(1)
        assert phone.agent.registrations[0].registered

    phone, _ = registered(scene, config(account(proxy="proxy:5080")))
    assert {each.uri for each in phone.requests} == {"sip:pbx:5070"}
    assert {each.get_header("route") for each in phone.requests} == {
        "<sip:proxy:5080;lr>"
    }


def test_several_accounts_and_their_calls() -> None:
    """Each is called by its own number, and calls by its own name."""

    async def scene(phone: Phone, registrar: Registrar) -> None:
        await phone.settle(1)
        assert len(registrar.bound) == 2
        phone.say(phone.request("INVITE", OFFER, user="201"))
        await phone.settle()
        assert phone.statuses[-1] == 200
        phone.say(phone.request("ACK", to_tag=phone.tag, user="201"))
        await phone.agent.dialler.dial(Wanted("300", trunk="second"))
        await phone.settle()
        invite = phone.requests[-1]
        assert (invite.method, invite.uri) == ("INVITE", "sip:300@pbx:5070")
        assert "<sip:201@pbx>" in (invite.get_header("from") or "")

    second = account("201", name="second", dial=("3*",))
    registered(scene, config(account(), second))


def test_a_nonce_may_be_stale_and_a_time_too_brief() -> None:
    """Both are put right at once."""

    async def scene(phone: Phone, registrar: Registrar) -> None:
        registrar.stale, registrar.least_s, registrar.most_s = 1, 100, 1000
        await phone.settle(1)
        assert list(registrar.bound.values()) == [100]
        await phone.settle(1)
        assert len(registrar.at_s) < 8

    registered(scene, config(account(expires_s=60)))


def test_an_outage_is_no_storm_and_is_survived() -> None:
    """Ever more slowly; then it is registered again."""

    async def scene(phone: Phone, registrar: Registrar) -> None:
        registrar.answers = False
        await phone.settle(OUTAGE_S)
        calls = {r.get_header("cseq") for r in phone.requests}
        assert 2 <= len(calls) <= 8
        assert "does not answer" in phone.agent.registrations[0].why
        registrar.answers = True
        await phone.settle(400)
        assert phone.agent.registrations[0].registered

    registered(scene)


@pytest.mark.parametrize("refusal", [0, 403, 503])
def test_who_is_refused_does_not_insist(refusal: int) -> None:
    """A wrong password locks nobody out; Retry-After is kept."""

    async def scene(phone: Phone, registrar: Registrar) -> None:
        registrar.refusal, registrar.password = refusal, "another"
        await phone.settle(600)
        assert len(registrar.at_s) <= 14
        tries_s = [at for at in registrar.at_s if at > 0.5]
        assert tries_s[0] >= 48
        assert "refused" in phone.agent.registrations[0].why

    registered(scene)


def test_the_way_is_kept_open() -> None:
    """A NAT forgets who says nothing for half a minute."""

    async def scene(phone: Phone, registrar: Registrar) -> None:
        await phone.settle(80)
        assert phone.n_alive == 3

    registered(scene)


def test_a_host_that_is_nowhere_is_tried_again() -> None:
    """Names may come to be."""

    async def scene(phone: Phone, registrar: Registrar) -> None:
        await phone.settle(100)
        assert not phone.requests
        assert "nowhere" in phone.agent.registrations[0].why

    nowhere = SipAccount("nowhere", "200", "PBX")
    registered(scene, config(nowhere))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([("Contact", "<sip:200@here:5060>;expires=90")], 90),
        ([("Contact", "<sip:x@y>;expires=9"), ("Expires", "70")], 70),
        ([("Contact", "<sip:200@here:5060;ob>;q=1;Expires = 80")], 80),
        ([], 300),
    ],
)
def test_what_is_granted(headers: list[tuple[str, str]], seconds: int) -> None:
    """Of our contact among several; of all; or as asked."""
    response = SipResponse(status_code=200, reason_phrase="OK")
    for name, value in headers:
        response.add_header(name, value)
    assert granted(response, "<sip:200@here:5060>", 300) == seconds

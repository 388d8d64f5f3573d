"""Tries what of SIP can be tried without a call, for ``voiceserver check``.

The server answers itself, each account is registered and taken back, each trunk that
calls go out by is asked whether it is there. Knows neither sockets nor engines.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from aiosipua import SipResponse

from voiceserver.carriers.sip.dialog import new_tag
from voiceserver.carriers.sip.outward.dialler import Ways, without_port
from voiceserver.carriers.sip.outward.registration import Registration
from voiceserver.carriers.sip.outward.requests import outside, route
from voiceserver.carriers.sip.wire import Flow, Wire, new_branch
from voiceserver.config import SipAccount, SipConfig, SipTrunk
from voiceserver.errors import CallRefused
from voiceserver.streams import first_of

LIMIT_S = 8.0  # for each


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one.

    Attributes:
        what: Was tried.
        good: It works.
        note: What was found, or what to do.
    """

    what: str
    good: bool
    note: str


async def trials(
    config: SipConfig,
    wire: Wire,
    ways: Ways,
    registrations: Sequence[Registration],
    here: str,
) -> AsyncGenerator[Trial, None]:
    """Try all.

    Args:
        config: ``[sip]``.
        wire: Sends requests; its gate lets our own address in.
        ways: How others are reached.
        registrations: One of each account.
        here: Our own host and port.
    """
    yield await _answers(wire, ways, here)
    for trunk in config.trunk:
        yield await _trunk(trunk, wire, ways)
    for account, registration in zip(config.account, registrations, strict=True):
        yield await _account(account, registration)


async def _answers(wire: Wire, ways: Ways, here: str) -> Trial:
    itself = SipTrunk(("127.0.0.1",), host=here)
    found = await _options(wire, ways, itself)
    if isinstance(found, str):
        return Trial("sip", False, f"does not answer itself at {here}: {found}")
    good = found.status_code == 200
    return Trial("sip", good, f"answers itself at {here} with {found.status_code}")


async def _trunk(trunk: SipTrunk, wire: Wire, ways: Ways) -> Trial:
    what = f"sip trunk {trunk.name}"
    for variable in (trunk.password_env, trunk.login_password_env):
        if variable and not os.environ.get(variable):
            return Trial(what, False, f"{variable} is not set: export {variable}=...")
    takes = f"takes calls from {', '.join(trunk.cidr)}"
    dials = f"may ring {', '.join(trunk.dial)}" if trunk.dial else "rings nobody"
    if not trunk.host or not trunk.dial:
        return Trial(what, True, f"{takes}; {dials}")
    found = await _options(wire, ways, trunk)
    if isinstance(found, str):
        cure = "host must be its SIP server, and let this machine's address in"
        return Trial(what, False, f"{trunk.host}: {found}; {cure}")
    there = f"{trunk.host} is there ({found.status_code})"
    return Trial(what, True, f"{takes}; {dials}; {there}")


async def _account(account: SipAccount, registration: Registration) -> Trial:
    what = f"sip account {account.name or account.user}"
    if not os.environ.get(account.password_env):
        name = account.password_env
        return Trial(what, False, f"{name} is not set: export {name}=...")
    granted_s = await first_of(registration.register(), limit_s=LIMIT_S)
    if not granted_s:
        why = registration.why
        if granted_s is None:
            why = f"{account.registrar} does not answer"
        cure = "registrar, user and password_env must be those of the PBX's extension"
        return Trial(what, False, f"{why}; {cure}")
    await registration.leave()
    return Trial(what, True, f"registered for {granted_s:.0f} s, and taken back")


async def _options(wire: Wire, ways: Ways, trunk: SipTrunk) -> SipResponse | str:
    """Ask a host whether it is there; its answer, or why there is none."""
    try:
        flow = await ways.flow_to(trunk.proxy or trunk.host, trunk.transport)
    except CallRefused as error:
        return str(error)
    found = await first_of(_asked(wire, flow, trunk), limit_s=LIMIT_S)
    return "no answer" if found is None else found


async def _asked(wire: Wire, flow: Flow, trunk: SipTrunk) -> SipResponse | None:
    answer: asyncio.Future[SipResponse | None]
    answer = asyncio.get_running_loop().create_future()

    def answered(response: SipResponse | None) -> None:
        if not answer.done():
            answer.set_result(response)

    host = trunk.host
    uri = f"sip:{host}"
    request = outside(
        "OPTIONS",
        uri,
        flow.via(new_branch()),
        f"<sip:voiceserver@{without_port(host)}>;tag={new_tag()}",
        f"<{uri}>",
        (secrets.token_hex(16), 1),
        (*route(trunk), ("Contact", flow.contact), ("Accept", "application/sdp")),
    )
    wire.ask(request, flow, answered)
    return await answer

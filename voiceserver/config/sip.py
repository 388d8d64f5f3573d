"""``[sip]``: telephone calls by SIP, from whom, and who answers them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field

from voiceserver.config.call_webhook import CallWebhookConfig
from voiceserver.config.checks import require
from voiceserver.config.telephony import NumberConfig, number_in

TRANSPORTS = ("udp", "tcp", "tls", "auto")
CALLER = re.compile(r"[+A-Za-z0-9_.*-]{1,32}\Z")
_HOST = re.compile(r"([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?\Z")


def _is(kind: str, text: str) -> bool:
    try:
        getattr(ipaddress, kind)(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class SipTrunk:
    """``[[sip.trunk]]``: a PBX, a provider or a telephone that may call.

    Attributes:
        cidr: Addresses that it calls from, e.g. ``"192.0.2.0/24"``. Whoever is in no
            trunk's is not answered at all.
        name: In logs and metrics.
        user: That it authenticates as, by digest; empty asks for nothing, so its
            addresses alone are who it is.
        password_env: Environment variable that holds the password.
        max_calls: Calls at a time from it, one more hears that it is busy; 0 is
            ``server.max_calls``.
        dial: Whom its calls may be transferred to, and who may be rung by it: numbers
            such as ``"+4930*"``, addresses such as ``"sip:*@pbx.example.org"``; ``"*"``
            is everybody, none is nobody.
        login: As whom the server shows itself to it, where it asks; empty is nobody.
        login_password_env: Environment variable that holds that password.
        host: Where calls out by it are sent, e.g. ``"pbx.example.org:5060"``; empty is
            the host of the address that is called, which must then be in ``cidr``. A
            name without a port is looked up by SRV records first.
        transport: Of calls out: ``"udp"``, ``"tcp"``, ``"tls"``, or ``"auto"``: as
            the host's NAPTR and SRV records say.
        proxy: Outbound proxy: where calls out are sent in place of ``host``.
        caller: Our number, where a call out names none.
        srtp: Calls out by it are encrypted (SDES), or not made. Needs
            ``transport = "tls"``, as the keys are in what is signalled.
    """

    cidr: tuple[str, ...]
    name: str = "trunk"
    user: str = ""
    password_env: str = ""
    max_calls: int = 0
    dial: tuple[str, ...] = ()
    login: str = ""
    login_password_env: str = ""
    host: str = ""
    transport: str = "udp"
    caller: str = ""
    proxy: str = ""
    srtp: bool = False

    def __post_init__(self) -> None:
        require(
            not self.srtp or self.transport == "tls",
            'srtp needs transport = "tls": who reads the signalling reads its keys',
        )
        require(bool(self.cidr), "cidr must name at least one network")
        for each in self.cidr:
            require(
                _is("ip_network", each),
                f"cidr: '{each}' is not like '192.0.2.0/24' or '192.0.2.7'",
            )
        require(
            bool(self.user) == bool(self.password_env),
            "user and password_env are given together",
        )
        require(
            bool(self.login) == bool(self.login_password_env),
            "login and login_password_env are given together",
        )
        require(
            self.host == "" or _HOST.match(self.host) is not None,
            'host must be like "pbx.example.org" or "192.0.2.10:5060"',
        )
        require(
            self.proxy == "" or _HOST.match(self.proxy) is not None,
            'proxy must be like "proxy.example.org" or "192.0.2.10:5060"',
        )
        require(self.transport in TRANSPORTS, f"transport: {' or '.join(TRANSPORTS)}")
        require(
            self.caller == "" or CALLER.match(self.caller) is not None,
            "caller must be a number",
        )
        require(all(each.strip() for each in self.dial), "dial: one is empty")


@dataclass(frozen=True, slots=True)
class SipAccount:
    """``[[sip.account]]``: an extension of a PBX that the server registers as.

    Attributes:
        registrar: Host of the PBX, e.g. ``"pbx.example.org"``; with a port if that is
            not 5060, or in its SRV records. Calls come from there, and go there.
        user: The extension; also the number that is called, for ``[[sip.number]]``.
        password_env: Environment variable that holds its password.
        login: Name that the password is for, where that is not ``user``.
        name: In logs and metrics, and of ``trunk`` where calls are made; empty is
            ``user``.
        expires_s: How long it asks to be registered for; it is refreshed in time.
        transport: To the registrar: ``"udp"``, ``"tcp"``, ``"tls"``, or ``"auto"``: as
            its NAPTR and SRV records say.
        max_calls: Calls at a time; 0 is ``server.max_calls``.
        dial: Whom its calls may be transferred to, and who may be rung by it, as a
            trunk's.
        proxy: Outbound proxy: what is sent to in place of ``registrar``.
    """

    registrar: str
    user: str
    password_env: str
    login: str = ""
    name: str = ""
    expires_s: int = 300
    transport: str = "udp"
    max_calls: int = 0
    dial: tuple[str, ...] = ()
    proxy: str = ""

    def __post_init__(self) -> None:
        require(
            self.proxy == "" or _HOST.match(self.proxy) is not None,
            'proxy must be like "proxy.example.org" or "192.0.2.10:5060"',
        )
        require(
            _HOST.match(self.registrar) is not None,
            'registrar must be like "pbx.example.org" or "192.0.2.10:5060"',
        )
        require(CALLER.match(self.user) is not None, "user must be an extension")
        require(bool(self.password_env), "password_env must name a variable")
        require(60 <= self.expires_s <= 86_400, "expires_s must be 60..86400")
        require(self.transport in TRANSPORTS, f"transport: {' or '.join(TRANSPORTS)}")
        require(all(each.strip() for each in self.dial), "dial: one is empty")

    def trunk(self) -> SipTrunk:
        """The account as a trunk; where that is, its registrar's name says."""
        return SipTrunk(
            ("255.255.255.255",),
            self.name or self.user,
            max_calls=self.max_calls,
            dial=self.dial,
            login=self.login or self.user,
            login_password_env=self.password_env,
            host=self.registrar,
            transport=self.transport,
            caller=self.user,
            proxy=self.proxy,
        )


@dataclass(frozen=True, slots=True)
class SipConfig:
    """``[sip]``: telephone calls by SIP, from the extra ``sip``; ``docs/phone.md``.

    Attributes:
        port: UDP and TCP port, 5060 by custom; 0 is off.
        tls_port: TCP port of SIP by TLS, 5061 by custom, with the certificate of
            ``[server] tls_cert``; 0 is none.
        host: Address to bind; anything but loopback needs a ``[[sip.trunk]]``.
        rtp_port_min: Lowest UDP port of calls' audio.
        rtp_port_max: Highest; a call takes two.
        public_ip: Address at which telephones reach the server, if the machine does
            not know it itself: behind a one-to-one NAT, as in most clouds.
        invites_per_s: New calls a second, from all trunks; more are asked to come back.
        session_s: Without a sign of the other side for so long a call is over, where
            that side takes part (RFC 4028).
        ring_s: A call out rings for so long.
        silent_s: Without a packet of audio for so long a call is over, unless held.
        trunk: Who may call; none is whoever is on this machine.
        account: Extensions of PBXs that the server registers as.
        number: ``[[sip.number]]``, as ``[[telephony.number]]``: who answers where, and
            at no other number; none is ``[telephony]``'s, at any.
        webhook: Who is asked about each call.
    """

    port: int = 0
    tls_port: int = 0
    host: str = "127.0.0.1"
    rtp_port_min: int = 20_000
    rtp_port_max: int = 20_999
    public_ip: str = ""
    invites_per_s: int = 10
    session_s: int = 1800
    ring_s: float = 30.0
    silent_s: float = 60.0
    trunk: tuple[SipTrunk, ...] = ()
    account: tuple[SipAccount, ...] = ()
    number: tuple[NumberConfig, ...] = ()
    webhook: CallWebhookConfig = field(default_factory=CallWebhookConfig)

    def __post_init__(self) -> None:
        require(0 <= self.port <= 65535, "port must be 0..65535")
        require(0 <= self.tls_port <= 65535, "tls_port must be 0..65535")
        require(
            not self.tls_port or (bool(self.port) and self.tls_port != self.port),
            "tls_port needs a port beside it, and another one",
        )
        require(_is("ip_address", self.host), "host must be an IP address")
        require(
            self.public_ip == "" or _is("ip_address", self.public_ip),
            "public_ip must be an IP address",
        )
        require(
            1024 <= self.rtp_port_min < self.rtp_port_max <= 65535,
            "rtp_port_min and rtp_port_max must be 1024..65535 and in order",
        )
        require(1 <= self.invites_per_s <= 1000, "invites_per_s must be 1..1000")
        require(90 <= self.session_s <= 86_400, "session_s must be 90..86400")
        require(1 <= self.ring_s <= 300, "ring_s must be 1..300")
        require(self.silent_s >= 5, "silent_s must be at least 5")
        require(
            not self.port
            or bool(self.trunk)
            or bool(self.account)
            or self._on_loopback(),
            "beyond loopback a [[sip.trunk]] or [[sip.account]] says who may call",
        )
        names = [each.name for each in self.lines()]
        require(
            not self.account or len(names) == len(set(names)),
            "trunks and accounts need names of their own",
        )
        numbers = [each.number for each in self.number]
        twice = sorted({each for each in numbers if numbers.count(each) > 1})
        require(not twice, f"two [[sip.number]] tables are for {twice[:1]}")

    def _on_loopback(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback

    def trunks(self) -> tuple[SipTrunk, ...]:
        """Who may call."""
        return self.trunk or (SipTrunk(("127.0.0.0/8", "::1/128"), "loopback"),)

    def lines(self) -> tuple[SipTrunk, ...]:
        """By what calls may go out: trunks, and accounts as such."""
        return (*self.trunks(), *(each.trunk() for each in self.account))

    def answers_at(self, called: str) -> bool:
        """Whether anybody answers at a number."""
        return not self.number or number_in(self.number, called) is not None

"""``[telephony]``: calls that telephone services bring, and who answers them."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from voiceserver.config.checks import require

TOOLS = ("hang_up", "transfer_call", "send_digits", "hold")
LONGEST_GREETING = 1000  # characters


@dataclass(frozen=True, slots=True)
class NumberConfig:
    """``[[telephony.number]]``: who answers at a number.

    Attributes:
        number: As the service writes it, e.g. ``"+15550100"``, or an extension; ``"*"``
            is every other number.
        instructions: What the language model is told there; empty is ``[text]``'s.
        voice: That speaks there; empty is ``[speech]``'s.
        greeting: Said when the call begins; empty is ``[telephony]``'s.
        tools: What the server offers the language model there: ``"hang_up"``; by SIP
            also ``"transfer_call"``, ``"send_digits"`` and ``"hold"``.
    """

    number: str
    instructions: str = ""
    voice: str = ""
    greeting: str = ""
    tools: tuple[str, ...] = ("hang_up",)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.tools) - set(TOOLS))
        require(not unknown, f"tools: {unknown[:1]}; there are: {', '.join(TOOLS)}")
        require(bool(self.number.strip()), "number must not be empty")
        require(
            len(self.greeting) <= LONGEST_GREETING,
            f"greeting has {LONGEST_GREETING} characters at most",
        )


@dataclass(frozen=True, slots=True)
class TelephonyConfig:
    """``[telephony]``: calls by ``/v1/telephony/SERVICE``; ``docs/phone.md``.

    Attributes:
        public_url: Where services reach the server, e.g.
            ``"https://voice.example.org"``: written into the documents that they are
            answered with, and part of what they sign. Empty is the ``Host`` that a
            request names.
        token_env: Environment variable that holds a secret which services may give as
            ``?token=`` or as the password of Basic authentication, in place of an API
            key.
        twilio_token_env: Environment variable that holds Twilio's auth token, which
            its requests are signed with.
        signalwire_token_env: The same of SignalWire: its signing key.
        genesys_secret_env: The same of Genesys Cloud: the integration's client secret,
            with which all its connections must then be signed.
        greeting: Said when a call begins; empty says nothing.
        patience_ms: Added to every silence that ends a turn: lines are slower and
            callers hesitate more than at a screen.
        ask_after_s: A caller who has been silent for so long is asked whether they are
            there; 0 is never.
        still_there: Asked then; empty leaves it to the text model.
        asks: How often in a row, before the call is ended with the goodbye.
        goodbye: Said before the server ends a call: a silent one, one that is too
            long, or all when it is stopped. Empty says nothing.
        digits_s: Keys that the caller presses are taken together until ``#``, or until
            none has come for so long.
        max_call_s: Longest telephone call, in seconds; 0 is ``server.max_call_s``.
        number: Who answers at which number.
    """

    public_url: str = ""
    token_env: str = ""
    twilio_token_env: str = ""
    signalwire_token_env: str = ""
    genesys_secret_env: str = ""
    greeting: str = "Hello. How can I help you?"
    patience_ms: int = 200
    ask_after_s: float = 10.0
    still_there: str = "Are you still there?"
    asks: int = 2
    goodbye: str = "I have to end this call now. Goodbye."
    digits_s: float = 3.0
    max_call_s: int = 0
    number: tuple[NumberConfig, ...] = ()

    def __post_init__(self) -> None:
        require(0 <= self.patience_ms <= 2000, "patience_ms must be 0..2000")
        require(
            self.ask_after_s == 0 or 1 <= self.ask_after_s <= 600,
            "ask_after_s must be 0 or 1..600",
        )
        require(1 <= self.asks <= 100, "asks must be 1..100")
        require(0.5 <= self.digits_s <= 60, "digits_s must be 0.5..60")
        for name in ("greeting", "still_there", "goodbye"):
            require(
                len(getattr(self, name)) <= LONGEST_GREETING,
                f"{name} has {LONGEST_GREETING} characters at most",
            )
        if self.public_url:
            parts = urlsplit(self.public_url)
            good = parts.scheme in ("http", "https") and parts.hostname
            require(
                bool(good) and not parts.query and not parts.fragment,
                'public_url must be like "https://voice.example.org"',
            )
        numbers = [each.number for each in self.number]
        twice = sorted({each for each in numbers if numbers.count(each) > 1})
        require(not twice, f"two [[telephony.number]] tables are for {twice[:1]}")

    def at(self, called: str) -> NumberConfig:
        """Who answers at a number, everything filled in that the file leaves open."""
        return number_in(self.number, called) or NumberConfig(called or "*")


def number_in(numbers: Sequence[NumberConfig], called: str) -> NumberConfig | None:
    """Who answers at a number, of these; None if nobody does."""
    plain = _plain(called)
    for each in numbers:
        if plain and _plain(each.number) == plain:
            return each
    return next((each for each in numbers if each.number == "*"), None)


@dataclass(frozen=True, slots=True)
class AudioSocketConfig:
    """``[audiosocket]``: calls of Asterisk over TCP; ``docs/phone.md``.

    Attributes:
        port: TCP port; 0 is off. Asterisk's own example has 9092.
        host: Address to bind. There is no password: beyond loopback ``uuids`` is
            needed.
        uuids: Of the calls that alone are taken; none takes any. Also what
            ``[[telephony.number]]`` may be for.
    """

    port: int = 0
    host: str = "127.0.0.1"
    uuids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(0 <= self.port <= 65535, "port must be 0..65535")
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            raise ValueError("host must be an IP address") from None
        for each in self.uuids:
            try:
                UUID(each)
            except ValueError:
                raise ValueError(f"uuids: {each[:40]!r} is no UUID") from None


def _plain(number: str) -> str:
    """A number without what people put between digits, and without its ``+``."""
    return "".join(char for char in number if char not in " -()./\t").removeprefix("+")

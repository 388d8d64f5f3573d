"""What is tried without a call."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from aiosipua import SipRequest

from tests.carriers.sip.outward.test_registration import Registrar
from tests.carriers.sip.phone import HERE, Phone, rung
from voiceserver.carriers.sip.outward.trial import Trial
from voiceserver.config import Config, SipAccount, SipConfig, SipTrunk

OUT = SipTrunk(("127.0.0.2",), "out", dial=("*",), host="pbx")


def tried(
    config: SipConfig, answers: bool = True, password: str = "secret"
) -> list[Trial]:
    """Try against a telephone that plays all the others, and ourselves."""
    found: list[Trial] = []

    async def scenario(phone: Phone) -> None:
        registrar = Registrar(phone, password)

        def asked(request: SipRequest) -> None:
            if request.method == "OPTIONS" and answers:
                phone.reply(request)
            registrar.answers = answers
            registrar.take(request)

        phone.asked = asked
        agent = phone.agent
        async with aclosing(agent.trials(HERE, phone)) as trials:
            found.extend([each async for each in trials])

    rung(scenario, Config(sip=config))
    return found


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PBX", "secret")


def test_all_is_well() -> None:
    """Each with what was found; nothing stays registered."""
    config = SipConfig(port=5060, trunk=(OUT,))
    first, second = tried(config)
    assert first.good and "answers itself at 127.0.0.1:5060 with 200" in first.note
    assert second == Trial(
        "sip trunk out",
        True,
        "takes calls from 127.0.0.2; may ring *; pbx is there (200)",
    )


def test_who_does_not_answer_is_told_of() -> None:
    """Within a limit, and with what to do."""
    found = tried(SipConfig(port=5060, trunk=(OUT,)), answers=False)
    assert [each.good for each in found] == [False, False]
    assert "let this machine's address in" in found[1].note


def test_a_secret_that_is_not_set_is_told_of() -> None:
    """By the name of its variable."""
    trunk = SipTrunk(("127.0.0.2",), "in", user="a", password_env="NOT_SET")
    found = tried(SipConfig(port=5060, trunk=(trunk,)))
    assert not found[1].good
    assert "export NOT_SET" in found[1].note


@pytest.mark.parametrize(
    ("user", "variable", "password", "good", "note"),
    [
        ("200", "PBX", "secret", True, "registered for 120 s, and taken back"),
        ("200", "PBX", "another", False, "refused: 401"),
        ("200", "NOT_SET", "secret", False, "export NOT_SET"),
    ],
)
def test_an_account_is_registered_and_taken_back(
    user: str, variable: str, password: str, good: bool, note: str
) -> None:
    """Or why not."""
    found: list[Trial] = []
    account = SipAccount("pbx", user, variable)

    async def scenario(phone: Phone) -> None:
        registrar = Registrar(phone, password)
        agent = phone.agent
        async with aclosing(agent.trials(HERE, phone)) as trials:
            found.extend([each async for each in trials])
        assert set(registrar.bound.values()) <= {0}

    rung(scenario, Config(sip=SipConfig(port=5060, account=(account,))))
    assert (found[-1].what, found[-1].good) == ("sip account 200", good)
    assert note in found[-1].note

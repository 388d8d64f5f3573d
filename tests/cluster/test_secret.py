"""What hosts show each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.cluster.directory import CLOCKS_APART_S
from voiceserver.cluster.secret import PassedOn, SealRefused, Secrets

OURS = Secrets("a secret that all hosts share")
NOW_S = 1_700_000_000.0
PASSED = PassedOn("a", "b", "192.0.2.7", NOW_S)
ASKED = "POST", "/v1/realtime/calls?model=m"


def opened(secrets: Secrets, seal: str, here: str = "b", at_s: float = NOW_S) -> str:
    return secrets.opened(seal, *ASKED, here, at_s).client


def test_a_seal_says_who_asks() -> None:
    """And is of this request alone."""
    seal = OURS.seal(PASSED, *ASKED)
    assert opened(OURS, seal) == "192.0.2.7"
    with pytest.raises(SealRefused, match="secret"):
        OURS.opened(seal, "DELETE", ASKED[1], "b", NOW_S)
    with pytest.raises(SealRefused, match="secret"):
        OURS.opened(seal, "POST", "/v1/realtime/calls", "b", NOW_S)


def test_what_is_wrong_is_said() -> None:
    """Another secret, another host, another version, clocks an hour apart."""
    seal = OURS.seal(PASSED, *ASKED)
    with pytest.raises(SealRefused, match="not the one of this host"):
        opened(Secrets("another secret altogether"), seal)
    with pytest.raises(SealRefused, match='this is host "c", and not "b"'):
        opened(OURS, seal, here="c")
    with pytest.raises(SealRefused, match="3600 s behind"):
        opened(OURS, seal, at_s=NOW_S + 3600)
    with pytest.raises(SealRefused, match="3600 s ahead"):
        opened(OURS, seal, at_s=NOW_S - 3600)
    old = PassedOn("a", "b", "", NOW_S, version="0.0.1")
    with pytest.raises(SealRefused, match=r"runs voiceserver 0\.0\.1"):
        opened(OURS, OURS.seal(old, *ASKED))
    assert opened(OURS, seal, at_s=NOW_S + CLOCKS_APART_S)


def test_a_second_secret_is_taken_and_makes_nothing() -> None:
    """So that all hosts change from one to the other without a break."""
    old = Secrets("the old one, for years")
    both = Secrets("the new one, from now", "the old one, for years")
    new = Secrets("the new one, from now")
    assert opened(both, old.seal(PASSED, *ASKED))
    assert opened(new, both.seal(PASSED, *ASKED))
    assert set(both.fingerprints) == {*old.fingerprints, *new.fingerprints}
    assert both.token_keys == (new.token_keys[0], old.token_keys[0])


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: raw.hex() + "."))
def test_nonsense_is_refused(seal: str) -> None:
    """Whatever it is, with one kind of error."""
    with pytest.raises(SealRefused):
        opened(OURS, seal)


def test_a_seal_that_is_no_utf_8_is_refused() -> None:
    """A byte of a header beyond ASCII comes as half a surrogate."""
    with pytest.raises(SealRefused, match="cannot be read"):
        opened(OURS, "a.\udcff")


def test_names_tell_nothing_and_are_alike_at_all_hosts() -> None:
    """An address is not in its name; kinds do not mix."""
    same = Secrets("a secret that all hosts share")
    name = OURS.name_of("address", "192.0.2.7")
    assert name == same.name_of("address", "192.0.2.7")
    assert name != OURS.name_of("key", "192.0.2.7")
    assert name != Secrets("another secret altogether").name_of("address", "192.0.2.7")

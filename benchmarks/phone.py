"""How soon a telephone by SIP is answered, greeted, replied to and let speak.

Stub engines but the real voice activity. Telephones of ``phone_caller`` and, in the
same run and with turns that are judged alike, calls over WebRTC: from the INVITE to the
200 and to the first voiced packet of the greeting; from the last voiced sample to the
first of the reply; from the first sample of an interruption to the last voiced packet;
the server's CPU time per second of call and the spacing of its packets, of many calls;
calls that ``sipp`` brings over a line that loses one packet in twenty; and what junk
does to a live call.

    python -m benchmarks.phone [--rings 20] [--turns 14] [--calls 100] [--browsers 20]
        [--seconds 15] [--sipp 500]

What the server adds to the way from mouth to ear is ``phone_delay``'s part. Turns are
judged by their words on both sides; as a whole it takes about eight minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks import caller, plots
from benchmarks.figures import RESULTS, spread, write
from benchmarks.phone_caller import RATE, Telephone, mu_law
from benchmarks.phone_delay import mouth_to_ear
from benchmarks.processes import STUB_ENGINES, Server, machine, serving
from benchmarks.recordings import read
from voiceserver.audio import Samples, level_db, resample

UTTERANCE = "speech/command/whatstheweatherlike.wav"
VOICED_DB = -45.0  # of a packet of the reply
QUIET_S = 0.3  # without a voiced packet: the reply is over, or was let be
TURN_S, TOTAL_S = 4.0, 16.0  # for a reply to begin; for one to end
RING_AT_ONCE = 10
LOOK_S = 0.3  # whether all is quiet; that takes decoding
GREETING_S = 9.0  # of the stub, and a moment
SEMANTIC = {"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}}
CONFIG = (
    STUB_ENGINES
    + """turns = "none"
[server]
max_calls = 400
[telephony]
patience_ms = 0
ask_after_s = 0
[sip]
port = {port}
invites_per_s = 1000
[[sip.trunk]]
cidr = ["127.0.0.1"]
"""
)
JUNK = (b"\xff" * 172, b"INVITE sip:1@h SIP/2.0\r\n\r\n", b"\r\n", b"\x80" + bytes(171))
FLOOD = """
import socket, sys, time
port, rtp_ports, per_s, lasts_s = (*map(eval, sys.argv[1:]),)
junk = {junk!r}
line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
line.bind(("127.0.0.2", 0))
began, n = time.monotonic(), 0
while (now := time.monotonic() - began) < lasts_s:
    while n < now * per_s:
        line.sendto(junk[n % len(junk)], ("127.0.0.1", (port, *rtp_ports)[n % 3 % 2]))
        n += 1
    time.sleep(0.001)
print(n)
"""
# More than its share: what waits in the socket is read at most so many at a time.
JUNK_PER_S, JUNK_S = 10_000, 5.0


class Side(Protocol):
    """A caller of either kind, as the turns need it."""

    @property
    def said(self) -> bool:
        """Whether all that was to be said is."""

    def say(self) -> None:
        """Say the utterance."""

    def sent_at_s(self, second: float) -> float:
        """When this moment of the utterance was sent."""

    def heard(self, since_s: float) -> list[tuple[float, Samples]]:
        """What came back from then on, with its times."""


class Rung:
    """A telephone."""

    def __init__(self, phone: Telephone, payloads: list[bytes]) -> None:
        self.phone = phone
        self._payloads = payloads

    @property
    def said(self) -> bool:
        return self.phone.said

    def say(self) -> None:
        self.phone.say(self._payloads)

    def sent_at_s(self, second: float) -> float:
        return self.phone.sent_s[min(len(self.phone.sent_s) - 1, int(second / 0.02))]

    def heard(self, since_s: float) -> list[tuple[float, Samples]]:
        return self.phone.decoded(since_s)


class Browser:
    """A call over WebRTC."""

    def __init__(self, it: caller.Caller, samples: Samples) -> None:
        self.it = it
        self._samples = samples

    @property
    def said(self) -> bool:
        return self.it.microphone.said

    def say(self) -> None:
        self.it.microphone.say(self._samples)

    def sent_at_s(self, second: float) -> float:
        at_s = self.it.microphone.sent_at_s(int(second * caller.RATE))
        assert at_s is not None
        return at_s

    def heard(self, since_s: float) -> list[tuple[float, Samples]]:
        return caller.decode(_since(self.it.packets, since_s))


def _since(packets: list[caller.Packet], since_s: float) -> list[caller.Packet]:
    """The newest ones, looked for from the end: there are thousands."""
    n = len(packets)
    while n and packets[n - 1].at_s > since_s:
        n -= 1
    return packets[n:]


def voiced(heard: Sequence[tuple[float, Samples]]) -> list[float]:
    """When packets came in which something sounds."""
    return [at_s for at_s, samples in heard if level_db(samples) > VOICED_DB]


async def until(
    holds: Callable[[], bool], limit_s: float, every_s: float = 0.05
) -> None:
    """Look now and then; give up after the limit."""
    until_s = time.perf_counter() + limit_s
    # There is no event for what is looked for.
    while not holds() and time.perf_counter() < until_s:  # noqa: ASYNC110
        await asyncio.sleep(every_s)


async def quiet(side: Side) -> None:
    """Wait until nothing has sounded for a second."""

    def still() -> bool:
        return not voiced(side.heard(time.perf_counter() - 1.0))

    await until(still, TOTAL_S, LOOK_S)


async def turn(
    side: Side, begins_s: float, ends_s: float
) -> tuple[float | None, float | None]:
    """Speak, be answered, interrupt; return how long both took, in ms.

    Args:
        side: Who speaks.
        begins_s: Where speech begins in the utterance.
        ends_s: Where it ends.
    """
    await quiet(side)
    side.say()
    await until(lambda: side.said, TOTAL_S)
    spoken_s = side.sent_at_s(ends_s)
    await asyncio.sleep(TURN_S)
    came = voiced(side.heard(spoken_s))
    if not came:
        return None, None
    side.say()
    await until(lambda: side.said, TOTAL_S)
    over_s = side.sent_at_s(begins_s)
    await asyncio.sleep(1.0)
    last_s = over_s
    for at_s in voiced(side.heard(over_s)):
        if at_s - last_s < QUIET_S:
            last_s = at_s
    if last_s == over_s:  # it had ended before
        return (came[0] - spoken_s) * 1000, None
    return (came[0] - spoken_s) * 1000, (last_s - over_s) * 1000


def spacing_ms(times_s: Sequence[float]) -> list[float]:
    """Between packets."""
    return list(np.diff(np.asarray(times_s)) * 1000)


@contextmanager
def phone_server(port: int) -> Any:
    """Run a server that telephones can ring."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "voiceserver.toml"
        path.write_text(CONFIG.format(port=port))
        with serving(["-m", "voiceserver", "serve", "--config", str(path)]) as server:
            yield server


async def conversation(
    server: Server, port: int, n_rings: int, n_turns: int
) -> dict[str, Any]:
    """Telephones that ring; then one and one browser, turn by turn."""
    told = read(UTTERANCE)
    begins_s = told.voiced_from / told.sample_rate
    ends_s = told.voiced_until / told.sample_rate
    narrow = mu_law(resample(told.samples, told.sample_rate, RATE))
    wide = resample(told.samples, told.sample_rate, caller.RATE)
    answered, greeted = [], []
    for _ in range(n_rings):
        phone = Telephone(port)
        await phone.ring()
        await asyncio.sleep(0.6)
        sounded = voiced(phone.decoded(0.0))
        answered.append(phone.answered_ms)
        greeted += [(sounded[0] - phone.rang_s) * 1000] if sounded else []
        await phone.hang_up()
    rung, browser = (
        Rung(Telephone(port), narrow),
        Browser(caller.Caller(server.url), wide),
    )
    await rung.phone.ring()
    await browser.it.connect({"type": "realtime", **SEMANTIC})
    await asyncio.sleep(1.0)
    # Beside each other: whatever else the machine does, it does to both.
    told_of = await asyncio.gather(
        *(_turns(side, n_turns, begins_s, ends_s) for side in (rung, browser))
    )
    await rung.phone.hang_up()
    await browser.it.close()
    return {
        "invite_to_200_ms": spread(answered),
        "ring_to_greeting_ms": spread(greeted),
        **{
            f"{door}_{what}_ms": spread(values)
            for door, both in zip(("sip", "webrtc"), told_of, strict=True)
            for what, values in zip(("reply", "interruption"), both, strict=True)
        },
    }


async def _turns(
    side: Side, n_turns: int, begins_s: float, ends_s: float
) -> tuple[list[float], list[float]]:
    both = [await turn(side, begins_s, ends_s) for _ in range(n_turns)]
    replied, cut = zip(*both, strict=True)
    return (
        [each for each in replied if each is not None],
        [each for each in cut if each is not None],
    )


async def many(
    server: Server, port: int, n_calls: int, n_browsers: int, lasts_s: float
) -> dict[str, Any]:
    """Many calls at a time, by either door: CPU per call, spacing of packets.

    Browsers are fewer: encrypting for a hundred of them takes more than this machine.
    They come first: after a hundred telephones a server takes nobody for a while.
    """
    found: dict[str, Any] = {"calls": n_calls, "browsers": n_browsers}
    browsers: list[caller.Caller] = []
    for _ in range(n_browsers):
        with suppress(caller.Refused):
            browser = caller.Caller(server.url)
            await browser.connect()
            browsers.append(browser)
    found["browsers_answered"] = len(browsers)
    await asyncio.sleep(3)
    found["webrtc"] = await _held(
        server,
        lasts_s,
        lambda: [[packet.at_s for packet in one.packets] for one in browsers],
        len(browsers),
    )
    for browser in browsers:
        await browser.close()
    phones = [Telephone(port) for _ in range(n_calls)]
    for begin in range(0, n_calls, RING_AT_ONCE):
        some = phones[begin : begin + RING_AT_ONCE]
        await asyncio.gather(*(_rings(each) for each in some))
    found["answered"] = sum(p.answered_ms > 0 and not p.refused for p in phones)
    await asyncio.sleep(GREETING_S)
    found["sip"] = await _held(
        server,
        lasts_s,
        lambda: [[at_s for at_s, _ in phone.packets] for phone in phones],
        found["answered"],
    )
    for phone in phones:
        with suppress(TimeoutError):
            await phone.hang_up()
    return found


async def _rings(phone: Telephone) -> None:
    """Ring; who is not answered is counted by that."""
    with suppress(ConnectionRefusedError, TimeoutError):
        await phone.ring()


async def _held(
    server: Server,
    lasts_s: float,
    times_s: Callable[[], list[list[float]]],
    n_calls: int,
) -> dict[str, Any]:
    late = await asyncio.to_thread(lateness, server)
    await asyncio.sleep(1)  # asking for metrics takes a moment of the loop
    before, since = server.cost(), [len(each) for each in times_s()]
    await asyncio.sleep(lasts_s)
    after = server.cost()
    gaps = [
        gap
        for each, n in zip(times_s(), since, strict=True)
        for gap in spacing_ms(each[n:])
    ]
    took_s = after.at_s - before.at_s
    spent = (after.front_cpu_s - before.front_cpu_s) / took_s
    return {
        "cpu_per_call": round(spent / n_calls, 4) if n_calls else None,
        "spacing_ms": spread(gaps),
        "frames_late_ms": at_most(late, await asyncio.to_thread(lateness, server)),
    }


def lateness(server: Server) -> dict[float, float]:
    """How many frames so far were late by at most so many ms, by the server itself."""
    found = server.metric("voiceserver_frame_lateness_seconds_bucket")
    ends = {float(name.split('"')[1]): value for name, value in found.items()}
    return {end * 1000: value for end, value in sorted(ends.items())}


def at_most(
    before: dict[float, float], after: dict[float, float]
) -> dict[str, float | None]:
    """By how many ms so many per cent were late at most; None is beyond the last."""
    counts = {end: n - before.get(end, 0) for end, n in after.items()}
    n_frames = max(counts.values(), default=0)
    told: dict[str, float | None] = {}
    for percent in (50, 95, 99):
        enough = (end for end, n in counts.items() if n >= n_frames * percent / 100)
        end = next(enough, float("inf"))
        told[f"p{percent}"] = end if end < float("inf") else None
    return {**told, "n": n_frames}


async def flooded(server: Server, port: int) -> dict[str, Any]:
    """A live call beside junk from a stranger, at the signalling and at its audio."""
    phone = Telephone(port)
    try:
        await phone.ring()
    except ConnectionRefusedError as error:
        return {"refused": str(error)}
    await asyncio.sleep(JUNK_S)
    n_lines = server.printed().count("\n")
    since_s = time.perf_counter()
    rtp = [each for each in server.udp_ports() if each != port][:1]
    flood = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FLOOD.format(junk=JUNK)),
        *(str(port), str(rtp), str(JUNK_PER_S), str(JUNK_S)),
        stdout=asyncio.subprocess.PIPE,
    )
    sent, _ = await flood.communicate()
    until_s = time.perf_counter()
    times_s = [at_s for at_s, _ in phone.packets]
    calm = [at_s for at_s in times_s if at_s < since_s]
    beside = [at_s for at_s in times_s if since_s <= at_s <= until_s]
    await phone.hang_up()
    return {
        "junk_packets": int(sent),
        "junk_s": round(until_s - since_s, 1),
        "spacing_before_ms": spread(spacing_ms(calm)),
        "spacing_beside_ms": spread(spacing_ms(beside)),
        "log_lines": server.printed().count("\n") - n_lines,
    }


def brought_by_sipp(port: int, n_calls: int) -> dict[str, Any] | None:
    """100 calls a second over a line that loses one packet in twenty."""
    program = shutil.which("sipp")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        began_s = time.perf_counter()
        done = subprocess.run(
            [
                *(program, "-sn", "uac", f"127.0.0.1:{port}", "-nostdin"),
                *("-i", "127.0.0.1", "-m", str(n_calls), "-r", "100", "-d", "200"),
                *("-lost", "5"),
            ],
            cwd=folder,
            check=False,
            timeout=120,
            capture_output=True,
        )
    return {
        "calls": n_calls,
        "all_well": done.returncode == 0,
        "took_s": round(time.perf_counter() - began_s, 1),
    }


async def left_over(server: Server) -> int:
    """Calls that the server still holds, once those that end have had their time."""
    for _ in range(60):
        held = sum(server.metric("voiceserver_calls ").values())
        if not held:
            return 0
        await asyncio.sleep(1)
    return int(held)


async def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Run all of it against one server."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    result: dict[str, Any] = {"machine": machine()}
    result["mouth_to_ear"] = await mouth_to_ear(options.rings)
    print(result["mouth_to_ear"], flush=True)
    with phone_server(port) as server:
        rings, turns = options.rings, options.turns
        result["conversation"] = await conversation(server, port, rings, turns)
        print(result["conversation"], flush=True)
        n_calls, n_browsers = options.calls, min(options.calls, options.browsers)
        result["many"] = await many(server, port, n_calls, n_browsers, options.seconds)
        print(result["many"], flush=True)
    # Another server: one that has just held a hundred calls takes nobody for a while.
    with phone_server(port) as server:
        result["flood"] = await flooded(server, port)
        print(result["flood"], flush=True)
        sipp = await asyncio.to_thread(brought_by_sipp, port, options.sipp)
        result["sipp"] = sipp
        result["left_over"] = await left_over(server)
        print(sipp, result["left_over"], flush=True)
    result["load_after"] = [round(load, 2) for load in os.getloadavg()]
    return result


async def main() -> None:
    """Measure and write ``results/phone.json`` and its plot."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rings", type=int, default=20)
    parser.add_argument("--turns", type=int, default=14)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--browsers", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--sipp", type=int, default=500)
    options = parser.parse_args()
    result = await measured(options)
    write(RESULTS / "phone.json", result)
    plots.phone(result, RESULTS / "phone.svg")


if __name__ == "__main__":
    asyncio.run(main())

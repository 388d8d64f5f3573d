"""What calls cost the processor, and which part of the way of a frame costs it.

Many calls in one process, in virtual time, so that the figure depends on how much is
computed and not on how busy the machine is: the very session, listener, voice
activity, receiver, sender, SRTP and codecs of a call over WebRTC, or of one by SIP
(``--by sip``: mu-law, no SRTP), with stub engines. Callers speak a recorded sentence
every six seconds over a quiet room's noise, as in ``benchmarks.admission``. What
arrives was encrypted beforehand; what is sent goes to a socket that nobody reads. ICE,
RTCP, the data channel, and the reading of sockets are not in it. *Cost* is CPU s per
call-second; parts are found by sampling by CPU time.

Two versions are compared by running them in turns: ``--against`` names the folder of
another checkout; the ratio of the medians is what counts, as caches are as cold as the
machine is busy.

    python -m benchmarks.call_cost [--by sip] [--listening] [--calls 32] [--seconds 24]
        [--settle 0] [--stalled 0] [--against FOLDER]
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import gc
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, cast

import numpy as np
import pylibsrtp

from benchmarks import call_cost_phone
from benchmarks.admission import CYCLE_S, sentences
from benchmarks.caller import RATE, encoded
from benchmarks.figures import RESULTS, write
from benchmarks.processes import machine
from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.carriers.base import HeldCall, Incoming
from voiceserver.carriers.webrtc import aiortc_seams
from voiceserver.config import Config, TelephonyConfig
from voiceserver.dialects.realtime.dialect import Realtime
from voiceserver.engines.acoustic.silero import Silero
from voiceserver.engines.opened import Engines
from voiceserver.engines.stub import StubRecogniser, StubSpeech, StubText
from voiceserver.media.codecs import encoder_for
from voiceserver.media.receiver import AudioReceiver
from voiceserver.media.rtp import RtpPacket, serialize
from voiceserver.media.sender import AudioSender, SparingEncoder, shared
from voiceserver.metrics import Metrics
from voiceserver.reply.playout import Playout
from voiceserver.session.ports import CallParts, Carrier

OPUS = "audio/opus"
OPUS_TYPE = 111
FRAME_S = 0.02
TICKS = 960  # of the RTP clock
GRID_S = 0.001  # packets that arrive within it are read at once
SAMPLED_S = 0.002  # of CPU time
STACK = 40  # frames looked at
BEFORE_S = 1.0  # it is measured, callers who stood still have sent what they had not
# Functions whose share is told, each with all that it calls; the innermost one counts.
PARTS = {
    "voice activity": ("silero.py", "activity.py"),
    "levels": ("hop_levels_db",),
    "echo": ("own_sound.py", "echo.py"),
    "decoding": ("OpusDecoder", "G711Decoder"),
    "encoding": ("OpusEncoder", "G711Encoder", "SparingEncoder"),
    "SRTP in": ("unprotect",),
    "SRTP out": ("protect",),
    "jitter buffer": ("jitter.py",),
    "receiving": (
        "receiver.py",
        "aiortc_seams.py:receive_audio",
        "rtp.py:parse",
        "audio_line.py:AudioLine._receive",
        "audio_line.py:AudioLine._fitting",
    ),
    "sending": (
        "sender.py",
        "playout.py",
        "aiortc_seams.py:AudioLine",
        "audio_line.py:AudioLine.send",
        "rtp.py",
    ),
    "listening": (
        "listener.py",
        "windows.py",
        "gate.py",
        "taker.py",
        "preroll.py",
        "overlap.py",
    ),
    "session": ("/session/", "/dialects/", "/reply/", "/turns/", "/engines/"),
    "metrics": ("prometheus_client",),
}


@dataclass(frozen=True, slots=True)
class Work:
    """What is held.

    Attributes:
        by: Way that calls come by.
        listening: Callers say nothing.
        n_calls: At a time.
        seconds: Of each.
        settle_s: Of these, before it is measured: lines are made at the beginning, and
            it is not known yet how quiet it is around a caller.
        stalled_s: So long callers stand still, to send all of it at once a second
            before it is measured.
    """

    by: str
    listening: bool
    n_calls: int
    seconds: float
    settle_s: float = 0.0
    stalled_s: float = 0.0


class _NothingLost:
    """What is reported of the microphone."""

    packets_received = packets_lost = fraction_lost = max_seq = jitter = 0


class _Receiver:
    """Stands for aiortc's, as far as the seams touch it."""

    def __init__(self, dtls: object) -> None:
        self.transport = dtls
        private: dict[str, object] = {"decoder_queue": None, "remote_streams": {}}
        vars(self).update({f"_RTCRtpReceiver__{at}": it for at, it in private.items()})

    async def receive(self, parameters: object) -> None:
        """Start aiortc's part of it: nothing here."""


class WireCall(HeldCall):
    """A call as over WebRTC, without the network.

    Args:
        incoming: What it is made of.
        sink: Socket that takes what is sent.
        keys: SRTP policies: of the caller's packets and of ours.
    """

    def __init__(
        self,
        incoming: Incoming,
        sink: socket.socket,
        keys: tuple[pylibsrtp.Policy, pylibsrtp.Policy],
    ) -> None:
        self._playout = Playout()
        self.n_texts = 0
        super().__init__(incoming, Carrier("webrtc"), self._playout, self._told)
        clock = incoming.parts.clock
        self._receiver = AudioReceiver(self._session.hear, clock)
        self._sender = AudioSender(self._playout.next_frame, lambda _n: None, clock)
        address = cast("tuple[str, int]", sink.getsockname())
        pair = SimpleNamespace(
            remote_addr=address,
            protocol=SimpleNamespace(transport=SimpleNamespace(sendto=sink.sendto)),
        )
        self._connection = SimpleNamespace(_nominated={1: pair}, _audio=None)
        self._dtls = SimpleNamespace(
            state="connected",
            transport=SimpleNamespace(_connection=self._connection),
            _rx_srtp=pylibsrtp.Session(keys[0]),
            _tx_srtp=pylibsrtp.Session(keys[1]),
        )

    def _told(self, _text: str) -> None:
        self.n_texts += 1

    async def answer(self, offer: str) -> str:
        """Connect both ways."""
        receiver: Any = _Receiver(self._dtls)
        aiortc_seams.receive_audio(
            receiver, self._receiver, _NothingLost(), lambda: None
        )
        codec = SimpleNamespace(payloadType=OPUS_TYPE, mimeType=OPUS)
        await receiver.receive(SimpleNamespace(codecs=[codec]))
        return offer

    async def _connect(self) -> None:
        sender = SimpleNamespace(transport=self._dtls, _ssrc=7)
        sender._handle_rtcp_packet = None
        for name in ("ntp_timestamp", "rtp_timestamp", "packet_count", "octet_count"):
            setattr(sender, "_RTCRtpSender__" + name, 0)
        encoder = encoder_for(OPUS)
        assert encoder is not None
        line = aiortc_seams.AudioLine(sender, OPUS_TYPE)
        self._sender.start(line, SparingEncoder(encoder, shared(OPUS)))

    def take(self, datagram: bytes) -> None:
        """A datagram of the caller's."""
        self._connection._audio(datagram)

    def _beside(self) -> Sequence[Coroutine[object, object, None]]:
        return ()

    async def _close(self) -> None:
        self._sender.stop()
        self._receiver.stop()


def _policy(seed: int, kind: int) -> pylibsrtp.Policy:
    return pylibsrtp.Policy(
        key=bytes([seed % 256]) * 30,
        ssrc_type=kind,
        srtp_profile=pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    )


def microphone(index: int, work: Work) -> list[bytes]:
    """What a caller sends, a packet for each frame, encrypted where that is so."""
    said, by_sip = sentences(), work.by == "sip"
    code = call_cost_phone.narrow if by_sip else encoded
    noise = code(np.zeros(2 * RATE, np.float32) if by_sip else said[0][:0])
    n_frames = round(work.seconds / FRAME_S)
    payloads = [noise[at % len(noise)] for at in range(n_frames)]
    begins_s, turn = CYCLE_S * index / work.n_calls, 0
    while begins_s < work.seconds and not work.listening:
        speech = code(said[turn % len(said)])
        at = round(begins_s / FRAME_S)
        payloads[at : at + len(speech)] = speech[: len(payloads) - at]
        begins_s, turn = begins_s + CYCLE_S, turn + 1
    if by_sip:
        return [call_cost_phone.packet(index, *each) for each in enumerate(payloads)]
    outward = pylibsrtp.Session(_policy(index, pylibsrtp.Policy.SSRC_ANY_OUTBOUND))
    return [
        outward.protect(serialize(RtpPacket(OPUS_TYPE, at, at * TICKS, 1 + index, one)))
        for at, one in enumerate(payloads)
    ]


def _call(
    incoming: Incoming, work: Work, sink: socket.socket, index: int
) -> WireCall | call_cost_phone.PhoneCall:
    if work.by == "sip":
        return call_cost_phone.PhoneCall(incoming, sink)
    policies = (
        _policy(index, pylibsrtp.Policy.SSRC_ANY_INBOUND),
        _policy(index, pylibsrtp.Policy.SSRC_ANY_OUTBOUND),
    )
    return WireCall(incoming, sink, policies)


async def all_calls(work: Work, packets: list[list[bytes]]) -> tuple[float, int]:
    """Hold the calls; return the CPU s that it took, and the texts to clients."""
    # Who only listens hears nothing either.
    quiet = TelephonyConfig(greeting="", ask_after_s=0)
    config = Config(telephony=quiet) if work.listening else Config()
    n_calls = work.n_calls
    engines = Engines(Silero(), StubRecogniser(), StubText(), StubSpeech())
    metrics, clock = Metrics(), VirtualClock()
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        calls = []
        for index in range(n_calls):
            parts = CallParts(f"rtc_{index}", config, engines, clock, metrics)
            calls.append(_call(Incoming(parts, Realtime()), work, sink, index))
        async with asyncio.TaskGroup() as group:
            for call in calls:
                await call.answer("")
                group.create_task(call.run())
                await asyncio.sleep(FRAME_S / n_calls)  # phases of their own
            await asyncio.sleep(0.5)
            began_s, start_s = 0.0, loop.time()
            for due_s, index, at in _arrivals(work, len(packets[0])):
                if not began_s and due_s >= work.settle_s:
                    signal.setitimer(signal.ITIMER_PROF, SAMPLED_S, SAMPLED_S)
                    began_s = time.process_time()
                if start_s + due_s > loop.time():
                    await asyncio.sleep(start_s + due_s - loop.time())
                calls[index].take(packets[index][at])
            took_s = time.process_time() - began_s
            for call in calls:
                call.hang_up("over")
    return took_s, sum(call.n_texts for call in calls)


def _arrivals(work: Work, n_frames: int) -> Iterator[tuple[float, int, int]]:
    """When, whose and which, in order."""
    over_s = work.settle_s - BEFORE_S
    for at in range(n_frames):
        for index in range(work.n_calls):
            phase_s = FRAME_S * index / work.n_calls
            due_s = at * FRAME_S + phase_s // GRID_S * GRID_S
            stands = over_s - work.stalled_s <= due_s < over_s
            yield over_s if stands else due_s, index, at


class Samples:
    """Which parts were at work, by CPU time."""

    def __init__(self) -> None:
        self.parts: collections.Counter[str] = collections.Counter()
        self.functions: collections.Counter[str] = collections.Counter()

    def take(self, _signal: int, frame: FrameType | None) -> None:
        """Look at what runs."""
        names: list[str] = []
        while frame is not None and len(names) < STACK:
            code = frame.f_code
            names.append(f"{code.co_filename}:{code.co_qualname}")
            frame = frame.f_back
        self.functions["/".join(names[0].split("/")[-2:])] += 1
        self.parts[_part(names)] += 1


def _part(names: list[str]) -> str:
    for name in names:
        for part, marks in PARTS.items():
            if any(mark in name for mark in marks):
                return part
    return "loop and the rest"


def one_run(work: Work) -> dict[str, object]:
    """Measure this version once."""
    packets = [microphone(index, work) for index in range(work.n_calls)]
    samples = Samples()
    signal.signal(signal.SIGPROF, samples.take)
    gc.collect()
    gc.freeze()
    cpu_s, n_texts = run_virtual(all_calls(work, packets))
    signal.setitimer(signal.ITIMER_PROF, 0)
    n_all = sum(samples.parts.values())
    cost = cpu_s / (work.n_calls * (work.seconds - work.settle_s))
    return {
        "by": work.by,
        "listening": work.listening,
        "calls": work.n_calls,
        "cpu_s_per_call_s": round(cost, 5),
        "texts": n_texts,
        "parts_ms_per_call_s": {
            part: round(1000 * cost * n / n_all, 2)
            for part, n in samples.parts.most_common()
        },
        "functions_ms_per_call_s": {
            name: round(1000 * cost * n / n_all, 2)
            for name, n in samples.functions.most_common(25)
        },
    }


def in_turns(args: argparse.Namespace) -> dict[str, object]:
    """Run this version and the other in turns, each in a process of its own."""
    folders = {"here": Path.cwd(), "there": Path(args.against).resolve()}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in folders}
    options = ["--calls", str(args.calls), "--seconds", str(args.seconds), "--once"]
    options += ["--settle", str(args.settle), "--by", args.by]
    options += ["--stalled", str(args.stalled)]
    options += ["--listening"] if args.listening else []
    for _ in range(args.rounds):
        for name, folder in folders.items():
            environment = os.environ | {"PYTHONPATH": str(folder)}
            # This very program, whatever the other checkout has of it.
            command = [sys.executable, "-P", __file__, *options]
            run = subprocess.run(
                command, capture_output=True, text=True, check=True, env=environment
            )
            found[name].append(json.loads(run.stdout))
            print(name, found[name][-1]["cpu_s_per_call_s"], flush=True)
    costs = {
        name: statistics.median(one["cpu_s_per_call_s"] for one in runs)
        for name, runs in found.items()
    }
    return {
        "median_cpu_s_per_call_s": costs,
        "ratio": round(costs["here"] / costs["there"], 3),
        "runs": found,
    }


def main() -> None:
    """Measure; write JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--calls", type=int, default=32)
    add("--by", choices=("webrtc", "sip"), default="webrtc")
    add("--listening", action="store_true", help="callers say nothing")
    add("--seconds", type=float, default=24.0, help="of each call")
    add("--settle", type=float, default=0.0, help="s of them that do not count")
    add("--stalled", type=float, default=0.0, help="s that callers stand still before")
    add("--rounds", type=int, default=3, help="of both versions, with --against")
    add("--against", type=Path, help="folder of another checkout")
    add("--once", action="store_true", help="print JSON, and write none")
    add("-o", "--output", type=Path, default=RESULTS / "call_cost.json")
    args = parser.parse_args()
    work = Work(
        args.by, args.listening, args.calls, args.seconds, args.settle, args.stalled
    )
    if args.once:
        print(json.dumps(one_run(work)))
        return
    result = in_turns(args) if args.against else one_run(work)
    write(args.output, {"machine": machine(), **result})
    shown = {name: value for name, value in result.items() if name != "runs"}
    print(json.dumps(shown, indent=1))


if __name__ == "__main__":
    main()

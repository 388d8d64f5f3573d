"""A server that only carries audio, both ways at once: ours, or stock aiortc's.

Either decodes what callers send and sends speech that is encoded frame by frame, so
what differs is the media path alone.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import uvloop
from aiohttp import web
from aiortc import (
    AudioStreamTrack,
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.contrib.media import MediaBlackhole

from benchmarks.recordings import read
from voiceserver.audio import (
    MIC_RATE,
    SPEECH_FRAME,
    SPEECH_RATE,
    AudioFrame,
    Resampler,
    Samples,
    to_int16,
)
from voiceserver.carriers.webrtc import aiortc_seams
from voiceserver.clock import MonotonicClock
from voiceserver.media.codecs import encoder_for
from voiceserver.media.receiver import AudioReceiver, Take
from voiceserver.media.reports import StreamReport, summary
from voiceserver.media.sender import AudioSender

PEERS: set[object] = set()
RECEIVERS: list[AudioReceiver] = []
PROFILE_FROM_S = 6.0  # after the start


class Speech:
    """Endless speech, 20 ms at a time."""

    def __init__(self) -> None:
        self._samples = read("speech/read/sb_spk1_snt1.wav", SPEECH_RATE).samples
        self._at = 0

    def next_frame(self) -> AudioFrame:
        """Return the next 20 ms."""
        at = self._at = (self._at + SPEECH_FRAME) % (len(self._samples) - SPEECH_FRAME)
        return AudioFrame(self._samples[at : at + SPEECH_FRAME], SPEECH_RATE, 0, turn=1)


class SpeechTrack(MediaStreamTrack):
    """The same as a track of aiortc's."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._speech = Speech()
        self._index = 0
        self._began_s = 0.0

    async def recv(self) -> Any:
        """Return the next 20 ms at its time."""
        self._began_s = self._began_s or time.perf_counter()
        due_s = self._began_s + self._index * 0.02
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        pcm = to_int16(self._speech.next_frame().samples)[np.newaxis]
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate = SPEECH_RATE
        frame.pts = self._index * SPEECH_FRAME
        frame.time_base = Fraction(1, SPEECH_RATE)
        self._index += 1
        return frame


def carry_stock(peer: RTCPeerConnection) -> None:
    """Audio both ways, as aiortc's examples do it."""
    [transceiver] = peer.getTransceivers()
    sink = MediaBlackhole()
    sink.addTrack(transceiver.receiver.track)
    peer.addTrack(SpeechTrack())

    async def begin() -> None:
        if peer.connectionState == "connected":
            await sink.start()

    peer.on("connectionstatechange", begin)
    PEERS.add(sink)


def carry_ours(
    peer: RTCPeerConnection,
    hear: Take = lambda _samples, _made_up: None,
    say: Callable[[], AudioFrame] | None = None,
) -> None:
    """Audio both ways by the server's media path."""
    clock = MonotonicClock()
    receiver = AudioReceiver(hear, clock)
    RECEIVERS.append(receiver)
    sender = AudioSender(say or Speech().next_frame, lambda _n: None, clock)
    [transceiver] = peer.getTransceivers()
    aiortc_seams.receive_audio(
        transceiver.receiver, receiver, StreamReport(receiver), lambda: None
    )
    aiortc_seams.answer_with_fec(transceiver)

    def start(line: aiortc_seams.AudioLine, mime_type: str) -> None:
        encoder = encoder_for(mime_type)
        assert encoder is not None
        sender.start(line, encoder)

    aiortc_seams.send_audio(peer.addTrack(AudioStreamTrack()), start, sender.stop)


class Echo:
    """What was heard, as what is to be said; two frames are held at the start."""

    def __init__(self) -> None:
        self._resampler = Resampler(MIC_RATE, SPEECH_RATE)
        self._heard: Samples = np.zeros(2 * SPEECH_FRAME, np.float32)

    def hear(self, samples: Samples, _made_up: bool) -> None:
        """Take a piece of the microphone; of more than 200 ms the oldest goes."""
        heard = np.concatenate([self._heard, self._resampler.push(samples)])
        self._heard = heard[-10 * SPEECH_FRAME :]

    def next_frame(self) -> AudioFrame:
        """Return the next 20 ms, silence if there are none."""
        frame = np.zeros(SPEECH_FRAME, np.float32)
        if len(self._heard) >= SPEECH_FRAME:
            frame, self._heard = np.split(self._heard, [SPEECH_FRAME])
        return AudioFrame(frame, SPEECH_RATE, 0, turn=1)


def carry_echo(peer: RTCPeerConnection) -> None:
    """What the client says, back to it, by the server's media path."""
    echo = Echo()
    carry_ours(peer, echo.hear, echo.next_frame)


CARRY = {"stock": carry_stock, "ours": carry_ours, "echo": carry_echo}


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--path", choices=list(CARRY), required=True)
    parser.add_argument("--report", help="file for how the last microphone fared")
    parser.add_argument("--profile", help="file for the profile of the calls")
    args = parser.parse_args()
    if args.path == "stock":
        aiortc_seams.include_loopback()  # addresses only: the media path stays stock
    else:
        aiortc_seams.install()

    async def offer(request: web.Request) -> web.Response:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        PEERS.add(peer)
        text = await request.text()
        await peer.setRemoteDescription(RTCSessionDescription(text, "offer"))
        CARRY[args.path](peer)
        await peer.setLocalDescription(await peer.createAnswer())
        sdp = peer.localDescription.sdp
        return web.Response(status=201, text=sdp, content_type="application/sdp")

    profile = cProfile.Profile(time.thread_time)  # others of the machine do not count

    async def begin_profile(_app: object) -> None:
        # Connecting is not what is asked about.
        asyncio.get_running_loop().call_later(PROFILE_FROM_S, profile.enable)

    async def end_profile(_app: object) -> None:
        profile.disable()
        profile.dump_stats(args.profile)

    async def report(_app: object) -> None:
        if args.report and RECEIVERS:
            fared = asdict(summary(RECEIVERS[-1]))
            Path(args.report).write_text(json.dumps(fared))  # noqa: ASYNC240 - at the end

    async def ready(_request: web.Request) -> web.Response:
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_post("/v1/realtime/calls", offer)
    app.router.add_get("/readyz", ready)
    app.on_shutdown.append(report)
    if args.profile:
        app.on_startup.append(begin_profile)
        app.on_shutdown.append(end_profile)
    loop = uvloop.new_event_loop()  # as the server itself
    web.run_app(app, host=args.host, port=args.port, print=None, loop=loop)


if __name__ == "__main__":
    main()

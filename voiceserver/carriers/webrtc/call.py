"""A call over WebRTC: aiortc moves the packets, the session holds the conversation.

Owns the peer connection: set up within a limit, watched while it lives, closed within
a limit whatever happens. It knows neither the protocol spoken on the data channel nor
what the audio says.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict
from typing import Any

from aiortc import (
    AudioStreamTrack,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpTransceiver,
    RTCSessionDescription,
)

from voiceserver.carriers.base import HeldCall, Incoming, Throttle
from voiceserver.carriers.webrtc import aiortc_seams
from voiceserver.carriers.webrtc.sdp import checked_offer, with_public_address
from voiceserver.config import MediaConfig
from voiceserver.errors import BadRequest, Overloaded, SessionEnded
from voiceserver.events import MediaReport
from voiceserver.media.codecs import SPOKEN, encoder_for
from voiceserver.media.receiver import AudioReceiver
from voiceserver.media.reports import (
    MediaMeter,
    StreamReport,
    summary,
)
from voiceserver.media.sender import AudioSender, SparingEncoder, shared
from voiceserver.reply.playout import Playout
from voiceserver.session.ports import Carrier
from voiceserver.streams import first_of

log = logging.getLogger(__name__)

CLOSE_LIMIT_S = 2.0  # for aiortc to close a peer connection
GOODBYE_LIMIT_S = 0.3  # for the last event to leave before the connection is closed
POLL_S = 0.02
WATCHES = 8  # looks at the line within its inactivity limit
TOLD_EVERY = 2  # looks: the client is told how its audio fares

LABEL = "oai-events"
CANDIDATE = "a=candidate:"
MAX_MESSAGE_BYTES = 131_072  # instructions of any sensible length fit
MAX_WAITING_BYTES = 1_048_576  # not yet taken by the client; beyond it the call ends

CHANNEL_BURST = 100  # events at once; the inbox has room for more

CARRIER = Carrier("webrtc")


class WebRtcCall(HeldCall):
    """One call.

    Args:
        incoming: What it is made of.

    Raises:
        BadRequest: If the client's session cannot be used.
    """

    def __init__(self, incoming: Incoming) -> None:
        parts = incoming.parts
        self._media = parts.config.media
        self._metrics = parts.metrics
        self._connected = asyncio.Event()
        self._listens_only = True  # no microphone was offered
        self._n_left_out = 0  # frames of the reply
        self._line: aiortc_seams.AudioLine | None = None
        self._meter = MediaMeter(parts.metrics)
        self._channel = EventChannel(
            lambda text: self._session.receive(text), self.hang_up
        )
        self._playout = Playout()
        super().__init__(incoming, CARRIER, self._playout, self._channel.send)
        self._throttle = Throttle(parts.clock.now_ns, CHANNEL_BURST)
        self._receiver = AudioReceiver(self._session.hear, parts.clock)
        self._sender = AudioSender(
            self._playout.next_frame, self._left_out, parts.clock
        )
        self._peer: RTCPeerConnection | None = None

    async def answer(self, offer: str) -> str:
        """Take the client's offer; return the answer.

        When it raises or is cancelled the call is over and cleaned up.

        Raises:
            BadRequest: If the offer cannot be used.
            Overloaded: If no UDP port is free for it.
        """
        checked = checked_offer(offer, self._media.accept_remote_candidates)
        ports = range(self._media.udp_port_min, self._media.udp_port_max + 1)
        aiortc_seams.install(
            self._metrics.dropped.labels("stun").inc, ports if ports[0] else None
        )
        self._peer = peer = RTCPeerConnection(_configuration(self._media))
        try:
            return checked.answer(await self._negotiate(peer, checked.text))
        except (BadRequest, Overloaded):
            await self._close()
            raise
        except asyncio.CancelledError:
            await self._close()
            raise
        except Exception as error:
            # Whatever a parser makes of an offer that passed the checks.
            await self._close()
            log.info("an offer was refused", extra={"kind": type(error).__name__})
            raise BadRequest(
                "The offer cannot be used: it is not understood.", "invalid_sdp"
            ) from error

    async def _negotiate(self, peer: RTCPeerConnection, offer: str) -> str:
        peer.on("connectionstatechange", self._state_changed)
        peer.on("datachannel", self._channel.attach)
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        for transceiver in peer.getTransceivers():
            self._carry(peer, transceiver)
        aiortc_seams.bound_messages(
            peer,
            lambda: self.hang_up("An event is too large, or never complete."),
            self._message_wait_s,
        )
        await peer.setLocalDescription(await peer.createAnswer())
        answer = str(peer.localDescription.sdp)
        if CANDIDATE not in answer:
            # The client would wait for setup_limit_s and not know why.
            raise Overloaded("No UDP port is free for a call.")
        return with_public_address(answer, self._media.public_ip)

    def _carry(self, peer: RTCPeerConnection, transceiver: RTCRtpTransceiver) -> None:
        """Connect the audio section to the session, both ways."""
        aiortc_seams.receive_audio(
            transceiver.receiver,
            self._receiver,
            StreamReport(self._receiver),
            lambda: self.hang_up("The client's audio ended."),
        )
        aiortc_seams.answer_only(transceiver, SPOKEN)
        aiortc_seams.answer_with_fec(transceiver)
        self._listens_only = transceiver.receiver.track is None
        sender = peer.addTrack(AudioStreamTrack())  # is never read
        aiortc_seams.send_audio(sender, self._speak, self._sender.stop)

    def _message_wait_s(self) -> float:
        """How long the next message of the client is held back."""
        return max(self._throttle.wait_s(), self._session.shares.of().wait_s())

    def _speak(self, line: aiortc_seams.AudioLine, mime_type: str) -> None:
        encoder = encoder_for(mime_type)
        if encoder is None:
            self.hang_up("The client takes no codec that the server has.")
            return
        self._line = line
        self._sender.start(line, SparingEncoder(encoder, shared(mime_type)))

    def _left_out(self, n_frames: int) -> None:
        self._n_left_out += n_frames
        self._metrics.dropped.labels("send").inc(n_frames)

    def media(self) -> MediaReport:
        """How the call's audio fares."""
        return summary(
            self._receiver,
            None if self._line is None else self._line.rtt_s,
            self._sender.n_sent,
            self._n_left_out,
            self._playout.underruns,
        )

    def _state_changed(self) -> None:
        assert self._peer is not None
        state = self._peer.connectionState
        if state == "connected":
            self._connected.set()
        elif state in ("failed", "closed"):
            self.hang_up("The connection was closed.")

    async def _connect(self) -> None:
        """Wait for the connection.

        Raises:
            SessionEnded: If it does not come in time, or the call is hung up.
        """
        limit_s = self._media.setup_limit_s
        await first_of(self._connected.wait(), self._over.wait(), limit_s=limit_s)
        if self._over.is_set():
            raise SessionEnded(self._reason)
        if not self._connected.is_set():
            raise SessionEnded(f"The connection was not set up within {limit_s:g} s.")

    def _beside(self) -> Sequence[Coroutine[object, object, None]]:
        return (self._watch(),)

    async def _watch(self) -> None:
        """End the call when its line is dead: aiortc alone takes 35 s to notice."""
        limit_s = self._media.inactivity_limit_s
        seen, idle = -1, 0
        for look in itertools.count(1):
            if idle == WATCHES:
                break
            await asyncio.sleep(limit_s / WATCHES)
            fared = self.media()
            self._meter.update(fared)
            if look % TOLD_EVERY == 0:
                self._session.happens(fared)
            now = await self._n_arrived()
            seen, idle = now, idle + 1 if now == seen else 0
        what = "packet" if self._listens_only else "audio"
        self.hang_up(f"No {what} came for {limit_s:g} s.")

    async def _n_arrived(self) -> int:
        """Count what shows that the client lives.

        Its audio; of one without a microphone, packets of any kind (its reports).
        """
        if not self._listens_only or self._peer is None:
            return self._receiver.n_received
        reports = [await one.getStats() for one in self._peer.getReceivers()]
        return sum(
            stats.packetsReceived
            for report in reports
            for stats in report.values()
            if stats.type == "transport"
        )

    async def _goodbye(self) -> None:
        """Let the last event leave; the network gets a moment, not for ever."""
        for _ in range(round(GOODBYE_LIMIT_S / POLL_S)):
            await asyncio.sleep(POLL_S)
            if self._channel.idle:
                break
        fared = self.media()
        self._meter.update(fared)
        log.info("audio of a call", extra=asdict(fared))

    async def _close(self) -> None:
        if self._peer is None:
            return
        peer, self._peer = self._peer, None
        peer.remove_all_listeners()
        self._sender.stop()
        self._receiver.stop()
        async with asyncio.TaskGroup() as group:
            closing = group.create_task(self._close_peer(peer))
            await asyncio.wait({closing}, timeout=CLOSE_LIMIT_S)
            if not closing.done():
                log.warning("a peer connection did not close in time")
                closing.cancel()

    async def _close_peer(self, peer: RTCPeerConnection) -> None:
        try:
            await peer.close()
        except Exception as error:  # noqa: BLE001 - the call is over whatever it raises
            kind = type(error).__name__
            self._metrics.faults.labels("close", kind).inc()
            # An offer can bring this about: no louder than its refusal.
            log.info("a peer connection closed badly", extra={"kind": kind})


def _configuration(media: MediaConfig) -> RTCConfiguration:
    # An explicit list, though empty: aiortc's default contacts a public STUN server.
    # The password is read for each call: a relay's passwords may expire.
    password = os.environ.get(media.turn_password_env) or None
    servers = [
        RTCIceServer(urls=url, username=media.turn_username, credential=password)
        if url.startswith("turn")
        else RTCIceServer(urls=url)
        for url in media.ice_servers
    ]
    return RTCConfiguration(iceServers=servers)


class EventChannel:
    """The data channel of a call, whichever side creates it; knows nothing of events.

    Text out is bounded, and waits for the channel to open; text in is checked.

    Args:
        receive: Takes a text of the client.
        end: Ends the call, given the reason.
    """

    def __init__(
        self, receive: Callable[[str], None], end: Callable[[str], None]
    ) -> None:
        self._receive = receive
        self._end = end
        self._channel: Any = None
        self._waiting: deque[tuple[str, int]] = deque()
        self._waiting_bytes = 0

    def attach(self, channel: Any) -> None:
        """Take a channel of the peer connection; others than the first are ignored."""
        if self._channel is not None or channel.label != LABEL:
            return
        self._channel = channel
        channel.on("message", self._message)
        channel.on("open", self._flush)
        self._flush()

    def send(self, text: str) -> None:
        """Send, or keep until the channel is open; never raises."""
        size = _n_bytes(text)
        if self._waiting_bytes + self._buffered() + size > MAX_WAITING_BYTES:
            # A client without a channel does not want events; one with a channel
            # that takes none is gone or hostile.
            if self._channel is not None:
                self._end("The client does not read its events.")
            return
        self._waiting.append((text, size))
        self._waiting_bytes += size
        self._flush()

    @property
    def idle(self) -> bool:
        """Whether everything was handed to the network."""
        return not self._open() or self._buffered() == 0

    def _open(self) -> bool:
        return self._channel is not None and self._channel.readyState == "open"

    def _buffered(self) -> int:
        return self._channel.bufferedAmount if self._channel is not None else 0

    def _flush(self) -> None:
        while self._waiting and self._open():
            text, size = self._waiting.popleft()
            self._waiting_bytes -= size
            try:
                self._channel.send(text)
            except ValueError:
                # Above what the client's offer says that it takes (RFC 8841).
                self._end("An event is larger than the client's offer allows.")
                return

    def _message(self, message: object) -> None:
        if not isinstance(message, str):
            self._end("The event channel takes text only.")
        elif _n_bytes(message) > MAX_MESSAGE_BYTES:
            self._end(f"An event is larger than {MAX_MESSAGE_BYTES // 1024} KiB.")
        else:
            self._receive(message)


def _n_bytes(text: str) -> int:
    """Size on the wire; a letter is up to four bytes."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))

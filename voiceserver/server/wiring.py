"""Puts the carrier and the dialect of a call together."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from voiceserver.carriers.webrtc.call import WebRtcCall
from voiceserver.carriers.websocket.messages import Socket, WebSocketCall
from voiceserver.carriers.websocket.stream import StreamCall
from voiceserver.carriers.websocket.stream_audio import StreamFormat
from voiceserver.clock import MonotonicClock
from voiceserver.config import Config
from voiceserver.dialects.realtime.dialect import Carrier, RealtimeDialect
from voiceserver.engines.base import Engines
from voiceserver.metrics import Metrics
from voiceserver.server.admission import Call
from voiceserver.server.state import ConnectCall, PlaceCall


def webrtc_calls(config: Config, metrics: Metrics) -> PlaceCall:
    """Return what makes WebRTC calls that speak the Realtime protocol.

    Args:
        config: Settings of the server; a call lays its client's over them.
        metrics: For all calls.
    """
    clock = MonotonicClock()

    def place(
        call_id: str, engines: Engines, session: Mapping[str, object] | None
    ) -> Call:
        def dialect_for(send: Callable[[str], None]) -> RealtimeDialect:
            return RealtimeDialect(
                call_id, config, send, session, engines.speech.voices
            )

        return WebRtcCall(call_id, config.media, engines, metrics, clock, dialect_for)

    return place


def websocket_calls(config: Config, metrics: Metrics) -> ConnectCall:
    """Return what makes WebSocket calls that speak the Realtime protocol.

    Args:
        config: Settings of the server; a call lays its client's over them.
        metrics: For all calls.
    """
    clock = MonotonicClock()

    def connect(
        call_id: str,
        socket: Socket,
        engines: Engines,
        session: Mapping[str, object] | None,
        form: StreamFormat | None = None,
        extensions: bool = False,
    ) -> Call:
        def dialect_for(send: Callable[[str], None]) -> RealtimeDialect:
            voices = engines.speech.voices
            carrier: Carrier = "websocket" if form is None else "stream"
            return RealtimeDialect(
                call_id, config, send, session, voices, carrier, extensions
            )

        if form is not None:
            return StreamCall(
                call_id, socket, form, engines, metrics, clock, dialect_for
            )
        return WebSocketCall(call_id, socket, engines, metrics, clock, dialect_for)

    return connect

"""The baseline: stock aiortc that sends a caller's audio back, and nothing else."""

from __future__ import annotations

import argparse

from aiohttp import web
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)

from voiceserver.carriers.webrtc import aiortc_seams

PEERS: set[RTCPeerConnection] = set()


async def offer(request: web.Request) -> web.Response:
    """Answer an offer by an echo."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    PEERS.add(peer)

    def on_track(track: MediaStreamTrack) -> None:
        peer.addTrack(track)

    peer.on("track", on_track)
    text = await request.text()
    await peer.setRemoteDescription(RTCSessionDescription(text, "offer"))
    await peer.setLocalDescription(await peer.createAnswer())
    return web.Response(
        status=201, text=peer.localDescription.sdp, content_type="application/sdp"
    )


async def ready(_request: web.Request) -> web.Response:
    """Say that it listens."""
    return web.Response(text="ok")


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    aiortc_seams.include_loopback()  # addresses only: the media path stays stock
    app = web.Application()
    app.router.add_post("/v1/realtime/calls", offer)
    app.router.add_get("/readyz", ready)
    web.run_app(app, host="127.0.0.1", port=port, print=None)


if __name__ == "__main__":
    main()

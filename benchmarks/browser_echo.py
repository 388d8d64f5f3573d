"""Check a WebRTC server with a real browser whose microphone plays a WAV file.

Headless Chromium opens a page served by this tool, sends its (fake) microphone
over RTCPeerConnection, plays and records what comes back, and reports getStats.

    browser_echo.py                                    # self-test: built-in aiortc echo
    browser_echo.py --offer-url http://127.0.0.1:8080/v1/realtime/calls \\
        --offer-format sdp --bearer TOKEN --channel oai-events --expect audio
    browser_echo.py --serve --port 8099                # only the built-in echo server

What must come back (--expect):
    echo     the microphone's own sound: windowed cross-correlation >= --min-corr
    audio    any sound louder than --min-db, from the server's own voice
    connect  nothing; the connection has to reach "connected"

Offer formats: "json" posts {"sdp","type"} and reads the same back; "sdp" posts raw
SDP as application/sdp and reads raw SDP back (201 and Location are reported).  The
page posts through this tool, so the target needs no CORS; --direct posts from the
page itself, to test CORS.  Exit status: 0 passed, 1 heard but wrong, 2 timed out,
3 error in the page.  Impaired networks: --bind 10.88.0.1 and
--chrome-prefix "ip netns exec nsB" together with tunnetem.py.

Needs numpy, aiohttp, aiortc and a Chromium binary.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import wave
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
from aiohttp import web
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)

RATE = 48000

PAGE = r"""<!doctype html><meta charset=utf-8><title>echo</title>
<audio id=out autoplay></audio><script type=module>
const cfg = __CONFIG__;
const log = [], events = [];
const note = m => log.push([performance.now() | 0, m]);
async function post(report) {
  report.log = log; report.events = events;
  await fetch('/report', {method: 'POST', body: JSON.stringify(report)});
}
addEventListener('unhandledrejection',
  e => post({error: String(e.reason && e.reason.stack || e.reason)}));
addEventListener('error', e => post({error: e.message}));
const pause = ms => new Promise(done => setTimeout(done, ms));

async function exchange(description) {
  const type = cfg.format === 'sdp' ? 'application/sdp' : 'application/json';
  const headers = {'content-type': type};
  if (cfg.direct && cfg.bearer) headers.authorization = 'Bearer ' + cfg.bearer;
  const body = cfg.format === 'sdp' ? description.sdp : JSON.stringify(description);
  const reply = await fetch(cfg.url, {method: 'POST', headers, body});
  note('offer answered ' + reply.status + ' location ' + reply.headers.get('location'));
  const text = await reply.text();
  if (!reply.ok) throw new Error(`refused: ${reply.status} ${text.slice(0, 300)}`);
  return cfg.format === 'sdp' ? {type: 'answer', sdp: text} : JSON.parse(text);
}

const mic = await navigator.mediaDevices.getUserMedia(
  {audio: {echoCancellation: false, noiseSuppression: false, autoGainControl: false}});
const t0 = performance.now();
const pc = new RTCPeerConnection();
pc.onconnectionstatechange = () => note('connection ' + pc.connectionState);
const gotTrack = new Promise(done => {
  pc.ontrack = e => done(new MediaStream([e.track]));
});
mic.getTracks().forEach(track => pc.addTrack(track, mic));
if (cfg.channel) {
  const channel = pc.createDataChannel(cfg.channel);
  channel.onopen = () => {
    note('channel open');
    cfg.send.forEach(text => channel.send(text));
  };
  channel.onmessage = e => {
    let kind = 'text';
    try { kind = JSON.parse(e.data).type; } catch {}
    events.push([performance.now() | 0, kind]);
  };
}
await pc.setLocalDescription(await pc.createOffer());
for (let i = 0; pc.iceGatheringState !== 'complete' && i < 300; i++) await pause(10);
await pc.setRemoteDescription(await exchange(pc.localDescription));
const remote = await Promise.race([gotTrack, pause(10000)]);
if (!remote) throw new Error('no remote track');
document.getElementById('out').srcObject = remote;  // without it WebAudio hears silence
for (let i = 0; pc.connectionState !== 'connected' && i < 1500; i++) await pause(10);
const connectMs = performance.now() - t0;
const connected = pc.connectionState === 'connected';

const ctx = new AudioContext({sampleRate: 48000});
await ctx.resume();
const source = `registerProcessor('rec', class extends AudioWorkletProcessor {
  process(inputs) {
    const silence = new Float32Array(128);
    this.port.postMessage([0, 1].map(i => (inputs[i][0] || silence).slice(0)));
    return true;
  } })`;
const module = URL.createObjectURL(new Blob([source], {type: 'text/javascript'}));
await ctx.audioWorklet.addModule(module);
const shape = {numberOfInputs: 2, numberOfOutputs: 0, channelCount: 1};
const recorder = new AudioWorkletNode(ctx, 'rec',
  {...shape, channelCountMode: 'explicit'});
const sent = [], heard = [];
recorder.port.onmessage = e => { sent.push(e.data[0]); heard.push(e.data[1]); };
ctx.createMediaStreamSource(mic).connect(recorder, 0, 0);
ctx.createMediaStreamSource(remote).connect(recorder, 0, 1);
await pause(cfg.seconds * 1000);

const stats = {};
(await pc.getStats()).forEach(s => {
  if (['inbound-rtp', 'outbound-rtp'].includes(s.type)) stats[s.type] = s; });
function pack(blocks) {
  const pcm = new Int16Array(blocks.length * 128);
  let k = 0;
  for (const block of blocks)
    for (const x of block) pcm[k++] = Math.max(-1, Math.min(1, x)) * 32767;
  const bytes = new Uint8Array(pcm.buffer);
  let text = '';
  for (let i = 0; i < bytes.length; i += 32768)
    text += String.fromCharCode.apply(null, bytes.subarray(i, i + 32768));
  return btoa(text);
}
const agent = navigator.userAgent;
await post({agent, connected, connectMs, stats, mic: pack(sent), heard: pack(heard)});
pc.close();
</script>"""


class Echo(MediaStreamTrack):
    """Sends back every frame it receives and remembers their spacing."""

    kind = "audio"

    def __init__(self, source: MediaStreamTrack) -> None:
        super().__init__()
        self.source = source
        self.frames = 0
        self.gaps: list[float] = []
        self.last: float | None = None

    async def recv(self) -> Any:
        frame = await self.source.recv()
        now = time.perf_counter()
        if self.last is not None:
            self.gaps.append(now - self.last)
        self.last = now
        self.frames += 1
        return frame


class Tool:
    """The page, the report sink, the offer relay and the built-in echo server."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.report: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.peers: list[RTCPeerConnection] = []
        self.echoes: list[Echo] = []

    def app(self) -> web.Application:
        app = web.Application(client_max_size=128 << 20)
        app.router.add_get("/", self.page)
        app.router.add_post("/report", self.take_report)
        app.router.add_post("/relay", self.relay)
        app.router.add_post("/offer", self.offer_json)
        app.router.add_post("/v1/realtime/calls", self.offer_sdp)
        return app

    async def page(self, _request: web.Request) -> web.Response:
        args = self.args
        url = (
            (args.offer_url if args.direct else "/relay")
            if args.offer_url
            else "/offer"
        )
        if not args.offer_url and args.offer_format == "sdp":
            url = "/v1/realtime/calls"
        config = {
            "url": url,
            "format": args.offer_format,
            "direct": args.direct,
            "bearer": args.bearer if args.direct else "",
            "seconds": args.seconds,
            "channel": args.channel,
            "send": args.send,
        }
        return web.Response(
            text=PAGE.replace("__CONFIG__", json.dumps(config)),
            content_type="text/html",
        )

    async def take_report(self, request: web.Request) -> web.Response:
        report = json.loads(await request.text())
        if not self.report.done():
            self.report.set_result(report)
        return web.Response(text="ok")

    async def relay(self, request: web.Request) -> web.Response:
        """Forward the page's offer to --offer-url, adding the bearer token."""
        headers = {
            "Content-Type": request.headers.get("Content-Type", "application/sdp")
        }
        if self.args.bearer:
            headers["Authorization"] = f"Bearer {self.args.bearer}"
        async with (
            aiohttp.ClientSession() as client,
            client.post(
                self.args.offer_url, data=await request.read(), headers=headers
            ) as reply,
        ):
            keep = {
                k: v
                for k, v in reply.headers.items()
                if k.lower() in ("location", "content-type")
            }
            return web.Response(
                status=reply.status, body=await reply.read(), headers=keep
            )

    async def answer(self, sdp: str) -> str:
        # An explicit empty list: aiortc's default would contact a public STUN server.
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.peers.append(peer)

        @peer.on("track")
        def on_track(track: MediaStreamTrack) -> None:
            echo = Echo(track)
            self.echoes.append(echo)
            peer.addTrack(echo)

        @peer.on("datachannel")
        def on_channel(channel: Any) -> None:
            channel.send(json.dumps({"type": "echo.hello"}))

        await peer.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return peer.localDescription.sdp

    async def offer_json(self, request: web.Request) -> web.Response:
        body = await request.json()
        return web.json_response(
            {"sdp": await self.answer(body["sdp"]), "type": "answer"}
        )

    async def offer_sdp(self, request: web.Request) -> web.Response:
        return web.Response(
            status=201,
            text=await self.answer(await request.text()),
            content_type="application/sdp",
            headers={"Location": "/v1/realtime/calls/rtc_echo"},
        )

    async def close(self) -> None:
        for peer in self.peers:
            await peer.close()


def make_wav(path: Path, seconds: int = 4) -> None:
    """Write tone and noise bursts: an unambiguous pattern that loops in the browser."""
    rng = np.random.default_rng(1)
    t = np.arange(RATE * seconds) / RATE
    x = np.zeros_like(t)
    for second, tone in enumerate((440, 660, 880, 550)[:seconds]):
        burst = (t >= second + 0.1) & (t < second + 0.6)
        x[burst] = 0.35 * np.sin(2 * np.pi * tone * t[burst])
        noise = (t >= second + 0.7) & (t < second + 0.8)
        x[noise] = 0.25 * rng.standard_normal(noise.sum()).clip(-2, 2) / 2
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((x * 32767).astype("<i2").tobytes())


def chrome_command(
    args: argparse.Namespace, wav: Path, profile: Path, url: str
) -> list[str]:
    flags = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--metrics-recording-only",
        "--mute-audio",
        "--autoplay-policy=no-user-gesture-required",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={wav}{'%noloop' if args.no_loop else ''}",
        "--disable-features=WebRtcHideLocalIpsWithMdns,AudioServiceSandbox",
        f"--unsafely-treat-insecure-origin-as-secure={url.rstrip('/')}",
        f"--user-data-dir={profile}",
    ]
    return [*args.chrome_prefix.split(), args.chrome, *flags, *args.extra.split(), url]


def decode(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), "<i2").astype(np.float32) / 32768


def correlate(mic: np.ndarray, heard: np.ndarray) -> tuple[list[float], list[float]]:
    """Correlation and lag (ms) of each half-second window after a second of warm-up.

    The browser's receiver stretches time while its buffer adapts, so one global
    correlation would be misleading: every window finds its own lag.
    """
    size, reach = RATE // 2, RATE
    scores, lags = [], []
    for start in range(RATE, len(mic) - size - reach, size // 2):
        window = mic[start : start + size]
        if window.std() < 0.02:
            continue
        span = heard[start : start + size + reach]
        length = 1 << (len(span) + size).bit_length()
        product = np.fft.rfft(span, length) * np.conj(np.fft.rfft(window, length))
        cross = np.fft.irfft(product, length)[:reach]
        lag = int(cross.argmax())
        norm = np.linalg.norm(window) * np.linalg.norm(span[lag : lag + size]) + 1e-9
        scores.append(float(cross[lag] / norm))
        lags.append(lag / RATE * 1000)
    return scores, lags


def loudest_db(x: np.ndarray, window: int = RATE // 10) -> float:
    """Level of the loudest 100 ms, in dB below full scale."""
    if len(x) < window:
        return -120.0
    power = (x[: len(x) // window * window].reshape(-1, window) ** 2).mean(axis=1)
    return float(10 * np.log10(power.max() + 1e-12))


def judge(
    report: dict[str, Any], tool: Tool, args: argparse.Namespace
) -> dict[str, Any]:
    mic, heard = decode(report.pop("mic")), decode(report.pop("heard"))
    size = min(len(mic), len(heard))
    mic, heard = mic[:size], heard[:size]
    scores, lags = correlate(mic, heard)
    score = float(np.median(scores)) if scores else 0.0
    level = loudest_db(heard)
    passed = (
        report["connected"]
        and {
            "connect": True,
            "audio": level >= args.min_db,
            "echo": score >= args.min_corr and level >= args.min_db,
        }[args.expect]
    )
    inbound = report["stats"].get("inbound-rtp", {})
    emitted = max(1, inbound.get("jitterBufferEmittedCount", 1))
    total = max(1, inbound.get("totalSamplesReceived", 1))
    gaps = [1000 * g for echo in tool.echoes for g in echo.gaps]
    return {
        "ok": bool(passed),
        "expect": args.expect,
        "connect_ms": round(report["connectMs"]),
        "heard_db": round(level, 1),
        "window_corr_p50": round(score, 3),
        "window_lag_ms_p50": round(float(np.median(lags)), 1) if lags else None,
        "window_lag_ms_max": round(max(lags), 1) if lags else None,
        "windows": len(scores),
        "recorded_s": round(size / RATE, 2),
        "packets_sent": report["stats"].get("outbound-rtp", {}).get("packetsSent"),
        "packets_received": inbound.get("packetsReceived"),
        "packets_lost": inbound.get("packetsLost"),
        "jitter_s": inbound.get("jitter"),
        "jitter_buffer_ms": round(
            1000 * inbound.get("jitterBufferDelay", 0) / emitted, 1
        ),
        "concealed": round(inbound.get("concealedSamples", 0) / total, 4),
        "events": [name for _, name in report["events"]],
        "server_frames": [echo.frames for echo in tool.echoes],
        "server_gap_ms_p99": round(float(np.percentile(gaps, 99)), 1) if gaps else None,
        "agent": report["agent"],
    }


async def browse(
    args: argparse.Namespace, tool: Tool, url: str, folder: Path
) -> dict[str, Any] | None:
    """Run the browser once; returns the page's report, or None after a timeout."""
    wav = args.wav or folder / "mic.wav"
    if not args.wav:
        make_wav(wav)
    chrome_log = folder / "chrome.log"
    with chrome_log.open("wb") as log:
        command = chrome_command(args, wav, folder / "profile", url)
        browser = await asyncio.create_subprocess_exec(
            *command,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
    try:
        return await asyncio.wait_for(tool.report, args.seconds + 40)
    except TimeoutError:
        print("timed out; end of the browser's log:", file=sys.stderr)
        print(chrome_log.read_text(errors="replace")[-2000:], file=sys.stderr)
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(browser.pid, signal.SIGTERM)
        await browser.wait()


def save(path: Path, result: dict[str, Any]) -> None:
    path.write_text(json.dumps(result, indent=1) + "\n")


async def run(args: argparse.Namespace) -> int:
    tool = Tool(args)
    runner = web.AppRunner(tool.app())
    await runner.setup()
    await web.TCPSite(runner, args.bind, args.port).start()
    url = f"http://{args.bind}:{runner.addresses[0][1]}/"
    folder = Path(tempfile.mkdtemp(prefix="browser_echo"))
    try:
        if args.serve:
            print(url, flush=True)
            await asyncio.Event().wait()
        report = await browse(args, tool, url, folder)
    finally:
        await tool.close()
        await runner.cleanup()
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if report is None:
        return 2
    for at, line in report.get("log", []):
        print(f"  {at:6d} ms  {line}", file=sys.stderr)
    if report.get("error"):
        print("page error:", report["error"], file=sys.stderr)
        return 3
    result = judge(report, tool, args)
    print(json.dumps(result, indent=1))
    if args.json:
        save(args.json, result)
    return 0 if result["ok"] else 1


def absolute(text: str) -> Path:
    return Path(text).resolve()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--offer-url",
        help="endpoint of the server under test; default: the built-in echo",
    )
    add("--offer-format", choices=("json", "sdp"), default="json")
    add("--bearer", default="", help="token sent as Authorization: Bearer")
    add(
        "--direct",
        action="store_true",
        help="let the page post the offer itself (tests CORS)",
    )
    add(
        "--channel",
        default="",
        help="create a data channel with this label, e.g. oai-events",
    )
    add(
        "--send",
        action="append",
        default=[],
        help="text to send when the channel opens",
    )
    add("--expect", choices=("echo", "audio", "connect"), default="echo")
    add("--min-corr", type=float, default=0.75)
    add("--min-db", type=float, default=-40.0)
    add("--seconds", type=float, default=6.0)
    add("--wav", type=absolute, help="WAV for the fake microphone (16-bit mono)")
    add(
        "--no-loop", action="store_true", help="play the WAV once instead of looping it"
    )
    add("--chrome", default=shutil.which("chromium") or "chromium")
    add("--chrome-prefix", default="", help='e.g. "ip netns exec nsB"')
    add("--extra", default="", help="more browser flags, space separated")
    add("--bind", default="127.0.0.1", help="address of this tool's own page")
    add("--port", type=int, default=0)
    add("--serve", action="store_true", help="only run the built-in echo server")
    add("--json", type=Path, help="also write the result to this file")
    add("--keep", action="store_true", help="keep the temporary folder")
    args = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        return asyncio.run(run(args))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A real browser's echo through impaired networks: our media path and stock aiortc's.

Chromium speaks a recording in one network namespace, a server echoes it in another;
between them packets are delayed, lost, doubled and swapped. *Lag* is from the
browser's microphone to its loudspeaker, *correlation* how alike the two are in half
seconds, *concealed* what the browser made up; *microphone* is how the browser's audio
fared at our server.

Needs root, /dev/net/tun and Chromium.

    python -m benchmarks.media_browser [--seconds 12]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import plots
from benchmarks.figures import RESULTS, write
from benchmarks.processes import machine

SERVER, PORT, PAGE_PORT = "10.88.0.1", "45980", "45981"
NETWORKS = {
    "40 ms": "--delay 40",
    "40±10 ms, 5 % lost": "--delay 40 --jitter 10 --loss 0.05",
    "bursts": "--delay 20 --burst 0.02,0.3,0.9",
    "40±10 ms, reordered, 2 % lost, 2 % doubled": (
        "--delay 40 --jitter 10 --unordered --loss 0.02 --dup 0.02"
    ),
    "2 s of blackout": "--delay 20 --blackout 14:16",
}
TOLD = {
    "window_corr_p50": "correlation",
    "window_lag_ms_p50": "lag_p50_ms",
    "window_lag_ms_max": "lag_max_ms",
    "packets_lost": "lost_by_browser",
    "jitter_buffer_ms": "browser_buffer_ms",
    "concealed": "concealed",
    "connect_ms": "connect_ms",
}
# How what the browser sent fared at the server: its error correction included.
MICROPHONE = ("received", "lost", "late", "recovered_ms", "concealed_ms", "jitter_ms")
START_S = 5.0  # for a server to load


def within(path: str, seconds: str, output: str) -> int:
    """Run server and browser in the two namespaces; called by ``tunnetem``."""
    here = ["ip", "netns", "exec", "nsA", sys.executable, "-m"]
    echo = [*here, "benchmarks.browser_echo", "--bind", SERVER, "--port", PAGE_PORT]
    echo += ["--chrome-prefix", "ip netns exec nsB", "--min-corr", "0.5"]
    echo += ["--seconds", seconds, "--json", output]
    if path == "stock":
        time.sleep(START_S)  # blackouts are at the same place in both
        return subprocess.run(echo, check=False).returncode
    peer = [*here, "benchmarks.media_peer", "--host", SERVER, "--port", PORT]
    peer += ["--path", "echo", "--report", output + ".microphone"]
    server = subprocess.Popen(peer)
    try:
        time.sleep(START_S)
        url = f"http://{SERVER}:{PORT}/v1/realtime/calls"
        echo += ["--offer-url", url, "--offer-format", "sdp"]
        return subprocess.run(echo, check=False).returncode
    finally:
        server.terminate()
        server.wait(10)


def measured(path: str, impairment: str, seconds: float) -> dict[str, float]:
    """Return what the browser saw; empty if it saw nothing."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "seen.json"
        tunnel = [sys.executable, "-m", "benchmarks.tunnetem", *impairment.split()]
        inside = [sys.executable, "-m", "benchmarks.media_browser"]
        inside += ["--within", path, "--seconds", str(seconds), "-o", str(output)]
        subprocess.run(
            [*tunnel, "--", *inside],
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        if not output.is_file():
            return {}
        seen = json.loads(output.read_text())
        found = {name: seen[key] for key, name in TOLD.items() if key in seen}
        microphone = output.with_suffix(".json.microphone")
        if microphone.is_file():
            fared = json.loads(microphone.read_text())
            found |= {f"microphone_{name}": fared[name] for name in MICROPHONE}
    return found


def main() -> int:
    """Measure every network and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--within", choices=("ours", "stock"), help=argparse.SUPPRESS)
    results = RESULTS / "media_browser.json"
    parser.add_argument("-o", "--output", type=Path, default=results)
    args = parser.parse_args()
    if args.within:
        return within(args.within, str(args.seconds), str(args.output))
    table: dict[str, dict[str, dict[str, float]]] = {}
    for name, impairment in NETWORKS.items():
        table[name] = {}
        for path in ("ours", "stock"):
            table[name][path] = measured(path, impairment, args.seconds)
            print(f"{name:45} {path:6}", table[name][path], flush=True)
    result = {"machine": machine(), "networks": table}
    write(args.output, result)
    plots.browser(result, args.output.with_suffix(".svg"))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

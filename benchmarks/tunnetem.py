"""Impair IP traffic between two network namespaces without the kernel's sch_netem.

Two namespaces are joined by a pair of TUN devices; this process carries every
packet from one to the other and applies, per direction: loss (uniform or
Gilbert-Elliott bursts), delay, jitter, duplication, reordering, a rate limit
with a bounded queue, and scripted blackouts.  All randomness is seeded.

    tunnetem.py --delay 40 --jitter 10 --loss 0.05 -- CMD [ARGS...]

Addresses: 10.88.0.1 inside namespace A, 10.88.0.2 inside namespace B.  CMD runs
in the calling namespace; put parts of it inside with `ip netns exec nsA ...`.
When CMD ends, the namespaces are removed, a JSON summary goes to stderr and the
exit status is CMD's.  With --ctl PATH, a JSON object sent to that unix datagram
socket changes the impairment while running, e.g. {"loss": 0.2}.

Needs root, /dev/net/tun, ip(8) and Linux; Python standard library only.
"""

from __future__ import annotations

import argparse
import collections
import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from typing import Any

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
ADDR_A, ADDR_B = "10.88.0.1", "10.88.0.2"
DEVICE = "tn0"


def run_ip(*args: str) -> None:
    """Run one ip(8) command and fail loudly."""
    subprocess.run(["ip", *args], check=True)


def open_tun(namespace: str) -> int:
    """Create the TUN device inside `namespace` and return its descriptor."""
    libc = ctypes.CDLL("libc.so.6", use_errno=True)
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if libc.setns(there, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(
                fd,
                TUNSETIFF,
                struct.pack("16sH14x", DEVICE.encode(), IFF_TUN | IFF_NO_PI),
            )
        finally:
            if libc.setns(here, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns back")
    finally:
        os.close(here)
        os.close(there)
    return fd


class Direction:
    """One direction of the link: decides when (and whether) each packet leaves."""

    def __init__(self, config: dict[str, Any], seed: int) -> None:
        self.config = config
        self.random = random.Random(seed)
        self.in_burst = False
        self.last_release = 0.0
        self.line_free = 0.0
        self.stats = {"rx": 0, "lost": 0, "queue_drop": 0, "dup": 0, "tx": 0}

    def schedule(self, now: float, size: int, start: float) -> list[float]:
        """Release times of one packet of `size` bytes; empty means dropped."""
        cfg, rnd = self.config, self.random
        self.stats["rx"] += 1
        if any(b[0] <= now - start < b[1] for b in cfg.get("blackout") or []):
            self.stats["lost"] += 1
            return []
        if cfg.get("burst"):
            to_bad, to_good, loss_in_bad = cfg["burst"]
            roll = rnd.random()
            self.in_burst = roll >= to_good if self.in_burst else roll < to_bad
            if self.in_burst and rnd.random() < loss_in_bad:
                self.stats["lost"] += 1
                return []
        if rnd.random() < cfg.get("loss", 0):
            self.stats["lost"] += 1
            return []
        at = now
        if cfg.get("rate_kbit"):
            begin = max(now, self.line_free)
            if begin - now > cfg.get("queue_ms", 200) / 1000:
                self.stats["queue_drop"] += 1
                return []
            self.line_free = at = begin + size * 8 / (cfg["rate_kbit"] * 1000)
        delay, jitter = cfg.get("delay", 0) / 1000, cfg.get("jitter", 0) / 1000
        if rnd.random() >= cfg.get("reorder", 0):
            at += max(0.0, rnd.gauss(delay, jitter)) if jitter else delay
        if not cfg.get("unordered"):
            at = max(at, self.last_release)
            self.last_release = at
        times = [at]
        if rnd.random() < cfg.get("dup", 0):
            self.stats["dup"] += 1
            times.append(at + 0.0005)
        return times


def floats(text: str, sep: str, count: int) -> list[float]:
    """Parse `count` floats separated by `sep`."""
    values = [float(x) for x in text.split(sep)]
    if len(values) != count:
        raise argparse.ArgumentTypeError(f"want {count} numbers separated by '{sep}'")
    return values


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--a", default="nsA", help="name of namespace A")
    add("--b", default="nsB", help="name of namespace B")
    add("--delay", type=float, default=0, help="one-way delay, ms")
    add("--jitter", type=float, default=0, help="standard deviation of the delay, ms")
    add("--loss", type=float, default=0, help="loss probability 0..1, each way")
    add(
        "--burst",
        type=lambda s: floats(s, ",", 3),
        help="Gilbert-Elliott: to_bad,to_good,loss_in_bad",
    )
    add("--dup", type=float, default=0, help="duplication probability")
    add(
        "--reorder",
        type=float,
        default=0,
        help="probability of skipping the delay (use with --unordered)",
    )
    add("--unordered", action="store_true", help="let jitter reorder packets")
    add("--rate-kbit", type=float, default=0, help="line rate, kbit/s (0 = unlimited)")
    add("--queue-ms", type=float, default=200, help="queue bound under --rate-kbit, ms")
    add(
        "--blackout",
        type=lambda s: floats(s, ":", 2),
        action="append",
        default=[],
        metavar="START:END",
        help="drop everything in this interval, s after start; repeatable",
    )
    add(
        "--ctl", help="unix datagram socket for live changes (JSON object per datagram)"
    )
    add("--seed", type=int, default=1)
    add("cmd", nargs="+", help="command to run, after --")
    return parser.parse_args()


class Link:
    """Both directions, the packets under way and the live control socket."""

    def __init__(self, config: dict[str, Any], seed: int, fds: tuple[int, int]) -> None:
        fd_a, fd_b = fds
        self.config = config
        self.ends = {
            fd_a: (fd_b, Direction(config, seed)),
            fd_b: (fd_a, Direction(config, seed + 1)),
        }
        self.queue: list[tuple[Any, ...]] = []
        self.order = 0
        self.lateness: collections.deque[float] = collections.deque(maxlen=200_000)
        self.start = time.monotonic()

    def control(self, ctl: socket.socket) -> None:
        """Apply one JSON object to the running configuration."""
        try:
            self.config.update(json.loads(ctl.recv(65536)))
        except (ValueError, TypeError) as error:
            print(f"tunnetem: bad control message: {error}", file=sys.stderr)

    def read(self, fd: int) -> None:
        """Take every waiting packet of one end and schedule it."""
        target, direction = self.ends[fd]
        while True:
            try:
                packet = os.read(fd, 65536)
            except BlockingIOError:
                return
            now = time.monotonic()
            for at in direction.schedule(now, len(packet), self.start):
                self.order += 1
                heapq.heappush(self.queue, (at, self.order, target, packet, direction))

    def release(self) -> None:
        """Write every packet whose time has come."""
        now = time.monotonic()
        while self.queue and self.queue[0][0] <= now + 0.0002:
            at, _, target, packet, direction = heapq.heappop(self.queue)
            self.lateness.append(now - at)
            try:
                os.write(target, packet)
                direction.stats["tx"] += 1
            except OSError:
                direction.stats["queue_drop"] += 1

    def wait_s(self) -> float:
        if not self.queue:
            return 0.25
        due_s: float = self.queue[0][0]
        return max(0.0, min(0.25, due_s - time.monotonic()))

    def run(
        self, proc: subprocess.Popen[bytes], ctl: socket.socket | None
    ) -> dict[str, Any]:
        """Carry packets until the command ends; returns the summary."""
        poller = select.epoll()
        for fd in self.ends:
            poller.register(fd, select.EPOLLIN)
        if ctl:
            poller.register(ctl.fileno(), select.EPOLLIN)
        while proc.poll() is None:
            for fd, _ in poller.poll(self.wait_s()):
                if fd in self.ends:
                    self.read(fd)
                elif ctl:
                    self.control(ctl)
            self.release()
        return self.summary()

    def summary(self) -> dict[str, Any]:
        late = sorted(self.lateness)
        points = [late[int(len(late) * q)] for q in (0.5, 0.99)] if late else []
        a2b, b2a = (direction.stats for _, direction in self.ends.values())
        return {
            "a2b": a2b,
            "b2a": b2a,
            "late_ms_p50_p99": [round(1000 * point, 2) for point in points],
        }


def main() -> int:
    args = parse_args()
    config = {
        "delay": args.delay,
        "jitter": args.jitter,
        "loss": args.loss,
        "dup": args.dup,
        "reorder": args.reorder,
        "rate_kbit": args.rate_kbit,
        "queue_ms": args.queue_ms,
        "unordered": args.unordered,
        "burst": args.burst,
        "blackout": args.blackout,
    }
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    made: list[str] = []
    proc = ctl = None
    try:
        for namespace in (args.a, args.b):
            run_ip("netns", "add", namespace)
            made.append(namespace)
            run_ip("-n", namespace, "link", "set", "lo", "up")
        fd_a, fd_b = open_tun(args.a), open_tun(args.b)
        for namespace, mine, peer in (
            (args.a, ADDR_A, ADDR_B),
            (args.b, ADDR_B, ADDR_A),
        ):
            run_ip("-n", namespace, "addr", "add", mine, "peer", peer, "dev", DEVICE)
            run_ip("-n", namespace, "link", "set", DEVICE, "mtu", "1400", "up")
            run_ip("-n", namespace, "route", "add", "default", "via", peer)
        if args.ctl:
            ctl = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            ctl.bind(args.ctl)
            ctl.setblocking(False)
        proc = subprocess.Popen(args.cmd)
        summary = Link(config, args.seed, (fd_a, fd_b)).run(proc, ctl)
        print("tunnetem", json.dumps(summary), file=sys.stderr)
        return proc.returncode
    finally:
        if proc and proc.poll() is None:
            proc.terminate()
            proc.wait(10)
        for namespace in made:
            subprocess.run(["ip", "netns", "del", namespace], check=False)
        if ctl and os.path.exists(args.ctl):
            os.unlink(args.ctl)


if __name__ == "__main__":
    sys.exit(main())

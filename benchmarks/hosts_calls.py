"""How many calls two hosts hold against one, where each machine is one core.

A machine is a core of this one: on it run a host with stub engines and real voice
activity, the host's node of Ray, and half of all callers (real WebRTC on loopback,
paced, human recordings), which call both hosts by turns; two random choices do the
rest. So both sides have for each core the same to do, and what two hosts have between
them, offers passed on, beats, Ray's own, is in it. One host with its callers has the
first core, and nobody has the second.

A step is *held* if no more than one in fifty questions is without an answer, and the
95th percentile of replies begins at most 60 ms after the configured silence; one that
is not is done once more, and judged by both. Where a call is refused for some seconds
those that were taken are the last step. Between the last held and the first that is
not, the line between their percentiles says how many calls it would be. Beside it: CPU
seconds of hosts and of callers for each second of a call.

    python -m benchmarks.hosts_calls [--first 12] [--step 5] [--last 37]   # per core
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.conversation import STUB_CONFIG
from benchmarks.drawing import plt
from benchmarks.figures import RESULTS, write
from benchmarks.processes import Server, machine, serving
from tests.cluster.ray_nodes import Nodes, cluster_nodes
from tests.e2e.running import free_port

RESULT = RESULTS / "hosts_calls.json"
LIMIT_MS = 60.0
UNANSWERED = 0.02
AIM = 1.9
JOIN_LIMIT_S = 60.0
HOST = """
workers = 1
max_calls_per_address = 0
[cluster]
address = "{address}"
[cluster.calls]
host = "{name}"
url = "http://127.0.0.1:{port}"
secret_env = "VS_SECRET"
"""


@dataclass
class Step:
    """What so many calls were like.

    Attributes:
        calls: At all hosts, those that were taken.
        after_silence_ms: Of each reply.
        unanswered: Questions.
        refused: Calls.
        hosts_cpu_s: Of all processes of the hosts, for each second of a call.
        callers_cpu_s: And of the callers.
        ray_cores: In use by the nodes of Ray.
        at: Calls by host.
    """

    calls: int
    after_silence_ms: list[float] = field(default_factory=list)
    unanswered: int = 0
    refused: int = 0
    hosts_cpu_s: float = 0.0
    callers_cpu_s: float = 0.0
    ray_cores: float = 0.0
    at: dict[str, int] = field(default_factory=dict)

    @property
    def p95_ms(self) -> float:
        """Of replies, after the silence."""
        return float(np.percentile(self.after_silence_ms or [1e9], 95))

    @property
    def held(self) -> bool:
        """Whether all was well."""
        most = UNANSWERED * (len(self.after_silence_ms) + self.unanswered)
        return self.unanswered <= most and self.p95_ms <= LIMIT_MS

    def with_more(self, again: Step) -> Step:
        """The same, done once more."""
        both = {
            name: (getattr(self, name) + getattr(again, name)) / 2
            for name in ("hosts_cpu_s", "callers_cpu_s", "ray_cores")
        }
        return Step(
            self.calls,
            self.after_silence_ms + again.after_silence_ms,
            self.unanswered + again.unanswered,
            again.refused,
            at=again.at,
            **both,
        )

    def told(self) -> dict[str, Any]:
        """As JSON."""
        rest = asdict(self)
        ms = rest.pop("after_silence_ms")
        percentiles = {f"p{n}": round(float(np.percentile(ms, n)), 1) for n in (50, 95)}
        found = {k: round(v, 4) if isinstance(v, float) else v for k, v in rest.items()}
        return found | {"after_silence_ms": percentiles | {"n": len(ms)}}


@contextmanager
def pinned(core: int) -> Iterator[None]:
    """What is started inside has this core alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def host_on(core: int, name: str, nodes: Nodes) -> Iterator[Server]:
    """Run a host inside."""
    port = free_port()
    text = HOST.format(address=nodes.address, name=name, port=port)
    config = STUB_CONFIG.replace("max_calls = 16", "max_calls = 512") + text
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(config)
        file.flush()
        command = ["-m", "voiceserver", "serve", "--config", file.name]
        with ExitStack() as stack:
            with pinned(core):
                server = stack.enter_context(serving(command, port=port))
            yield server


@contextmanager
def callers_on(core: int, urls: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """Run callers inside."""
    command = [sys.executable, "-m", "benchmarks.hosts_callers", *urls]
    with pinned(core):
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
    with process:
        assert process.stdin is not None
        yield process
        process.stdin.close()


def ask(
    crowds: Sequence[subprocess.Popen[str]], calls: int, talk: bool
) -> list[dict[str, Any]]:
    """Have all crowds do the same at once; return what each tells."""
    share = calls // len(crowds)
    for crowd in crowds:
        assert crowd.stdin is not None
        crowd.stdin.write(json.dumps({"calls": share, "talk": talk}) + "\n")
        crowd.stdin.flush()
    answers = []
    for crowd in crowds:
        assert crowd.stdout is not None
        answers.append(json.loads(crowd.stdout.readline()))
    return answers


def cpu_s(nodes: Nodes) -> float:
    """CPU time of all processes of Ray."""
    family = psutil.Process(nodes.pid).children(recursive=True)
    return sum(sum(process.cpu_times()[:2]) for process in family)


def one_step(
    nodes: Nodes,
    servers: Sequence[Server],
    crowds: Sequence[subprocess.Popen[str]],
    calls: int,
) -> Step:
    """Hold so many calls, and have all ask."""
    ask(crowds, calls, talk=False)
    before = [server.cost() for server in servers]
    ray_s = cpu_s(nodes)
    told = ask(crowds, calls, talk=True)
    after = [server.cost() for server in servers]
    ray_s = cpu_s(nodes) - ray_s
    took_s = after[0].at_s - before[0].at_s
    used_s = sum(b.all_cpu_s - a.all_cpu_s for a, b in zip(before, after, strict=True))
    talked_s = max(one["took_s"] for one in told)
    calls = sum(one["calls"] for one in told)
    at: Counter[str] = Counter()
    for one in told:
        at.update(one["at"])
    return Step(
        calls,
        [ms for one in told for ms in one["after_silence_ms"]],
        sum(one["unanswered"] for one in told),
        sum(one["refused"] for one in told),
        used_s / (calls * took_s),
        sum(one["cpu_s"] for one in told) / (calls * talked_s),
        ray_s / took_s,
        dict(at),
    )


def steps_of(n_hosts: int, per_core: Sequence[int]) -> list[Step]:
    """Hold ever more calls by so many hosts, up to the first step that is not held."""
    found: list[Step] = []
    with ExitStack() as stack:
        cores = sorted(os.sched_getaffinity(0))[:n_hosts]
        nodes = stack.enter_context(cluster_nodes(*cores))
        os.environ.update(nodes.environment, VS_SECRET="a secret that all hosts share")
        servers = [
            stack.enter_context(host_on(core, f"h{core}", nodes)) for core in cores
        ]
        joined(servers)
        urls = [server.url for server in servers]
        crowds = [stack.enter_context(callers_on(core, urls)) for core in cores]
        for share in per_core:
            step = one_step(nodes, servers, crowds, n_hosts * share)
            if not step.held:
                again = one_step(nodes, servers, crowds, n_hosts * share)
                step = step.with_more(again)
            found.append(step)
            print(f"{n_hosts} hosts: {json.dumps(step.told())}", flush=True)
            if step.refused or not step.held:
                break
    return found


def joined(servers: Sequence[Server]) -> None:
    """Wait until each host knows all with their room."""
    until_s = time.monotonic() + JOIN_LIMIT_S
    for server in servers:
        while True:
            with urllib.request.urlopen(f"{server.url}/v1/hosts", timeout=10) as reply:
                rows = json.load(reply)["data"]
            if sum(row["free"] > 0 for row in rows) == len(servers):
                break
            if time.monotonic() > until_s:
                raise SystemExit(f"the hosts do not find each other: {rows}")
            time.sleep(0.2)


def calls_held(steps: Sequence[Step]) -> float:
    """Calls at which the 95th percentile crosses the limit, by a line between steps.

    As many as the last held where no more were taken, or what failed was not that.
    """
    good = [step for step in steps if step.held]
    if not good:
        return 0.0
    low, high = good[-1], steps[-1]
    if high.held or high.p95_ms <= LIMIT_MS or high.calls <= low.calls:
        return float(low.calls)
    share = (LIMIT_MS - low.p95_ms) / (high.p95_ms - low.p95_ms)
    return round(low.calls + share * (high.calls - low.calls), 1)


def plot(result: dict[str, Any], path: Path) -> None:
    """Draw the 95th percentile and the cost over calls for each core."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4))
    for n, name in enumerate(("one", "two"), 1):
        steps = result[name]["steps"]
        calls = [step["calls"] / n for step in steps]
        label = f"{name} host{'s' * (n > 1)}, {result[name]['calls_held']} calls held"
        p95 = [step["after_silence_ms"]["p95"] for step in steps]
        axes[0].plot(calls, p95, "o-", label=label)
        axes[1].plot(
            calls, [step["hosts_cpu_s"] for step in steps], "o-", label="hosts"
        )
        cost = [step["callers_cpu_s"] for step in steps]
        axes[1].plot(calls, cost, "o:", color=f"C{n - 1}", label="callers")
    axes[0].axhline(LIMIT_MS, color="#c0392b", ls="--")
    axes[0].set_ylim(0, 4 * LIMIT_MS)
    axes[0].set_title("reply after the silence, 95 % (ms)", fontsize=10)
    axes[1].set_ylim(bottom=0)
    axes[1].set_title("CPU s for each second of a call", fontsize=10)
    for axis in axes:
        axis.set_xlabel("calls for each core", fontsize=8)
        axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Measure, and write ``results/hosts_calls.json`` with its plot."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--first", type=int, default=12)
    parser.add_argument("--step", type=int, default=5)
    parser.add_argument("--last", type=int, default=37)
    options = parser.parse_args()
    per_core = range(options.first, options.last + 1, options.step)
    result: dict[str, Any] = {
        "machine": machine(),
        "measured": __doc__.split("\n\n")[1].replace("\n", " ") if __doc__ else "",
        "limit_ms": LIMIT_MS,
        "aim": AIM,
    }
    for n_hosts, name in ((1, "one"), (2, "two")):
        steps = steps_of(n_hosts, per_core)
        held = calls_held(steps)
        told = [step.told() for step in steps if step.after_silence_ms]
        result[name] = {"calls_held": held, "steps": told}
    one, two = (result[name]["calls_held"] for name in ("one", "two"))
    result["two_against_one"] = round(two / one, 2) if one else None
    result["load_average_after"] = [round(load, 2) for load in os.getloadavg()]
    print(json.dumps({k: v for k, v in result.items() if k not in ("one", "two")}))
    write(RESULT, result)
    plot(result, RESULT.with_suffix(".svg"))


if __name__ == "__main__":
    main()

"""A voice and a recogniser over two nodes of Ray: used, killed under, taken away."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import numpy as np
import psutil
import pytest

from tests.cluster.ray_nodes import ENVIRONMENT, Nodes, needs_ray, processes_of
from tests.processes.test_supervised import until
from voiceserver.config.parse import load
from voiceserver.engines.base import SpeechRequest, Synthesizer
from voiceserver.engines.opening import open_engines
from voiceserver.engines.remote.recogniser import RemoteRecogniser
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics
from voiceserver.processes.process import ChildSpec

pytestmark = [
    pytest.mark.net,
    needs_ray,
]

START_LIMIT_S = 120
TEXT = "The train to the coast leaves at ten past four. " * 4


@pytest.fixture(scope="module", autouse=True)
def deployed(nodes: Nodes) -> None:
    """The voice is there; it takes longer than a test may."""
    nodes.deploy()


async def said(voice: Synthesizer, text: str = TEXT) -> int:
    """Samples of a phrase."""
    request = SpeechRequest(text)
    return sum([len(chunk.samples) async for chunk in voice.speak(request)])


async def recovered(nodes: Nodes, voice: Synthesizer) -> None:
    """Wait until both replicas are there, and the server speaks by them."""
    async with asyncio.timeout(START_LIMIT_S):
        while True:
            status = await asyncio.to_thread(nodes.command, "status")
            try:
                await said(voice, "Hi.")
            except EngineFailed:
                continue
            if "2 running" in status.stdout:
                return


async def test_it_speaks_whatever_is_killed_under_it(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine, its actor, a replica, the gateway: each phrase is whole, or told."""
    nodes.used_here(monkeypatch)
    async with open_engines(load(nodes.config), Metrics()) as engines:
        voice = engines.speech
        whole = await said(voice)
        for _ in range(6):  # more than there are places: each is given back
            await said(voice, "Hi.")
        for victim in ("--name espeak", "ray::HostActor", "ray::ServeReplica"):
            await recovered(nodes, voice)
            n_samples = n_chunks = 0
            async for chunk in voice.speak(SpeechRequest(TEXT)):
                n_samples += len(chunk.samples)
                n_chunks += 1
                if n_chunks == 2:
                    processes_of(nodes, victim)[0].kill()
            # eSpeak NG is a few samples longer or shorter each time.
            assert abs(n_samples - whole) < 240, victim
        await recovered(nodes, voice)
        processes_of(nodes, "voiceserver.cluster.gateway")[0].kill()
        await recovered(nodes, voice)
    assert not processes_of(nodes, "voiceserver.cluster.gateway")
    status = nodes.command("status")
    assert status.stdout.startswith("voiceserver-speech: running"), status.stdout


@pytest.fixture(scope="module")
def ears(nodes: Nodes) -> str:
    """Name of a recogniser that tells who hears and how much; it has two replicas."""
    name = "ears"
    subprocess.run(
        [sys.executable, "-m", "tests.cluster.deployed_ears", nodes.address, name],
        env=nodes.environment,
        timeout=START_LIMIT_S,
        check=True,
    )
    return name


async def test_an_utterance_is_heard_whatever_is_killed_under_it(
    nodes: Nodes, ears: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its replica dies in the middle; another one hears it from the beginning."""
    nodes.used_here(monkeypatch)
    settings = {"address": nodes.address, "name": ears, "slots": 8}
    spec = ChildSpec(
        "ray", "voiceserver.cluster.gateway", settings, environment=ENVIRONMENT
    )
    block = np.full(1600, 0.1, np.float32)
    async with (
        asyncio.timeout(START_LIMIT_S),
        RemoteRecogniser(spec, 1, Metrics()) as recogniser,
    ):
        await recogniser.ready()
        utterance = recogniser.open()
        for _ in range(20):
            utterance.push(block)
            await asyncio.sleep(0.01)
        await until(lambda: bool(utterance.latest.text))
        host = psutil.Process(int(utterance.latest.text)).parent()
        assert host is not None and "ray::HostActor" in host.cmdline()[0]
        host.kill()
        for _ in range(20):
            utterance.push(block)
            await asyncio.sleep(0.01)
        assert (await utterance.final()).text == "64000 samples"


async def test_what_is_not_there_is_told_with_what_to_do(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deployment that was removed; a cluster that nobody started."""
    nodes.used_here(monkeypatch)
    assert nodes.command("remove").returncode == 0
    status = nodes.command("status")
    assert (status.returncode, "not deployed" in status.stdout) == (1, True)
    with pytest.raises(EngineFailed, match="voiceserver cluster deploy"):
        async with open_engines(load(nodes.config), Metrics()):
            pass
    nowhere = nodes.config.read_text().splitlines()
    wrong = nodes.config.with_name("wrong.toml")
    wrong.write_text(
        "\n".join(
            'address = "127.0.0.1:9"' if line.startswith("address") else line
            for line in nowhere
        )
    )
    with pytest.raises(EngineFailed, match="ray start --head"):
        async with open_engines(load(wrong), Metrics()):
            pass

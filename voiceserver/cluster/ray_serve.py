"""Engines as deployments of Ray Serve.

A replica holds an actor beside it, on the same node, which runs the engine's process.
A lease is a request to the deployment that stays open for as long as the job: so Serve
chooses the replica, counts what is in flight, scales by it and drains. It yields the
actor, and the job's messages go there directly. Serve's own HTTP is never started.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any

# Else a loop of its own stands between a lease and whoever waits for it.
os.environ.setdefault("RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP", "0")

import ray
from ray import serve
from ray.exceptions import RayActorError, RayError
from ray.serve.exceptions import RayServeException
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from voiceserver import __version__
from voiceserver.cluster.host import ENDS, EngineHost
from voiceserver.cluster.ray_join import join
from voiceserver.cluster.relay import ReplicaLost
from voiceserver.config import PoolConfig
from voiceserver.errors import ConfigError, EngineFailed
from voiceserver.processes.ipc import Kind, Message, Meta
from voiceserver.processes.process import ChildSpec
from voiceserver.streams import first_of

log = logging.getLogger(__name__)

LEASE_LIMIT_S = 2.0  # for a place at a replica
FIND_LIMIT_S = 20.0  # for a replica to say what it is, at the start
SHUNNED_S = 2.0  # a host that has just lost a job is starting its engine again
GONE_S = 30.0  # a host that died is not asked: Serve may not know it yet
OTHER_LIMIT_S = 1.0  # for a place at another one than the first
ASK_AGAIN_S = 0.05  # where a replica died that Serve does not know of yet
ASKED_AT_S = (0.0, 0.25, 0.5, 1.0)  # as long as none of those before has answered
CHOICES = 4  # hosts that are looked at for one place
BEAT_S = 2.0  # between two signs of life to each host
JOBS_AT_ONCE = 1_000  # calls of one actor


class HostActor:
    """The engine's process of one replica; an actor beside it, on the same node.

    Args:
        spec: The process.
        gpus: The replica's, as CUDA_VISIBLE_DEVICES has it.
    """

    def __init__(self, spec: ChildSpec, gpus: str) -> None:
        if gpus:
            os.environ["CUDA_VISIBLE_DEVICES"] = gpus
        self._spec = spec
        self._host: EngineHost | None = None

    async def start(self) -> Meta:
        """Start the process and say what the engine is."""
        if self._host is None:
            self._host = await EngineHost(self._spec).__aenter__()
        await self._host.ready()
        return self._host.about

    async def take(self, job_id: str, number: int, messages: Sequence[Message]) -> None:
        """Take a packet of a job's messages."""
        assert self._host is not None
        self._host.take(job_id, number, messages)

    async def results(self, job_id: str) -> AsyncGenerator[Sequence[Message], None]:
        """Stream a job's results."""
        assert self._host is not None
        async for batch in self._host.results(job_id):
            yield batch

    async def alive(self, gateway: str) -> None:
        """Take a sign of life."""
        assert self._host is not None
        self._host.alive(gateway)

    async def check(self) -> None:
        """Check that the engine can be started."""
        if self._host is not None:
            self._host.check()

    async def ended(self) -> None:
        """Return never: whoever waits learns of our end at once."""
        await asyncio.Event().wait()


class Replica:
    """A replica of the deployment: gives leases.

    Args:
        spec: The engine's process.
    """

    def __init__(self, spec: ChildSpec) -> None:
        here = ray.get_runtime_context().get_node_id()
        gpus = ",".join(str(one) for one in ray.get_gpu_ids())
        beside = NodeAffinitySchedulingStrategy(here, soft=False)
        actor = ray.remote(HostActor).options(
            num_cpus=0, max_concurrency=JOBS_AT_ONCE, scheduling_strategy=beside
        )
        self._host: Any = actor.remote(spec, gpus)
        ray.get(self._host.start.remote())

    async def about(self) -> Meta:
        """What the engine says of itself."""
        about: Meta = await self._host.start.remote()
        return about

    async def lease(self) -> AsyncGenerator[Any, None]:
        """Yield the actor, and count as one in flight until it is cancelled."""
        yield self._host
        with _ending_with_host():
            await self._host.ended.remote()

    async def check_health(self) -> None:
        """Raise where the process can no longer be started: Serve replaces us."""
        with _ending_with_host():
            await self._host.check.remote()


@contextmanager
def _ending_with_host() -> Iterator[None]:
    """End this replica where its actor has: Serve then starts both again."""
    try:
        yield
    except RayActorError:
        log.warning("the engine's actor is gone")
        os._exit(1)


@asynccontextmanager
async def connected(settings: Meta) -> AsyncGenerator[RayFleet, None]:
    """Find a deployment; inside, it can be leased from.

    Args:
        settings: ``address``, ``name`` of the application, ``slots`` to be told.

    Raises:
        EngineFailed: If there is no cluster or no such deployment, or it is of
            another version of this package; says what to do.
    """
    name, address = str(settings["name"]), str(settings["address"])
    await asyncio.to_thread(join, address)
    handle, about = await _found(name)
    about["slots"] = settings["slots"]
    fleet = RayFleet(handle, about)
    async with asyncio.TaskGroup() as group:
        beating = group.create_task(fleet.beat())
        try:
            yield fleet
        finally:
            beating.cancel()
            # A call in Ray's own threads may hang where the cluster is gone.
            with suppress(Exception):
                await asyncio.wait_for(asyncio.to_thread(ray.shutdown), 1.0)


class RayFleet:
    """The replicas of one deployment.

    Args:
        handle: Of the deployment.
        about: What the engine says of itself.

    Attributes:
        about: As given.
    """

    def __init__(self, handle: Any, about: Meta) -> None:
        self.about = about
        self._lease = handle.options(method_name="lease", stream=True)
        self._name = secrets.token_hex(8)
        self._numbers = itertools.count()
        self._hosts: dict[Any, int] = {}  # leases of each
        self._shunned: dict[Any, float] = {}  # until when

    @asynccontextmanager
    async def lease(self) -> AsyncGenerator[_RayLease, None]:
        """Lease a place.

        Raises:
            ReplicaLost: If none is to be had in time.
        """
        async with AsyncExitStack() as held:
            host = await self._place(held)
            self._hosts[host] = self._hosts.get(host, 0) + 1
            lost = partial(self._shun, host)  # for so many seconds
            lease = _RayLease(host, f"{self._name}:{next(self._numbers)}", lost)
            try:
                yield lease
            finally:
                lease.stop()
                self._give_back(host)

    async def _place(self, held: AsyncExitStack) -> Any:
        """Return a host with a place, mostly one that has lost nothing just now.

        The place at one that has is kept meanwhile: so Serve chooses another.
        """
        found = host = await self._host(held, LEASE_LIMIT_S)
        with suppress(ReplicaLost):  # then one that may be up again must do
            for _ in range(CHOICES):
                if self._shunned.get(found, 0.0) < time.monotonic():
                    return found
                found = await self._host(held, OTHER_LIMIT_S)
        return host

    async def _host(self, held: AsyncExitStack, limit_s: float) -> Any:
        """Ask for a place, and again beside it: who is asked may just have died."""
        tries = [self._asked(held, after_s) for after_s in ASKED_AT_S]
        try:
            async with asyncio.timeout(limit_s):
                return await first_of(*tries)
        except TimeoutError:
            raise ReplicaLost(f"no replica had a place for {limit_s:g} s") from None

    async def _asked(self, held: AsyncExitStack, after_s: float) -> Any:
        await asyncio.sleep(after_s)
        while True:
            response = self._lease.remote()
            try:
                host = await anext(response)
            except (RayError, RayServeException, StopAsyncIteration):
                await asyncio.sleep(ASK_AGAIN_S)
            except asyncio.CancelledError:
                response.cancel()
                raise
            else:
                held.callback(response.cancel)
                return host

    def _shun(self, host: Any, seconds: float) -> None:
        now_s = time.monotonic()
        kept = {one: until for one, until in self._shunned.items() if until > now_s}
        self._shunned = kept | {host: now_s + seconds}

    def _give_back(self, host: Any) -> None:
        self._hosts[host] -= 1
        if not self._hosts[host]:
            del self._hosts[host]

    async def beat(self) -> None:
        """Show every host with a job of ours that we are there, for ever."""
        while True:
            await asyncio.sleep(BEAT_S)
            for host in self._hosts:
                host.alive.remote(self._name)


class _RayLease:
    """A place for one job."""

    def __init__(self, host: Any, job_id: str, lost: Callable[[float], None]) -> None:
        self._host = host
        self._lost = lost
        self._job_id = job_id
        self._n_sent = 0
        self._over = False  # its end was told

    def send(self, messages: Sequence[Message]) -> None:
        """Send messages, in order."""
        self._host.take.remote(self._job_id, self._n_sent, messages)
        self._n_sent += 1

    def stop(self) -> None:
        """Stop the job, if there is one."""
        if self._n_sent and not self._over:
            self.send([Message(Kind.CANCEL)])

    async def results(self) -> AsyncGenerator[Sequence[Message], None]:
        """Stream what the replica tells.

        Raises:
            ReplicaLost: If it died.
        """
        options = self._host.results.options(num_returns="streaming")
        try:
            async for batch in options.remote(self._job_id):
                told: Sequence[Message] = await batch
                self._over = told[-1].kind in ENDS
                if told[-1].kind is Kind.LOST:
                    self._lost(SHUNNED_S)
                yield told
        except RayError as error:
            self._lost(GONE_S)
            raise ReplicaLost(f"a replica died ({type(error).__name__})") from error


async def _found(name: str) -> tuple[Any, Meta]:
    """Find a deployment and ask it what it is."""
    deploy = f'no deployment "{name}" there: `voiceserver cluster deploy` makes it'
    try:
        handle = await asyncio.to_thread(serve.get_app_handle, name)
        async with asyncio.timeout(FIND_LIMIT_S):
            about: Meta = dict(await handle.about.remote())
    except TimeoutError:
        why = f'"{name}" did not answer within {FIND_LIMIT_S:.0f} s'
        raise EngineFailed("ray", why) from None
    except (RayError, RayServeException) as error:
        raise EngineFailed("ray", f"{deploy} ({type(error).__name__})") from error
    theirs = about.get("version")
    if theirs != __version__:
        raise EngineFailed(
            "ray", f'"{name}" is of voiceserver {theirs}, this is {__version__}'
        )
    return handle, about


def deploy(address: str, name: str, pool: PoolConfig, spec: ChildSpec) -> None:
    """Deploy an engine, or change its deployment; returns when it is up.

    Args:
        address: Of the cluster.
        name: Of the application in Ray Serve.
        pool: How many replicas, and what each takes.
        spec: The engine's process; files that it names must be at every host.

    Raises:
        EngineFailed: If there is no cluster.
        ConfigError: If the engine could not be started; says why.
    """
    if not ray.is_initialized():
        join(address)
    serve.start(proxy_location="Disabled")
    deployment: Any = serve.deployment(Replica)
    scaled: dict[str, Any] = {"num_replicas": pool.replicas}
    if pool.max_replicas > pool.replicas:
        scaled = {
            "autoscaling_config": {
                "min_replicas": pool.replicas,
                "max_replicas": pool.max_replicas,
                "target_ongoing_requests": max(1, pool.streams // 2),
            }
        }
    options = deployment.options(
        name=name,
        max_ongoing_requests=pool.streams,
        health_check_period_s=2,
        health_check_timeout_s=10,
        graceful_shutdown_timeout_s=pool.drain_s,
        ray_actor_options={"num_cpus": pool.cpus, "num_gpus": pool.gpus},
        **scaled,
    )
    try:
        serve.run(options.bind(spec), name=name, route_prefix=None)
    except (RayError, RayServeException, RuntimeError) as error:
        raise ConfigError(f'"{name}" did not come up: {error}') from error


def remove(address: str, names: Sequence[str]) -> None:
    """Take deployments away; what they have is finished first.

    Raises:
        EngineFailed: If there is no cluster.
    """
    if not ray.is_initialized():
        join(address)
    for name in names:
        serve.delete(name)


def standing(address: str) -> dict[str, str]:
    """Return how each of our deployments stands, as Ray Serve names it.

    Raises:
        EngineFailed: If there is no cluster.
    """
    if not ray.is_initialized():
        join(address)
    found = serve.status().applications
    return {
        name: f"{app.status.value.lower()}, "
        + ", ".join(
            f"{count} {str(state).lower()}"
            for one in app.deployments.values()
            for state, count in one.replica_states.items()
        )
        for name, app in found.items()
    }

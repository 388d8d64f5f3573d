"""What differs where there are several hosts."""

from __future__ import annotations

import subprocess
import sys

from tests.server.front.hosted import SECRET, LocalRegistry
from voiceserver.cluster.secret import Secrets
from voiceserver.config import ServerConfig
from voiceserver.metrics import Metrics
from voiceserver.overload import Load
from voiceserver.server.access.signed_tokens import SignedTokens
from voiceserver.server.access.tokens import Tokens
from voiceserver.server.front.hosts import ClusterRoom, Membership
from voiceserver.server.front.placing import placing, share_of
from voiceserver.server.front.workers import Worker, Workers
from voiceserver.server.places import Room
from voiceserver.server.shares import Share

ME = Membership("a", "http://a", Secrets(SECRET), LocalRegistry())


async def test_alone_all_is_as_it_was() -> None:
    """The same kinds of things, and no other host."""
    worker = Worker(2, "", "")
    async with placing(ServerConfig(), Metrics(), None, Workers((worker,))) as found:
        assert (type(found.room), type(found.tokens)) == (Room, Tokens)
        assert found.spread is None
    share = share_of(worker, 3, "s", ("k",), None)
    assert share == Share(2, 3, "s", ("k",))
    assert share.mark == "2"


async def test_a_host_takes_calls_once_a_worker_is_up_and_it_keeps_up() -> None:
    """Its tokens are signed by what all hosts share, at its workers too."""
    worker = Worker(2, "", "")
    async with placing(ServerConfig(), Metrics(), ME, Workers((worker,))) as found:
        assert (type(found.room), type(found.tokens)) == (ClusterRoom, SignedTokens)
        assert found.spread is not None
        assert found.spread.hosts.free == 0
        worker.up = True
        assert found.spread.hosts.free == ServerConfig().max_calls
        found.overload.level = Load.FULL
        assert found.spread.hosts.free == 0
    share = share_of(worker, 3, "s", (), ME)
    assert share.mark == "a.2"
    assert share.token_keys == (ME.secrets.token_keys[0].hex(),)


def test_nothing_of_several_hosts_is_loaded_by_one() -> None:
    """Neither by a front nor by a worker."""
    code = (
        "import sys, voiceserver.cli.serving.serve, voiceserver.cli.serving.worker\n"
        "found = [m for m in sys.modules if m.startswith('voiceserver.cluster') or "
        "m.endswith(('.spread', '.hosts', '.signed_tokens')) or m == 'ray']\n"
        "sys.exit(repr(found) if found else 0)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr[-500:]

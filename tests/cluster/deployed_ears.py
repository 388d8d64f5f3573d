"""Deploys two replicas of a made-up recogniser: ``python -m … ADDRESS NAME``.

In a process of its own, as Ray's client is none for a process of tests.
"""

import sys

from voiceserver.cluster.ray_serve import deploy
from voiceserver.config import PoolConfig
from voiceserver.processes.process import ChildSpec

EARS = {
    "kind": "recogniser",
    "core": "tests.engines.remote.fake_cores:load_telling",
    "utterances": 4,
}

if __name__ == "__main__":
    address, name = sys.argv[1:]
    pool = PoolConfig(engine="fake", replicas=2, streams=4, cpus=0.5)
    deploy(
        address, name, pool, ChildSpec("ears", "voiceserver.engines.remote.child", EARS)
    )

"""Nodes of Ray on this machine, for as long as the standard input is open.

Two of them, or one on each core that is named, which holds all its processes. Prints
the head's address once all are there.
"""

import os
import sys

from ray.cluster_utils import Cluster

NODE = {"num_cpus": 2, "object_store_memory": 80_000_000}

if __name__ == "__main__":
    cores = [{int(core)} for core in sys.argv[1:]] or [os.sched_getaffinity(0)] * 2
    cluster = Cluster()
    for core in cores:
        os.sched_setaffinity(0, core)
        cluster.add_node(**NODE, include_dashboard=False)
    print(cluster.address, flush=True)
    sys.stdin.read()
    cluster.shutdown()

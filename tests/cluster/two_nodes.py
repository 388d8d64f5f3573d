"""Two nodes of Ray on this machine, for as long as the standard input is open.

Prints the head's address once both are there.
"""

import sys

from ray.cluster_utils import Cluster

NODE = {"num_cpus": 2, "object_store_memory": 80_000_000, "include_dashboard": False}

if __name__ == "__main__":
    cluster = Cluster(True, head_node_args=dict(NODE))
    cluster.add_node(num_cpus=2, object_store_memory=80_000_000)
    print(cluster.address, flush=True)
    sys.stdin.read()
    cluster.shutdown()

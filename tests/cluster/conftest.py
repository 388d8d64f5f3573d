"""The cluster of Ray that tests of this folder share."""

from tests.cluster.ray_nodes import nodes

__all__ = ["nodes"]

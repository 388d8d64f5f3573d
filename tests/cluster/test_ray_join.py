"""Becoming a client of a cluster; with a real one in ``test_ray_serve``."""

from __future__ import annotations

import pytest

from tests.cluster.ray_nodes import needs_ray
from voiceserver.errors import EngineFailed


@pytest.mark.net
@needs_ray
@pytest.mark.parametrize("address", ["127.0.0.1:9", "nowhere.invalid:6379"])
def test_where_nobody_listens_is_told_soon(address: str) -> None:
    """With the address, and how a cluster is begun."""
    from voiceserver.cluster.ray_join import join

    with pytest.raises(EngineFailed, match=f"(?s){address}.*ray start --head"):
        join(address)

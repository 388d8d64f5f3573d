"""Another host, as it is asked."""

from __future__ import annotations

import pytest

from tests.server.front.hosted import SECRET
from voiceserver.cluster.secret import Secrets
from voiceserver.server.front.holder import HolderLost
from voiceserver.server.front.host import SEAL_HEADER, Host

SHARED = Secrets(SECRET)


def test_each_request_is_sealed_for_it() -> None:
    """With the client's address; what a client said in its place is gone."""
    host = Host("b", "http://b:80", "a", SHARED, wall_s=lambda: 5.0)
    headers = host.shown("GET", "/x?y=1", {SEAL_HEADER: "mine", "Host": "c"}, "1.2.3.4")
    assert headers.getall(SEAL_HEADER) != ["mine"]
    passed = SHARED.opened(headers[SEAL_HEADER], "GET", "/x?y=1", "b", 5.0)
    assert (passed.host, passed.client) == ("a", "1.2.3.4")
    assert headers["Host"] == "c"


@pytest.mark.net
async def test_a_host_that_is_not_there_is_lost() -> None:
    """With its name; and by hand it takes no connection."""
    async with Host("b", "http://127.0.0.1:9", "a", SHARED) as host:
        with pytest.raises(HolderLost, match="host b"):
            await host.ask("GET", "/v1/ops")
        with pytest.raises(OSError, match="onnect"):
            await host.connected(1000)

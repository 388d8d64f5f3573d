"""Another host as a front sees it: reached over TCP, and shown whose request it is.

Each request carries a seal (``cluster/secret``) that tells who passed it on and for
whom, so that it is not passed on again and counts for its client's address. It admits
nobody: the client's key or token is read there as if it had come there itself.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from voiceserver.cluster.secret import PassedOn, Secrets
from voiceserver.server.front.holder import Holder, Streams

SEAL_HEADER = "X-Voiceserver-Host"


class Host(Holder):
    """Another host.

    Args:
        name: In the ids of its calls.
        url: Where it is reached.
        here: Name of this host.
        secrets: That all hosts share.
        tls: How hosts at ``https`` are known.
        wall_s: Seconds since 1970.
    """

    def __init__(
        self,
        name: str,
        url: str,
        here: str,
        secrets: Secrets,
        tls: ssl.SSLContext | None = None,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(f"host {name}", url)
        self.host = name
        self.url = url
        self._here = here
        self._secrets = secrets
        self._tls = tls
        self._wall_s = wall_s

    def connector(self) -> aiohttp.BaseConnector:
        """Make what connects there."""
        return aiohttp.TCPConnector(
            limit=0, force_close=True, ssl=True if self._tls is None else self._tls
        )

    async def connected(self, limit: int) -> Streams:
        """Connect there."""
        url = URL(self.url)
        secure = (self._tls or True) if url.scheme == "https" else None
        return await asyncio.open_connection(
            url.host, url.port, limit=limit, ssl=secure
        )

    def shown(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        client: str = "",
    ) -> CIMultiDict[str]:
        """Add the seal."""
        passed = PassedOn(self._here, self.host, client, self._wall_s())
        sealed = CIMultiDict(headers)
        sealed[SEAL_HEADER] = self._secrets.seal(passed, method, target)
        return sealed

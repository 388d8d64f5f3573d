"""A client of the running server that the configuration describes, for commands."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp

from voiceserver.config import Config
from voiceserver.errors import CallRefused, system_said

CONNECT_LIMIT_S = 5.0
ASK_LIMIT_S = 30.0


@asynccontextmanager
async def server_client(config: Config) -> AsyncGenerator[aiohttp.ClientSession, None]:
    """Give a client that asks the server by path, with its key.

    Raises:
        CallRefused: If no server answers.
    """
    server = config.server
    host = server.host.replace("0.0.0.0", "127.0.0.1")
    named = "[::1]" if host == "::" else f"[{host}]" if ":" in host else host
    url = f"{'https' if server.tls_cert else 'http'}://{named}:{server.port}"
    key = os.environ.get(server.api_key_env, "") if server.api_key_env else ""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    limit = aiohttp.ClientTimeout(total=None, connect=CONNECT_LIMIT_S)
    try:
        async with aiohttp.ClientSession(
            url, headers=headers, timeout=limit, connector=_connector(config)
        ) as client:
            yield client
    except aiohttp.ClientError as error:
        why = system_said(error) or type(error).__name__
        what = f"No server answers at {url} ({why})"
        raise CallRefused(f"{what}; start it: voiceserver serve") from None


def _connector(config: Config) -> aiohttp.TCPConnector:
    """To this very machine, whose certificate is for another name."""
    if not config.server.tls_cert:
        return aiohttp.TCPConnector()
    context = ssl.create_default_context(cafile=config.server.tls_cert)
    context.check_hostname = False
    return aiohttp.TCPConnector(ssl=context)

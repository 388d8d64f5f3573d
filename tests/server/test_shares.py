"""How a server is divided among its workers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.config import (
    Config,
    MediaConfig,
    RecogniserConfig,
    ServerConfig,
    TextConfig,
    TextProvider,
)
from voiceserver.errors import ConfigError
from voiceserver.server.shares import Share, worker_config, worker_count


@pytest.mark.parametrize(
    ("cores", "max_calls", "workers"),
    [(1, 8, 1), (2, 64, 1), (7, 64, 1), (8, 64, 2), (16, 64, 4), (16, 8, 1), (8, 1, 1)],
)
def test_as_many_as_cores_and_calls_ask_for(
    cores: int, max_calls: int, workers: int
) -> None:
    """One for every four cores, none for fewer than eight calls."""
    config = Config(server=ServerConfig(max_calls=max_calls))
    assert worker_count(config, cores) == workers


def test_a_given_number_is_taken() -> None:
    """Whatever the machine."""
    assert worker_count(Config(server=ServerConfig(workers=3)), cores=1) == 3


def test_too_few_ports_are_told_at_the_start() -> None:
    """Each worker needs one at least."""
    media = MediaConfig(udp_port_min=5000, udp_port_max=5001)
    config = Config(server=ServerConfig(workers=3), media=media)
    with pytest.raises(ConfigError, match="2 ports to 3 workers"):
        worker_count(config, cores=8)


@given(
    low=st.integers(1024, 60_000),
    n_ports=st.integers(1, 500),
    workers=st.integers(1, 16),
)
def test_ports_are_dealt_out_without_overlap(
    low: int, n_ports: int, workers: int
) -> None:
    """All of them, in order, and within one of the same number each."""
    n_ports = max(n_ports, workers)
    media = MediaConfig(udp_port_min=low, udp_port_max=low + n_ports - 1)
    slices = []
    for number in range(1, workers + 1):
        share = Share(number, workers, "")
        mine = worker_config(Config(media=media), share).media
        slices.append(range(mine.udp_port_min, mine.udp_port_max + 1))
    assert [port for one in slices for port in one] == list(range(low, low + n_ports))
    assert max(map(len, slices)) - min(map(len, slices)) <= 1


def test_what_there_is_once_is_divided_and_the_fronts_is_left_out() -> None:
    """Recognisers in parts, rounded up; certificate and addresses are the front's."""
    config = Config(
        server=ServerConfig(
            workers=2,
            max_calls_per_address=3,
            tls_cert="c.pem",
            tls_key="k.pem",
            api_key_env="K",
            api_key_file="keys",
        ),
        recogniser=RecogniserConfig(processes=5),
        text=TextConfig(
            provider=(
                TextProvider("p", "https://example.org/v1", "m", max_concurrency=5),
            )
        ),
    )
    mine = worker_config(config, Share(2, 2, ""))
    assert mine.recogniser.processes == 3
    assert (mine.server.workers, mine.server.max_calls_per_address) == (1, 0)
    assert (mine.server.tls_cert, mine.server.tls_key) == ("", "")
    assert (mine.server.api_key_env, mine.server.api_key_file) == ("", "")
    assert mine.text.provider[0].max_concurrency == 3
    assert mine.media == config.media

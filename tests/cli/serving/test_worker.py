"""A worker as the front starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from voiceserver.cli.serving.worker import worker_spec
from voiceserver.config import Config, EnginesConfig, ServerConfig, TextConfig
from voiceserver.config.parse import from_table
from voiceserver.config.providers import TextProvider
from voiceserver.processes.process import start_process
from voiceserver.server.front.workers import Worker
from voiceserver.server.shares import Share, worker_config

ROOT = Path(__file__).resolve().parents[3]


def test_settings_arrive_as_they_were() -> None:
    """Through JSON, tables within lists included."""
    provider = TextProvider("p", "https://example.org/v1", "model")
    config = Config(
        server=ServerConfig(allowed_origins=("https://a.example",)),
        text=TextConfig(provider=(provider,)),
    )
    share = Share(2, 3, "secret", ("ab", "cd"))
    settings = json.loads(json.dumps(worker_spec(config, share, "/x.sock").settings))
    assert from_table(settings["config"]) == worker_config(config, share)
    assert Share.read(settings["share"]) == share
    assert settings["path"] == "/x.sock"


def test_relative_paths_stay_what_they_are() -> None:
    """They are relative to the working directory by then, which a worker shares."""
    config = Config()
    config = replace(config, recogniser=replace(config.recogniser, model="a/b"))
    settings = worker_spec(config, Share(1, 2, ""), "").settings
    table = json.loads(json.dumps(settings["config"]))
    assert from_table(table).recogniser.model == "a/b"


@pytest.mark.net
async def test_a_worker_ends_with_its_front(tmp_path: Path) -> None:
    """In order and by itself, when the socket to it closes; its folder is gone."""
    stubs = EnginesConfig(vad="stub", recogniser="stub", text="stub", speech="stub")
    path = tmp_path / "of the front" / "1.sock"
    path.parent.mkdir()
    spec = worker_spec(Config(engines=stubs), Share(1, 2, "secret"), str(path))
    process = await start_process(spec, lambda _message: None)
    async with Worker(1, str(path), "secret") as worker:
        assert (await worker.ask("GET", "/readyz")).status == 200
    await process.stop()
    assert process._popen.returncode == 0
    assert os.listdir(tmp_path) == []


@pytest.mark.net
def test_what_a_worker_cannot_open_ends_the_server(tmp_path: Path) -> None:
    """With the worker's reason and no traceback."""
    toml = tmp_path / "voiceserver.toml"
    toml.write_text(
        '[server]\nworkers = 2\n[speech]\nmodel = "nowhere"\n'
        '[engines]\nvad = "stub"\nrecogniser = "stub"\ntext = "stub"\n'
    )
    run = subprocess.run(
        [sys.executable, "-m", "voiceserver", "serve", "--port", "0"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert run.returncode == 1, run.stderr
    assert "nowhere" in run.stderr
    assert "Traceback" not in run.stderr

"""The browser page."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.server.running import running
from voiceserver.server.page import page_files


def test_only_files_of_known_types_are_served(tmp_path: Path) -> None:
    """And none from below or above the folder."""
    (tmp_path / "index.html").write_text("<p>")
    (tmp_path / "a.js").write_text("1")
    (tmp_path / "notes.txt").write_text("no")
    (tmp_path / ".hidden").write_text("no")
    (tmp_path / "below").mkdir()
    files = page_files(tmp_path)
    assert sorted(files) == ["", "a.js", "index.html"]
    assert files["a.js"].media_type == "text/javascript"


def test_a_missing_folder_is_an_empty_page(tmp_path: Path) -> None:
    """The API works without it."""
    assert page_files(tmp_path / "none") == {}


@pytest.mark.net
async def test_the_page_comes_with_its_protections() -> None:
    """Types, no caching, and nothing from elsewhere."""
    async with running() as server:
        async with server.client.get("/") as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            assert answer.headers["Cache-Control"] == "no-cache"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Server"] == "voiceserver"
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'self'")
            assert "unsafe" not in policy
        async with server.client.get("/app.js") as answer:
            assert answer.headers["Content-Type"].startswith("text/javascript")


def test_a_file_is_packed_for_those_who_take_it(tmp_path: Path) -> None:
    """And for nobody else; either way caches are told."""
    (tmp_path / "a.js").write_text("1 " * 200)
    file = page_files(tmp_path)["a.js"]
    for accepted in ("gzip", "br, gzip;q=0.8", "deflate,gzip"):
        packed = file.answer(accepted)
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.body == file.packed
    for accepted in ("", "identity", "br"):
        plain = file.answer(accepted)
        assert "Content-Encoding" not in plain.headers
        assert plain.body == file.content
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(file.packed) == file.content

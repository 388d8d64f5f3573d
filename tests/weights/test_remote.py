"""Model files by HTTP, from a server that does what networks do."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.weights.fake_hub import Script, served
from tests.weights.tiny import CONTENT, MODEL, WEIGHTS, Heard
from voiceserver.weights.remote import Patience, Remote, hub, mirror
from voiceserver.weights.source import SourceFailed

pytestmark = pytest.mark.net

WHOLE = CONTENT["model.bin"]
QUICK = Patience(silent_s=0.3, slow_s=0.5, bytes_per_s=100_000.0)


def bring(script: Script, stage: Path, told: Heard | None = None) -> bytes:
    """Bring the weights from a server that follows a script."""
    with served(script) as url:
        source = mirror(url, QUICK)
        return source.bring(MODEL, WEIGHTS, stage, told or Heard()).read_bytes()


def test_a_file_is_brought_and_its_progress_told(tmp_path: Path) -> None:
    """In bytes of those there are."""
    told = Heard()
    assert bring(Script(), tmp_path, told) == WHOLE
    assert told.counts[-1] == ("model.bin", len(WHOLE), len(WHOLE))


def test_the_hub_is_asked_for_the_pinned_commit(tmp_path: Path) -> None:
    """Not for a branch, which is another model one day."""
    script = Script()
    with served(script) as url:
        source = hub({"HF_ENDPOINT": f"{url}/"}, QUICK)
        source.bring(MODEL, WEIGHTS, tmp_path, Heard())
    assert script.asked == [(f"/us/tiny/resolve/{'a' * 40}/model.bin", "")]


def test_a_mirror_is_asked_by_model_and_file(tmp_path: Path) -> None:
    """Any server of files will do."""
    script = Script()
    bring(script, tmp_path)
    assert script.asked == [("/tiny/model.bin", "")]


def test_redirects_are_followed(tmp_path: Path) -> None:
    """The hub gives large files from elsewhere."""
    assert bring(Script(redirects=2), tmp_path) == WHOLE


def test_what_is_cut_off_goes_on_where_it_ended(tmp_path: Path) -> None:
    """In the same try, as long as each brings something."""
    script, told = Script(cut_at=[1000, 500, 500]), Heard()
    assert bring(script, tmp_path, told) == WHOLE
    ranges = [asked for _, asked in script.asked]
    assert ranges == ["", "bytes=1000-", "bytes=1500-", "bytes=2000-"]
    assert "cut off" in told.lines[0]


def test_the_next_try_goes_on_where_the_last_ended(tmp_path: Path) -> None:
    """Also when it is another day."""
    with pytest.raises(SourceFailed, match="ended after 1000 of 10240 bytes"):
        bring(Script(cut_at=[1000, 0, 0, 0]), tmp_path)
    script = Script()
    assert bring(script, tmp_path) == WHOLE
    assert script.asked[0][1] == "bytes=1000-"


def test_a_redirect_keeps_the_range(tmp_path: Path) -> None:
    """Else the beginning would be appended to the beginning."""
    (tmp_path / "model.bin.part").write_bytes(WHOLE[:4000])
    script = Script(redirects=1)
    assert bring(script, tmp_path) == WHOLE
    assert script.asked[-1][1] == "bytes=4000-"


def test_a_server_without_ranges_begins_anew(tmp_path: Path) -> None:
    """What was there is overwritten, not added to."""
    (tmp_path / "model.bin.part").write_bytes(WHOLE[:4000])
    assert bring(Script(ranges=False), tmp_path) == WHOLE


def test_a_part_that_is_too_long_is_thrown_away(tmp_path: Path) -> None:
    """It was of something else."""
    (tmp_path / "model.bin.part").write_bytes(WHOLE * 2)
    assert bring(Script(), tmp_path) == WHOLE


def test_a_file_of_another_size_is_refused_at_once(tmp_path: Path) -> None:
    """Before it is downloaded; a portal's page for instance."""
    script = Script(content={"model.bin": b"<html>log in</html>"})
    with pytest.raises(SourceFailed, match="has 19 bytes, not 10240; another file"):
        bring(script, tmp_path)
    assert len(script.asked) == 1


def test_no_more_is_taken_than_the_file_should_have(tmp_path: Path) -> None:
    """From a server that does not say how much will come."""
    script = Script(content={"model.bin": WHOLE * 3}, length=False)
    with pytest.raises(SourceFailed, match="larger than 10240 bytes"):
        bring(script, tmp_path)


@pytest.mark.parametrize("hang_at", [-1, 0, 2000])
def test_a_server_that_hangs_is_left(tmp_path: Path, hang_at: int) -> None:
    """Before its head, after it, or on the way."""
    with pytest.raises(SourceFailed, match="no answer in time"):
        bring(Script(hang_at=hang_at, ranges=False), tmp_path)


def test_a_server_that_hangs_now_and_then_is_asked_again(tmp_path: Path) -> None:
    """As long as it brings something."""
    assert bring(Script(hang_at=6000), tmp_path) == WHOLE


def test_a_server_that_gives_a_byte_now_and_then_is_left(tmp_path: Path) -> None:
    """It would be waited for for ever: no wait for bytes is too long."""
    with pytest.raises(SourceFailed, match="bytes a second"):
        bring(Script(drip=0.01), tmp_path)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (Script(status=404), "404 Not Found"),
        (Script(status=503), "503 Service Unavailable"),
        (Script(redirects=-1), "302 .*redirect error"),
    ],
)
def test_what_a_server_refuses_is_told(
    tmp_path: Path, script: Script, why: str
) -> None:
    """With the address that was asked."""
    with pytest.raises(SourceFailed, match=f"/tiny/model.bin: {why}"):
        bring(script, tmp_path)


def test_where_nobody_listens_is_told(tmp_path: Path) -> None:
    """And quickly."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        source = mirror(f"http://127.0.0.1:{taken.getsockname()[1]}", QUICK)
        with pytest.raises(SourceFailed, match="refused"):
            source.bring(MODEL, WEIGHTS, tmp_path, Heard())


@pytest.mark.parametrize("address", ["http://", "http://a b/", "http://[::1/"])
def test_an_address_that_is_none_is_told(tmp_path: Path, address: str) -> None:
    """It came from a person."""
    source = Remote("it", lambda _model, _file: address, QUICK)
    with pytest.raises(SourceFailed):
        source.bring(MODEL, WEIGHTS, tmp_path, Heard())


def test_a_password_in_an_address_is_not_told() -> None:
    """The name of a source is shown and logged."""
    assert mirror("https://me:secret@mirror.example/models").name == "mirror.example"

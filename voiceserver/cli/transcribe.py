"""``voiceserver transcribe``: the words of sound files, one line a file."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from voiceserver.audio import MIC_RATE
from voiceserver.cli.arguments import EXIT_FAILED, EXIT_GOOD
from voiceserver.cli.loop import log_to_stderr, open_engines, progress, run, with_only
from voiceserver.config import Config
from voiceserver.engines.base import Recogniser
from voiceserver.errors import BadAudio, VoiceServerError
from voiceserver.files.decoder import Decoder
from voiceserver.files.recognised import transcribed
from voiceserver.metrics import Metrics

STANDARD_INPUT = Path("-")
LONG_S = 30.0  # from here on it is said that it takes a while


def transcribe(config: Config, files: list[Path]) -> int:
    """Print what is said in each file; a bad file does not stop the others.

    Args:
        config: All settings.
        files: Sound files; ``-`` is standard input.

    Raises:
        VoiceServerError: If the recogniser cannot be opened, or there is no room for
            standard input.
    """
    log_to_stderr(config)
    # Unreadable files are found before the engine is loaded for nothing.
    good = [file for file in files if _readable(file)]
    failed = len(files) - len(good)
    if good:
        only = with_only(config, "recogniser")
        with _kept() as kept:
            failed += run(_transcribe(only, good, kept, len(files) > 1))
    return EXIT_FAILED if failed else EXIT_GOOD


@contextlib.contextmanager
def _kept() -> Iterator[Path]:
    """Give where standard input may be kept: sound is read back and forth."""
    with tempfile.NamedTemporaryFile(prefix="voiceserver-") as file:
        yield Path(file.name)


def _keep(kept: Path) -> None:
    try:
        with kept.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
    except OSError as error:
        why = error.strerror or error
        raise BadAudio(f"standard input cannot be kept: {why}") from None


def _readable(file: Path) -> bool:
    if file == STANDARD_INPUT or file.is_file():
        return True
    progress(f"{file}: no such file" if not file.exists() else f"{file}: not a file")
    return False


async def _transcribe(
    config: Config, files: list[Path], kept: Path, named: bool
) -> int:
    """Print the words of each, after its name if asked; return how many failed."""
    decoder = Decoder()
    decoder.want()
    async with asyncio.TaskGroup() as group:
        decoding = group.create_task(decoder.run())
        try:
            return await _print_all(config, decoder, files, kept, named)
        finally:
            decoding.cancel()


async def _print_all(
    config: Config, decoder: Decoder, files: list[Path], kept: Path, named: bool
) -> int:
    failed = 0
    async with open_engines(config, Metrics()) as engines:
        for file in files:
            try:
                at = file
                if file == STANDARD_INPUT:
                    await asyncio.to_thread(_keep, at := kept)
                text = await _words(engines.recogniser, decoder, at, str(file))
            except (VoiceServerError, TimeoutError) as error:
                progress(f"{file}: {error or 'the recogniser took too long'}")
                failed += 1
            else:
                print(f"{file}: {text}" if named else text, flush=True)
    return failed


async def _words(
    recogniser: Recogniser, decoder: Decoder, file: Path, name: str
) -> str:
    await asyncio.to_thread(_check, file)
    recording = await decoder.decode(file)
    duration_s = len(recording) / MIC_RATE
    if duration_s >= LONG_S:
        progress(f"{name}: {duration_s:.0f} s, this takes a while ...")

    def reached(at_s: float) -> None:
        if duration_s >= LONG_S:
            progress(f"{name}: {100 * at_s / duration_s:.0f} %")

    return await transcribed(recogniser, recording, reached)


def _check(file: Path) -> None:
    """Find out here that a file cannot be read: the decoder would not say why."""
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise BadAudio(f"cannot be read: {error.strerror or error}") from None

"""``voiceserver transcribe``: the words of sound files, one line a file."""

from __future__ import annotations

import asyncio
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

LONG_S = 30.0  # from here on it is said that it takes a while


def transcribe(config: Config, files: list[Path]) -> int:
    """Print what is said in each file; a bad file does not stop the others.

    Args:
        config: All settings.
        files: Sound files.

    Raises:
        VoiceServerError: If the recogniser cannot be opened.
    """
    log_to_stderr(config)
    # Unreadable files are found before the engine is loaded for nothing.
    good = [file for file in files if _readable(file)]
    failed = len(files) - len(good)
    if good:
        failed += run(
            _transcribe(with_only(config, "recogniser"), good, len(files) > 1)
        )
    return EXIT_FAILED if failed else EXIT_GOOD


def _readable(file: Path) -> bool:
    if file.is_file():
        return True
    progress(f"{file}: no such file" if not file.exists() else f"{file}: not a file")
    return False


async def _transcribe(config: Config, files: list[Path], named: bool) -> int:
    """Print the words of each, after its name if asked; return how many failed."""
    decoder = Decoder()
    decoder.want()
    async with asyncio.TaskGroup() as group:
        decoding = group.create_task(decoder.run())
        try:
            return await _print_all(config, decoder, files, named)
        finally:
            decoding.cancel()


async def _print_all(
    config: Config, decoder: Decoder, files: list[Path], named: bool
) -> int:
    failed = 0
    async with open_engines(config, Metrics()) as engines:
        for file in files:
            try:
                text = await _words(engines.recogniser, decoder, file)
            except (VoiceServerError, TimeoutError) as error:
                progress(f"{file}: {error or 'the recogniser took too long'}")
                failed += 1
            else:
                print(f"{file}: {text}" if named else text, flush=True)
    return failed


async def _words(recogniser: Recogniser, decoder: Decoder, file: Path) -> str:
    await asyncio.to_thread(_check, file)
    recording = await decoder.decode(file)
    duration_s = len(recording) / MIC_RATE
    if duration_s >= LONG_S:
        progress(f"{file}: {duration_s:.0f} s, this takes a while ...")

    def reached(at_s: float) -> None:
        if duration_s >= LONG_S:
            progress(f"{file}: {100 * at_s / duration_s:.0f} %")

    return await transcribed(recogniser, recording, reached)


def _check(file: Path) -> None:
    """Find out here that a file cannot be read: the decoder would not say why."""
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise BadAudio(f"cannot be read: {error.strerror or error}") from None

"""``voiceserver say``: a text of any length into a sound file."""

from __future__ import annotations

import os
import sys
from contextlib import aclosing
from pathlib import Path

import numpy as np
import soundfile

from voiceserver.audio import SPEECH_RATE
from voiceserver.cli.arguments import EXIT_GOOD
from voiceserver.cli.loop import log_to_stderr, open_engines, progress, run, with_only
from voiceserver.config import Config
from voiceserver.engines.base import SpeechRequest
from voiceserver.engines.opened import Engines
from voiceserver.errors import BadRequest, VoiceServerError
from voiceserver.files.script import ScriptLine, has_words, lines, passages, spoken
from voiceserver.files.ssml import Passage
from voiceserver.metrics import Metrics

SUFFIXES = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".ogg": ("OGG", "OPUS"),
}
LONGEST_INPUT = 10_000_000  # characters; about a week of speech
TRIED_BYTES = 65536  # of a second try, to be told why the first one failed
PROGRESS_FROM = 8  # phrases; a shorter text is spoken at once


def say(
    config: Config,
    text: str,
    output: Path,
    voice: str | None = None,
    speed: float | None = None,
) -> int:
    """Speak a text into a file.

    Args:
        config: All settings.
        text: What to say, plain or SSML; ``"-"`` reads standard input.
        output: The file; its suffix chooses the format. Written whole or not at all.
        voice: In place of the configured one.
        speed: In place of the configured one.

    Raises:
        BadRequest: If there is nothing to say, or the file or voice will not do.
        VoiceServerError: If the synthesizer fails or the file cannot be written.
    """
    if output.suffix.lower() not in SUFFIXES:
        names = ", ".join(SUFFIXES)
        raise BadRequest(f"{output}: the file's name must end in one of {names}")
    if not output.parent.is_dir():
        raise BadRequest(f"{output}: there is no folder {output.parent}")
    if output.is_dir():
        raise BadRequest(f"{output}: is a folder; name a file in it")
    if text == "-":
        text = sys.stdin.buffer.read(4 * LONGEST_INPUT).decode("utf-8", "replace")
    found = passages(text[:LONGEST_INPUT])
    if not has_words(found):
        raise BadRequest("there is nothing to speak in the text")
    log_to_stderr(config)
    run(_say(with_only(config, "speech"), found, output, voice, speed))
    return EXIT_GOOD


async def _say(
    config: Config,
    found: tuple[Passage, ...],
    output: Path,
    voice: str | None,
    speed: float | None,
) -> None:
    async with open_engines(config, Metrics()) as engines:
        voices = engines.voices(config.speech.voice)
        name = voices.spoken_by(voices.check(voice or config.speech.voice, "--voice"))
        rate = config.speech.speed if speed is None else speed
        script = list(lines(found, SpeechRequest("", name, rate, paced=False)))
        # Beside the output and renamed at the end: never half a file.
        partial = output.with_name(f".{output.name}.{os.getpid()}.part")
        try:
            n_samples = await _speak(engines, script, output, partial)
            os.replace(partial, output)
        except (OSError, soundfile.SoundFileError) as error:
            why = _why(error, partial)
            raise VoiceServerError(f"{output}: cannot be written: {why}") from None
        finally:
            partial.unlink(missing_ok=True)
    progress(f"{output}: {n_samples / SPEECH_RATE:.1f} s of speech")


def _why(error: OSError | soundfile.SoundFileError, file: Path) -> str:
    """What the system says of it; libsndfile only says that it said something."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    try:
        with file.open("ab", buffering=0) as again:
            if again.write(bytes(TRIED_BYTES)) == TRIED_BYTES:
                return str(error)
            again.write(bytes(TRIED_BYTES))
    except OSError as told:
        return told.strerror or str(told)
    return str(error)


async def _speak(
    engines: Engines, script: list[ScriptLine], output: Path, partial: Path
) -> int:
    """Write all phrases to ``partial``; return how many samples."""
    container, subtype = SUFFIXES[output.suffix.lower()]
    n_samples = 0
    with soundfile.SoundFile(
        str(partial), "w", SPEECH_RATE, 1, subtype, format=container
    ) as file:
        for index, line in enumerate(script):
            if len(script) >= PROGRESS_FROM and index % 4 == 0:
                progress(f"\rspeaking: phrase {index + 1} of {len(script)} ", "")
            async with aclosing(spoken(engines.speech, line)) as stream:
                async for samples in stream:
                    # Not in a thread: it would write on while Ctrl-C closes the file.
                    file.write(np.clip(samples, -1.0, 1.0))
                    n_samples += len(samples)
        if len(script) >= PROGRESS_FROM:
            progress("")
    if n_samples == 0:
        raise BadRequest("there is nothing in the text that this voice can speak")
    return n_samples

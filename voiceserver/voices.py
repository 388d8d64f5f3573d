"""Which voices may be named, and what each is called by the synthesizer.

OpenAI's names are taken by any voice there is; all others are the synthesizer's own.
Knows neither where a name comes from nor how it sounds.
"""

from __future__ import annotations

from collections.abc import Sequence

from voiceserver.errors import BadRequest

# Names that OpenAI's clients know; openai-python 3.54, realtime and speech.
OPENAI_VOICES = tuple(
    "alloy ash ballad cedar coral echo fable marin nova onyx sage shimmer verse".split()
)


class Voices:
    """The voices of one synthesizer.

    Args:
        offered: The synthesizer's names; empty if they are not known.
        default: Speaks for OpenAI's names that the synthesizer does not know.

    Attributes:
        names: All that may be named, the default first.
    """

    def __init__(self, offered: Sequence[str], default: str) -> None:
        self._offered = offered
        self._default = default
        self.names = tuple(dict.fromkeys([default, *offered, *OPENAI_VOICES]))

    def check(self, value: object, path: str) -> str:
        """Read a voice given as ``"name"`` or ``{"id": "name"}``.

        Args:
            value: As it came, of any type.
            path: Where it was given, for the error.

        Raises:
            BadRequest: If there is no such voice; names those there are.
        """
        if isinstance(value, dict):
            value = value.get("id")
        if not isinstance(value, str):
            raise BadRequest(f"{path} must be a string", "invalid_type", path)
        if value not in self.names:
            message = f"unknown voice; the voices are: {', '.join(self.names)}"
            raise BadRequest(message, param=path)
        return value

    def spoken_by(self, name: str) -> str:
        """The synthesizer's name for the voice ``name``."""
        known = not self._offered or name in self._offered
        return name if known else self._default

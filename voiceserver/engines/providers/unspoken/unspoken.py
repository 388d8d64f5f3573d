"""What a text model streams that is not to be spoken, taken out as it comes; pure.

Halves of characters wait for their other half. Thoughts are left out, then calls that
are written instead of made, then the tokens of the chat's template. Knows nothing of
the stream around it.
"""

from __future__ import annotations

from collections.abc import Sequence

from voiceserver.engines.providers.unspoken.template import TemplateTokens
from voiceserver.engines.providers.unspoken.thoughts import Thoughts
from voiceserver.engines.providers.unspoken.unicode import Halves
from voiceserver.engines.providers.unspoken.written_calls import WrittenCalls
from voiceserver.tools import ToolCall


class Unspoken:
    """Leaves out of one answer what is not to be spoken; one object per answer.

    Args:
        source: Name of the provider, for error messages.
        offered: Names of the functions that may be called; where there are none, an
            object is an answer like any other.
        opened: The answer is expected to begin within a thought.
    """

    def __init__(
        self, source: str, offered: Sequence[str] = (), opened: bool = False
    ) -> None:
        self._halves = Halves()
        self._thoughts = Thoughts(opened)
        self._calls = WrittenCalls(source, offered)
        self._tokens = TemplateTokens()

    @property
    def opened(self) -> bool:
        """Whether the answer began within a thought, as far as is known.

        True once a closing tag was seen with none before it, false once the answer
        ended without one.
        """
        return self._thoughts.opened

    @property
    def calls(self) -> Sequence[ToolCall]:
        """Calls that were written, once the answer has ended."""
        return self._calls.calls

    def push(self, text: str) -> str:
        """Add text; return what is known to be spoken."""
        text = self._thoughts.push(self._halves.push(text))
        return self._tokens.push(self._calls.push(text))

    def apart(self) -> None:
        """Thoughts come by a way of their own: the text is none."""
        self._thoughts.apart()

    def flush(self, cut: bool = False) -> str:
        """The answer has ended; return the rest.

        Args:
            cut: By its length: a thought that was expected may not have ended.

        Raises:
            ProviderFailed: If it is a call that cannot be read or be made.
        """
        text = self._calls.push(self._thoughts.flush(cut)) + self._calls.flush()
        return self._tokens.push(text) + self._tokens.flush()

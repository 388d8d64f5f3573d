"""Where messages come into a call that may have to wait, and others who come by.

For carriers whose network can be held back (WebSocket): nothing of them is dropped.
Also where sidebands attach. Knows nothing of what is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from voiceserver.audio import MIC_RATE, Samples
from voiceserver.commands import Attach, Received
from voiceserver.session.inbox import Inbox, Lane
from voiceserver.session.loop_share import LoopShares
from voiceserver.session.microphone.listener import Listener

# Audio in messages comes as fast as the client sends, and none of it may be lost: the
# carrier waits while this much is unheard, so beyond it there is one message at most.
UNHEARD_MS = 2000
MESSAGES_RING_MS = 400_000
UNHEARD_LIVE_MS = 1000  # the same for audio beside messages: half the microphone's ring
# Characters. Such messages wait one at a time: the next is let in when it is known what
# the one before it took.
LARGE = 4_096
NS_A_CHARACTER = 4  # to unmask and decode it, before anybody here has seen it


class Door:
    """The way into one call.

    Args:
        inbox: Of its session.
        listener: Of its session.
        shares: Of its session: each sender waits for what its messages took.
    """

    def __init__(self, inbox: Inbox, listener: Listener, shares: LoopShares) -> None:
        self._inbox = inbox
        self._listener = listener
        self._shares = shares
        self._n_attached = 0
        self._closed = False

    async def deliver(self, text: str, sender: int = 0) -> None:
        """Take a message, waiting for room and for audio to be listened to.

        Args:
            text: The message.
            sender: What ``attach`` returned; 0 is the call's own client.
        """
        share = self._shares.of(sender)
        share.pay(len(text) * NS_A_CHARACTER)
        await asyncio.sleep(share.wait_s())
        await self._listener.caught_up(UNHEARD_MS)
        received = Received(text, sender)
        if len(text) > LARGE:
            await self._inbox.put_alone(Lane.COMMANDS, received)
        else:
            await self._inbox.put(Lane.COMMANDS, received)

    async def hear(self, samples: Samples) -> None:
        """Take microphone audio, 16 kHz mono, waiting rather than dropping any."""
        for at in range(0, len(samples), MIC_RATE):
            await self._listener.caught_up(UNHEARD_LIVE_MS)
            self._listener.hear(samples[at : at + MIC_RATE])

    def attach(
        self,
        send: Callable[[str], None],
        end: Callable[[], None],
        address: Mapping[str, str],
    ) -> int:
        """Let somebody else listen to the dialect's messages; return their number.

        Args:
            send: Takes each message.
            end: Called when the call is over.
            address: What its address asks for, as the dialect reads it.
        """
        self._n_attached += 1
        if self._closed:
            end()
        else:
            self._shares.begin(self._n_attached)
            attach = Attach(self._n_attached, send, end, address)
            self._inbox.post(Lane.COMMANDS, attach)
        return self._n_attached

    def detach(self, sender: int) -> None:
        """End what ``attach`` began."""
        self._shares.end(sender)
        if not self._closed:
            self._inbox.post(Lane.COMMANDS, Attach(sender, None))

    def close(self) -> None:
        """The call is over."""
        self._closed = True

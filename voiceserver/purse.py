"""What may still be paid for: caps of money of a call, of a key, and of a day. Pure.

Near a cap only the cheap tier of text models is asked, and at it only what costs
nothing: a caller is always answered. Knows no provider and no price, and no clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol


class Thrift(IntEnum):
    """Who may still be asked."""

    NONE = 0  # anybody
    CHEAP = 1  # no text model of the strong tier that has a price
    FREE = 2  # nobody who has a price


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit of money.

    Attributes:
        limit_usd: 0 is none.
        cheap_from: Share of it from which on the cheap tier must do, 0..1.
    """

    limit_usd: float = 0.0
    cheap_from: float = 1.0

    def thrift(self, spent_usd: float) -> Thrift:
        """Who may be asked once so much is spent."""
        if not self.limit_usd or spent_usd < self.cheap_from * self.limit_usd:
            return Thrift.NONE
        return Thrift.FREE if spent_usd >= self.limit_usd else Thrift.CHEAP


class Payer(Protocol):
    """Somebody who pays with a call, and has a cap of their own: its key, the day."""

    @property
    def thrift(self) -> Thrift:
        """Who may still be asked."""

    def pay(self, usd: float) -> None:
        """Take that so much more was spent."""


def _unheard(_thrift: Thrift) -> None:
    """Nobody wants to know."""


@dataclass(slots=True)
class Purse:
    """What one call may spend; by default as much as it likes.

    Attributes:
        cap: Of the call.
        payers: Pay with it.
        reached: Told each time that the call's own cap allows less than before.
        spent_usd: By the call so far, all providers together.
    """

    cap: Cap = Cap()
    payers: Sequence[Payer] = ()
    reached: Callable[[Thrift], None] = _unheard
    spent_usd: float = 0.0
    _beside_usd: float = field(default=0.0)

    @property
    def thrift(self) -> Thrift:
        """Who may still be asked: the strictest of all caps."""
        own = self.cap.thrift(self.spent_usd)
        return max((own, *(payer.thrift for payer in self.payers)))

    def pay(self, usd: float) -> None:
        """Take that so much more was spent."""
        if not usd:
            return
        before = self.cap.thrift(self.spent_usd)
        self.spent_usd += usd
        for payer in self.payers:
            payer.pay(usd)
        now = self.cap.thrift(self.spent_usd)
        if now > before:
            self.reached(now)

    def pay_beside(self, usd: float) -> None:
        """Take what was spent where no turn keeps the account: on being heard."""
        self.pay(usd)
        self._beside_usd += usd

    def beside(self) -> float:
        """Return, once, what was spent beside the turns since it was last asked."""
        usd, self._beside_usd = self._beside_usd, 0.0
        return usd

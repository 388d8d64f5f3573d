"""Which host is asked to take one more call: of two at random the one with more room.

Two choices spread calls nearly as evenly as looking at all hosts would (Mitzenmacher,
"The Power of Two Choices in Randomized Load Balancing", 2001), and do not send every
front's next call to the same one while what is known of it is a second old. Pure.
"""

from __future__ import annotations

import random
from collections.abc import Mapping

MOST_ASKED = 3  # hosts, for one call; each that refuses costs the caller time


def order(here: str, free: Mapping[str, int], rng: random.Random) -> list[str]:
    """Say who is asked, in this order.

    Args:
        here: The host that the client has come to.
        free: Places of each host, this one too.
        rng: Chooses.

    Returns:
        At most ``MOST_ASKED`` names; at least that of ``here``, which says no in its
        own words where nobody has room.
    """
    open_to_it = [name for name, places in free.items() if places > 0]
    two = rng.sample(open_to_it, min(2, len(open_to_it)))
    # Of two that are alike the one that needs no way.
    two.sort(key=lambda name: (-free[name], name != here))
    rest = [name for name in open_to_it if name not in two and name != here]
    rest.sort(key=lambda name: -free[name])
    if here in two:
        return (two + rest)[:MOST_ASKED]
    if here in open_to_it:
        return [*two, here][:MOST_ASKED]
    return [*(two + rest)[: MOST_ASKED - 1], here]

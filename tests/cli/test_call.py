"""``voiceserver call``; how it asks the server is tested with that."""

from __future__ import annotations

import pytest

from voiceserver.cli import call as module
from voiceserver.cli import main
from voiceserver.cli.call import CallOrder


@pytest.mark.parametrize("taken", [True, False])
def test_the_exit_code_says_whether_somebody_took_it(
    taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is asked for is what was given."""
    orders: list[CallOrder] = []

    async def called(_config: object, order: CallOrder) -> bool:
        orders.append(order)
        return taken

    monkeypatch.setattr(module, "_call", called)
    code = main(["call", "sip:a@b", "--from", "100", "--instructions", "Sell."])
    assert code == (0 if taken else 1)
    main(["call", "200", "--machine", "hang_up"])
    main(["call", "200", "--message", "Call back."])
    assert [order.asked() for order in orders[1:]] == [
        {"to": "200", "machine_detection": "hang_up"},
        {"to": "200", "machine_detection": "message", "message": "Call back."},
    ]
    assert orders[0].asked() == {
        "to": "sip:a@b",
        "from": "100",
        "session": {"instructions": "Sell."},
    }

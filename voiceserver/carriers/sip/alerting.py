"""A call that rings until somebody outside takes it, where somebody is asked.

Tells the exchange what there is to know of it, waits, and has it placed as it was
decided; a caller who gives up ends the waiting. Knows neither who decides nor how they
are asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from voiceserver.carriers.base import (
    Accepted,
    Alerting,
    Declined,
    Exchange,
    Pending,
)
from voiceserver.carriers.sip.description import NotAcceptable, Ours, answer_to
from voiceserver.carriers.sip.leg import Leg
from voiceserver.carriers.sip.message import REASONS
from voiceserver.carriers.sip.wire import Asked
from voiceserver.errors import BadRequest, SessionEnded, VoiceServerError
from voiceserver.streams import first_of

Place = Callable[[Accepted, str], Awaitable[str]]
_SECRET = ("authorization", "proxy-authorization")
_NOWHERE = Ours("", 0, 0, 0, bytes(30))


async def placed(
    exchange: Exchange,
    invite: Asked,
    leg: Leg,
    session: Mapping[str, object],
    place: Place,
) -> str | None:
    """Have a call placed, once somebody takes it if somebody is asked.

    Args:
        exchange: Of the server.
        invite: What came; not answered yet.
        leg: Of the call.
        session: What it is to be if nobody says otherwise.
        place: Places it, as it was decided and under an id (``""`` gives it one);
            returns our description.

    Returns:
        Our description; None if the call is not to be taken, and was refused.

    Raises:
        VoiceServerError: As ``place``; if its offer cannot be used; if there is no
            room; or if the caller gave up.
    """
    if not exchange.asks:
        return await place(Accepted(session, attended=True), "")
    pending = exchange.pend(alerting(invite, session))
    leg.ringing(invite)
    try:
        return await _decided(pending, invite, leg, place)
    finally:
        pending.over()


async def _decided(
    pending: Pending, invite: Asked, leg: Leg, place: Place
) -> str | None:
    while True:
        match await _decision(pending, leg):
            case None:
                raise SessionEnded("The caller gave up.")
            case Declined(status):
                why = REASONS.get(status, "Declined")
                invite.respond(status, why=why)
                pending.settled()
                return None
            case Accepted() as accepted:
                try:
                    description = await place(accepted, pending.call_id)
                except VoiceServerError as error:
                    pending.settled(error)
                    if accepted.attended or not _of_session(error):
                        raise
                    continue  # a program may ask for another one
                pending.settled()
                return description


def _of_session(error: VoiceServerError) -> bool:
    """Whether the session that was asked for is at fault."""
    return isinstance(error, BadRequest) and error.code != "invalid_sdp"


async def _decision(pending: Pending, leg: Leg) -> Accepted | Declined | None:
    """What was decided; None if the caller gave up before."""

    async def gone() -> None:
        await leg.gone.wait()

    decided = await first_of(pending.decided(), gone())
    return None if leg.gone.is_set() else decided


def alerting(invite: Asked, session: Mapping[str, object]) -> Alerting:
    """What there is to know of a call.

    Raises:
        BadRequest: If its offer cannot be used, whoever takes it.
    """
    request = invite.request
    try:
        encrypted = (
            answer_to(request.text, _NOWHERE)[0].keys is not None
            if request.body
            else None
        )
    except NotAcceptable as error:
        raise BadRequest(str(error), "invalid_sdp") from None
    headers = [
        (name, value)
        for name, values in request.headers.items()
        if name.lower() not in _SECRET
        for value in values
    ]
    return Alerting(headers, session, invite.flow.source[0], encrypted)

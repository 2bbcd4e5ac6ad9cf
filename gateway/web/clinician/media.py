"""Images of a case, for whoever has it open: those the AI was sent, and, after a demanded own judgement, those it answered with."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING, Final, Literal
from uuid import UUID  # noqa: TC003 - FastAPI reads annotations at run time

from fastapi import APIRouter
from fastapi.responses import Response

from gateway.api import signoff
from gateway.api.signoff.doors import denied_to
from gateway.display import parts as display
from gateway.errors import Conflict, Forbidden, Unknown
from gateway.web.clinician.queue import signer
from gateway.web.rendering import PageRoute, TheVisitor

if TYPE_CHECKING:
    from gateway.display.models import Media
    from gateway.policy.lanes import Lane

router = APIRouter(include_in_schema=False, route_class=PageRoute)
SAFE: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_HEADERS: Final = {"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff"}


@router.get("/review/{suggestion}/media/{side}/{number}")
async def media(suggestion: UUID, side: Literal["input", "suggestion"], number: int, seen: TheVisitor) -> Response:
    """One image or other content as it came; anything that is no known image can only be saved."""
    session, desk = await signer(seen), signoff.desk_of(seen.parts)
    try:
        shown = await signoff.look(suggestion, session, desk)
    except Conflict:
        raise _nothing() from None
    except Forbidden as error:
        raise await denied_to(seen.parts, session, suggestion, error) from None
    found = [one for one in _media(shown, desk.signoff.lanes.of(shown.system, shown.task), side) if one.number == number]
    if not found:
        raise _nothing()
    kind = found[0].type if found[0].type in SAFE else "application/octet-stream"
    saving = {} if kind in SAFE else {"Content-Disposition": f'attachment; filename="{side}-{number}.bin"'}
    return Response(found[0].data, headers=_HEADERS | saving, media_type=kind)


def _media(shown: signoff.Shown, lane: Lane, side: str) -> tuple[Media, ...]:
    asked = display.sent(lane.system.protocol, b64decode(shown.input), "en", lane.reading.columns)
    if side == "input":
        return asked.media
    return display.media(display.suggestion(shown.content, asked, "en")) if isinstance(shown.content, dict) else ()


def _nothing() -> Unknown:
    return Unknown(
        "There is no such content of a case that is open for you. Open the case first.",
        fr="Aucun contenu de ce nom dans un dossier ouvert pour vous. Ouvrez d'abord le dossier.",
    )

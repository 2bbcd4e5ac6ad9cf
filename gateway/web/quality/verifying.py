"""The button "verify now": begins a full verification and shows how far it is, without script, until its verdict is there."""

from typing import Final

from fastapi import APIRouter
from fastapi.responses import Response

from gateway.api.dependencies import demand
from gateway.identity.roles import Right
from gateway.operations.verification.running import Verifications
from gateway.web.quality.search import log_page
from gateway.web.rendering import PageRoute, TheVisitor, Visitor, person, posted, to

__all__ = ["TheVisitor", "router"]

router = APIRouter(include_in_schema=False, route_class=PageRoute)
PATIENCE_SECONDS: Final = 3.0
_AGAIN: Final = {"Refresh": "1"}


@router.post("/log/verify")
async def verify_now(seen: TheVisitor) -> Response:
    """Begin, unless one is under way."""
    await posted(seen)
    await demand(seen.parts, person(seen), Right.READ_LOG)
    running = _verifications(seen)
    running.start()
    await running.wait(PATIENCE_SECONDS)
    return to("/log/verification")


@router.get("/log/verification")
async def verification(seen: TheVisitor) -> Response:
    """How far it is, or its verdict."""
    await demand(seen.parts, person(seen), Right.READ_LOG)
    progress = _verifications(seen).progress
    if progress is None:
        return to("/log")
    if progress.report is not None:
        return await log_page(seen, progress.report)
    page = seen.page("log_verification.html", progress=progress)
    page.headers.update({} if progress.failure else _AGAIN)
    return page


def _verifications(seen: Visitor) -> Verifications:
    found = seen.request.app.state.verifications
    assert isinstance(found, Verifications)  # noqa: S101 - set by gateway.app, nobody else
    return found

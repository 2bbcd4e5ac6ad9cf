"""Not deciding, and taking back: defer, hand over, ask, undo, emergency, and keeping a case while one works on it (R2, R7, R17)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID  # noqa: TC003 - FastAPI reads annotations at run time

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError

from gateway.api import signoff
from gateway.api.signoff.doors import denied_to
from gateway.errors import Forbidden, GarantError
from gateway.signoff.models import EmergencyReason, PassingReason
from gateway.web.clinician.case import Sent, case_page, standing_page
from gateway.web.clinician.forms import active_of, fault_of
from gateway.web.clinician.onward import asked_of, onward, put_back, within_of
from gateway.web.clinician.queue import signer
from gateway.web.rendering import Fault, PageRoute, TheVisitor, Visitor, person, posted, to
from gateway.web.texts import words

if TYPE_CHECKING:
    from collections.abc import Mapping

router = APIRouter(include_in_schema=False, route_class=PageRoute)
UNPROCESSABLE = 422


@router.post("/review/{suggestion}/defer")
async def defer(suggestion: UUID, seen: TheVisitor) -> Response:
    """Put the case back; its clock runs on."""
    form = await posted(seen)
    session = await signer(seen)
    try:
        body = signoff.LeaseBody.model_validate({"lease": form.get("lease", ""), "active_seconds": active_of(form)})
        await signoff.meant(suggestion, session, seen.parts, signoff.desk_of(seen.parts))
        await signoff.defer(suggestion, body, session, seen.parts, signoff.desk_of(seen.parts))
    except (GarantError, ValidationError) as error:
        return await case_page(seen, suggestion, _refused(form, error, seen))
    return put_back(suggestion, within_of(form))


@router.post("/review/{suggestion}/leave")
async def leave(suggestion: UUID, seen: TheVisitor) -> Response:
    """The page was closed or left without a decision: its time counts. Sent by the page as it goes; nobody reads the answer."""
    form = await posted(seen)
    session = await signer(seen)
    try:
        body = signoff.LeaseBody.model_validate({"lease": form.get("lease", ""), "active_seconds": active_of(form)})
        await signoff.leave(suggestion, body, session, signoff.desk_of(seen.parts))
    except (GarantError, ValidationError) as error:
        return Response(status_code=error.status if isinstance(error, GarantError) else UNPROCESSABLE)
    return Response(status_code=204)


@router.get("/review/{suggestion}/hand-over")
async def hand_over_page(suggestion: UUID, seen: TheVisitor) -> Response:
    """Who may take the case, and what to ask of them."""
    return await _hand_over_page(seen, suggestion, Sent())


@router.post("/review/{suggestion}/hand-over")
async def hand_over(suggestion: UUID, seen: TheVisitor) -> Response:
    """Give the case to a colleague, or ask for an opinion, then on to the next."""
    form = await posted(seen)
    session = await signer(seen)
    if not form.get("to") or form.get("mode") not in {"give", "ask"}:
        missing = Fault(words(seen.language)["colleague_first"], "to")
        return await _hand_over_page(seen, suggestion, Sent(form, (missing,), UNPROCESSABLE))
    given = {name: form.get(name, "") for name in ("lease", "to", "mode", "reason")} | {"comment": form.get("message", "")}
    try:
        body = signoff.HandOver.model_validate({**given, "active_seconds": active_of(form)})
        await signoff.hand_over(suggestion, body, session, seen.parts, signoff.desk_of(seen.parts))
    except (GarantError, ValidationError) as error:
        return await _hand_over_page(seen, suggestion, _refused(form, error, seen))
    return await onward(seen, session, within=within_of(form), passed=(body.mode, suggestion))


@router.post("/review/{suggestion}/undo")
async def undo(suggestion: UUID, seen: TheVisitor) -> Response:
    """Take the signature back while nothing has left, and open the case again."""
    await posted(seen)
    session, desk = await signer(seen), signoff.desk_of(seen.parts)
    try:
        await signoff.undo(suggestion, session, seen.parts, desk)
        await signoff.open_case(suggestion, session, seen.parts, desk)
    except GarantError as error:
        row = await desk.signoff.suggestions.get(suggestion)
        return await standing_page(seen, session, row, (fault_of(error, seen.language),), error.status)
    return to(f"/review/{suggestion}")


@router.post("/review/{suggestion}/emergency")
async def emergency(suggestion: UUID, seen: TheVisitor) -> Response:
    """Release now, labelled; a signature stays owed."""
    form = await posted(seen)
    session, desk = person(seen), signoff.desk_of(seen.parts)
    try:
        body = signoff.BreakGlass(reason=EmergencyReason(form.get("reason", "")))
        await signoff.break_glass(suggestion, body, session, seen.parts, desk)
    except (GarantError, ValueError) as error:
        fault = fault_of(error, seen.language) if isinstance(error, GarantError) else Fault(words(seen.language)["emergency_needs_reason"])
        row = await desk.signoff.suggestions.get(suggestion)
        return await standing_page(seen, session, row, (fault,), error.status if isinstance(error, GarantError) else UNPROCESSABLE)
    return to(f"/review/{suggestion}")


@router.post("/review/{suggestion}/lease")
async def lease(suggestion: UUID, seen: TheVisitor) -> Response:
    """Keep the case while one works on it: the seconds it is kept for, or why it is not."""
    form = await posted(seen)
    session = await signer(seen)
    try:
        body = signoff.Extension.model_validate({"lease": form.get("lease", "")})
        kept = await signoff.extend(suggestion, body, session, seen.parts, signoff.desk_of(seen.parts))
    except GarantError as error:
        return JSONResponse({"message": error.said(seen.language)}, error.status)
    except ValidationError:
        return JSONResponse({"message": words(seen.language)["form_unreadable"]}, UNPROCESSABLE)
    return JSONResponse({"seconds": (kept.leased_until - seen.parts.clock.now()).total_seconds()})


async def _hand_over_page(seen: Visitor, suggestion: UUID, sent: Sent) -> Response:
    session, desk = await signer(seen), signoff.desk_of(seen.parts)
    try:
        shown = await signoff.look(suggestion, session, desk)
    except Forbidden as error:
        raise await denied_to(seen.parts, session, suggestion, error) from None
    colleagues = await signoff.colleagues(suggestion, session, seen.parts, desk)
    within = (within_of(sent.typed) if sent.typed else asked_of(seen.request.query_params)).query()
    values = {"shown": shown, "colleagues": colleagues, "typed": sent.typed, "problems": sent.faults, "within": within}
    return seen.page("hand_over.html", sent.status, **values, names=seen.names(), reasons=[reason.value for reason in PassingReason])


def _refused(form: Mapping[str, str], error: GarantError | ValidationError, seen: Visitor) -> Sent:
    if isinstance(error, GarantError):
        return Sent(form, (fault_of(error, seen.language),), error.status)
    return Sent(form, (Fault(words(seen.language)["form_unreadable"]),), UNPROCESSABLE)

"""The signed record over HTTP, in three of its four forms; the fourth is the page (R4).

Promises: the forms say the same; they need the right to read this case, and a refusal is logged; nothing of the suggestion's content is in them; there is
none while the second of two has still to decide (R12).
"""

from typing import Annotated, Final, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Header, Query, Response

from gateway.api.dependencies import CurrentSession, Parts, TheParts, demand
from gateway.api.reading import noted
from gateway.api.records.fhir import provenance
from gateway.api.records.models import SignedRecord, record_of
from gateway.api.records.pdf import pdf
from gateway.api.signoff import desk_of
from gateway.api.signoff.doors import logged
from gateway.errors import preferred
from gateway.identity.roles import Right
from gateway.identity.sessions import Session
from gateway.signoff.record import open_between_two, standing

router = APIRouter(tags=["records"], prefix="/suggestions/{suggestion}")
Language = Literal["fr", "en"]
Reason = Annotated[str, Query(max_length=40, description="why it is read: a code of reading_reasons; clinicians need none")]
_FHIR: Final = "application/fhir+json"


@router.get("/record.json")
async def as_json(suggestion: UUID, session: CurrentSession, parts: TheParts, reason: Reason = "") -> SignedRecord:
    """Who decided what on a suggestion, when, in which meaning, for which model and version."""
    return await _record(suggestion, session, parts, ("record.json", reason))


@router.get("/record.pdf", response_class=Response, responses={200: {"content": {"application/pdf": {}}}})
async def as_pdf(
    suggestion: UUID,
    session: CurrentSession,
    parts: TheParts,
    lang: Language | None = None,
    accept_language: Annotated[str, Header()] = "",
    reason: Reason = "",
) -> Response:
    """The same for the patient file, as PDF/A; in French unless English is asked for."""
    language = lang or preferred(accept_language, "fr")
    made = await pdf(await _record(suggestion, session, parts, ("record.pdf", reason)), language)
    name = {"Content-Disposition": f'inline; filename="record-{suggestion}.pdf"', "Content-Language": language}
    return Response(made, media_type="application/pdf", headers=name)


@router.get("/record.fhir.json", response_class=Response, responses={200: {"content": {_FHIR: {}}}})
async def as_fhir(suggestion: UUID, session: CurrentSession, parts: TheParts, reason: Reason = "") -> Response:
    """The same as a FHIR R4 Provenance, with the signature by each verifier's own passkey where there is one."""
    record = await _record(suggestion, session, parts, ("record.fhir", reason))
    signed = await desk_of(parts).signoff.suggestions.assertions(suggestion)
    return Response(orjson.dumps(provenance(record, signed)), media_type=_FHIR)


async def _record(suggestion: UUID, session: Session, parts: Parts, why: tuple[str, str]) -> SignedRecord:
    """The record; that it was read, in which form and for which reason, is an entry before it is given."""
    await demand(parts, session, Right.READ_CASES)
    desk = desk_of(parts).signoff
    row, suggestions = await logged(parts, session, suggestion, desk.readable(session.person, suggestion)), desk.suggestions
    signatures = [] if open_between_two(row) else standing(await suggestions.signatures(suggestion))
    names = {system.id: system.name for system in parts.settings.systems}
    record = record_of(row, signatures, parts.settings.establishment, names.get(row.system, row.system))
    await noted(parts, session, (row,), *why)
    return record

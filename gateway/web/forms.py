"""What the pages' forms do: each checks where it came from, does one thing through the API's own functions, and goes on."""

import asyncio
import json
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from gateway.api import accounts, signoff, stops
from gateway.api.dependencies import demand, take_cookie
from gateway.audit.verifier import verify
from gateway.errors import BadInput, GarantError
from gateway.identity.roles import Right
from gateway.identity.sessions import Session, check_csrf
from gateway.messages import JsonValue
from gateway.operations.auditing import snapshot
from gateway.signoff.models import EmergencyReason
from gateway.web.pages import TheVisitor, case_page, log_page, person
from gateway.web.rendering import PageRoute, Visitor, local, to

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_TENSOR = "tensor"


@router.post("/sign-in")
async def sign_in(seen: TheVisitor, request: Request) -> Response:
    """Begin a session."""
    form = await request.form()
    answer = to(local(str(form.get("next", ""))))
    try:
        body = accounts.Login(login=str(form.get("login", "")), password=str(form.get("password", "")))
        await accounts.sign_in(body, seen.parts, request, answer)
    except (GarantError, ValidationError) as error:
        status = error.status if isinstance(error, GarantError) else 401
        return seen.page("sign_in.html", status, problem=error.said(seen.language) if isinstance(error, GarantError) else "")
    return answer


@router.post("/sign-out")
async def sign_out(seen: TheVisitor, request: Request) -> Response:
    """End the session."""
    await checked(seen, request)
    await seen.parts.sessions.end(person(seen))
    answer = to("/")
    take_cookie(seen.parts, answer)
    return answer


@router.post("/password")
async def password(seen: TheVisitor, request: Request) -> Response:
    """Choose an own password."""
    form = await checked(seen, request)
    answer = to("/")
    try:
        body = accounts.PasswordChange(current=form.get("current", ""), new=form.get("new", ""))
        await accounts.choose_password(body, person(seen), seen.parts, request, answer)
    except (GarantError, ValidationError) as error:
        return seen.page(
            "password.html", 400, problem=error.said(seen.language) if isinstance(error, GarantError) else str(error.error_count())
        )
    return answer


@router.post("/next")
async def open_next(seen: TheVisitor, request: Request) -> Response:
    """Open the first case that nobody has open."""
    await checked(seen, request)
    session = await _signer(seen)
    found = await signoff.queue(session, seen.parts, signoff.desk_of(seen.parts))
    free = next((case for case in found.cases if not case.leased or case.leased_by_me), None)
    return to("/queue") if free is None else await case_page(seen, free.id)


@router.post("/review/{suggestion}/open")
async def open_case(suggestion: UUID, seen: TheVisitor, request: Request) -> Response:
    """Take the lease and show the case."""
    await checked(seen, request)
    await _signer(seen)
    return await case_page(seen, suggestion)


@router.post("/review/{suggestion}/decision")
async def decide(suggestion: UUID, seen: TheVisitor, request: Request) -> Response:
    """Sign. A refusal is shown with everything that was typed; nothing is lost."""
    form = await checked(seen, request)
    session = await _signer(seen)
    try:
        body = signoff.DecisionBody.model_validate(decision_of(form))
        await signoff.decide(suggestion, body, session, seen.parts, signoff.desk_of(seen.parts))
    except GarantError as error:
        return await case_page(seen, suggestion, error.said(seen.language), form, error.status)
    except (ValidationError, ValueError):
        sentence = "Choose approve, amend or reject; a rejection needs a reason, an amendment a change."
        return await case_page(seen, suggestion, sentence, form, 422)
    return to("/queue")


@router.post("/review/{suggestion}/defer")
async def defer(suggestion: UUID, seen: TheVisitor, request: Request) -> Response:
    """Put the case back."""
    form = await checked(seen, request)
    session = await _signer(seen)
    try:
        await signoff.defer(suggestion, signoff.LeaseBody(lease=UUID(form["lease"])), session, seen.parts, signoff.desk_of(seen.parts))
    except GarantError as error:
        return seen.page("problem.html", error.status, message=error.said(seen.language))
    return to("/queue")


@router.post("/review/{suggestion}/emergency")
async def emergency(suggestion: UUID, seen: TheVisitor, request: Request) -> Response:
    """Release now, labelled."""
    form = await checked(seen, request)
    try:
        body = signoff.BreakGlass(reason=EmergencyReason(form.get("reason", "")))
        await signoff.break_glass(suggestion, body, person(seen), seen.parts, signoff.desk_of(seen.parts))
    except (GarantError, ValueError) as error:
        message = error.said(seen.language) if isinstance(error, GarantError) else "An emergency release needs its reason."
        return seen.page("problem.html", 400, message=message)
    return to(f"/review/{suggestion}")


@router.post("/log/verify")
async def verify_now(seen: TheVisitor, request: Request) -> Response:
    """Verify the whole log now."""
    await checked(seen, request)
    await demand(seen.parts, person(seen), Right.READ_LOG)
    found = await snapshot(seen.parts.url, seen.parts.settings.establishment.id)
    verdict = await asyncio.to_thread(
        verify, found.leaves, found.checkpoint, seen.parts.keys.vkeys, found.policies, found.kept, found.assertions
    )
    return await log_page(seen, verdict=verdict)


@router.post("/stops/{act}")
async def stop(act: str, seen: TheVisitor, request: Request) -> Response:
    """Stop or resume a scope."""
    form = await checked(seen, request)
    try:
        body = stops.Stop(scope=form.get("scope", ""), reason=form.get("reason", ""))
        work = stops.resume if act == "resume" else stops.stop
        await work(body, person(seen), seen.parts, signoff.desk_of(seen.parts))
    except (GarantError, ValidationError) as error:
        message = error.said(seen.language) if isinstance(error, GarantError) else "Say what and why, in a few words."
        return seen.page("problem.html", 400, message=message)
    return to("/stops")


async def checked(seen: Visitor, request: Request) -> dict[str, str]:
    """The fields of a form that one of our pages has sent. Raises Unauthenticated, Forbidden."""
    form = {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    check_csrf(person(seen), form.get("csrf"))
    return form


async def _signer(seen: Visitor) -> Session:
    session = person(seen)
    await demand(seen.parts, session, Right.SIGN)
    return session


def decision_of(form: dict[str, str]) -> dict[str, object]:
    """The members of a decision, as its form says them. Raises BadInput, ValueError."""
    decision = form.get("decision", "")
    body: dict[str, object] = {name: form.get(name, "") for name in ("lease", "shown_sha256", "comment")}
    body["proof"] = form.get("proof") or None
    body["assertion"] = json.loads(form["assertion"]) if form.get("assertion") else None
    body["decision"] = decision
    if decision == "reject":
        body["reason"] = form.get("reason", "")
    if decision == "amend":
        body["amendment"] = _amendment(form)
        body["changes_decision"] = form.get("changes_decision") == "yes"
    return body


def _amendment(form: dict[str, str]) -> dict[str, JsonValue]:
    """The fields whose text is another than what was shown. Raises ValueError for a table that is no list of values."""
    changed: dict[str, JsonValue] = {}
    for name, value in form.items():
        kind, _, pointer = name.partition(":")
        if kind not in {"text", _TENSOR, "json"} or value.replace("\r\n", "\n") == form.get(f"was:{pointer}", "").replace("\r\n", "\n"):
            continue
        changed[pointer] = value.replace("\r\n", "\n") if kind == "text" else json.loads(value)
    if not changed:
        message = "An amendment has to change something; to leave it as it is, approve it."
        raise BadInput(message, code="nothing_changed")
    return changed

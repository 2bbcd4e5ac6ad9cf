"""What the pages' forms do: each checks where it came from, does one thing through the API's own functions, and goes on."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from gateway.api import accounts, signoff, stops
from gateway.api.dependencies import secure, take_cookie
from gateway.errors import GarantError
from gateway.web import preferences as choices
from gateway.web.pages import preferences_page
from gateway.web.rendering import NEXT_COOKIE, Fault, PageRoute, TheVisitor, fields, from_elsewhere, local, person, posted, to
from gateway.web.texts import words

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.post("/sign-in")
async def sign_in(seen: TheVisitor, request: Request) -> Response:
    """Begin a session."""
    form, known = await fields(request), words(seen.language)
    if from_elsewhere(request):  # another site must not sign anybody in under a name of its choice
        return seen.page("sign_in.html", 403, problem=known["sign_in_from_here"])
    answer = to(local(form.get("next", "")))
    try:
        body = accounts.Login(login=form.get("login", ""), password=form.get("password", ""))
        await accounts.sign_in(body, seen.parts, request, answer)
    except ValidationError:
        return seen.page("sign_in.html", 422, problem=known["sign_in_both"])
    except GarantError as error:
        return seen.page("sign_in.html", error.status, problem=error.said(seen.language))
    return answer


@router.post("/sign-out")
async def sign_out(seen: TheVisitor) -> Response:
    """End the session; the next page forgets what this browser kept of unsent texts."""
    await posted(seen)
    await seen.parts.sessions.end(person(seen))
    answer = to("/?signed-out=yes")
    answer.delete_cookie(NEXT_COOKIE)
    take_cookie(seen.parts, answer)
    return answer


@router.post("/password")
async def password(seen: TheVisitor, request: Request) -> Response:
    """Choose an own password."""
    form = await posted(seen)
    answer = to("/")
    try:
        body = accounts.PasswordChange(current=form.get("current", ""), new=form.get("new", ""))
        await accounts.choose_password(body, person(seen), seen.parts, request, answer)
    except ValidationError:
        return seen.page("password.html", 422, problem=words(seen.language)["password_both"])
    except GarantError as error:
        return seen.page("password.html", error.status, problem=error.said(seen.language))
    return answer


@router.post("/preferences")
async def preferences(seen: TheVisitor) -> Response:
    """Keep theme and keys with the account; a choice that cannot be is shown again with its reason."""
    form = await posted(seen)
    try:
        kept = choices.chosen(form)
    except GarantError as error:
        return preferences_page(seen, seen.preferences, (Fault(error.said(seen.language), "letters"),), 422)
    await choices.keep(seen.parts.database, person(seen).person.id, choices=kept.kept())
    answer = to("/preferences?saved=yes")
    answer.set_cookie(
        choices.COOKIE, kept.theme_alone().kept(), max_age=choices.LIFETIME, secure=secure(seen.parts), samesite="strict", httponly=True
    )
    return answer


@router.post("/stops/{act}")
async def stop(act: str, seen: TheVisitor) -> Response:
    """Stop or resume a scope."""
    form = await posted(seen)
    try:
        body = stops.Stop(scope=form.get("scope", ""), reason=form.get("reason", ""))
        work = stops.resume if act == "resume" else stops.stop
        await work(body, person(seen), seen.parts, signoff.desk_of(seen.parts))
    except (GarantError, ValidationError) as error:
        message = error.said(seen.language) if isinstance(error, GarantError) else words(seen.language)["stop_needs_why"]
        return seen.page("problem.html", 400, message=message)
    return to("/stops")

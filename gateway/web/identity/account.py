"""One's own account: passkeys, sign-ins, password. Everything but making a passkey works without script."""

import json
from typing import TYPE_CHECKING
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError

from gateway.api import problems
from gateway.api.dependencies import demand
from gateway.api.identity import passkeys, people, sessions
from gateway.errors import GarantError
from gateway.identity.oidc.profiles import sources
from gateway.identity.roles import Right
from gateway.identity.trust.confirming import ways_to_confirm
from gateway.web.clinician.forms import Incomplete, decision_of, seen_mark
from gateway.web.rendering import PageRoute, TheVisitor, Visitor, person, posted, to
from gateway.web.texts import words

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydantic import JsonValue

    from gateway.identity.people import Person
    from gateway.settings import Identity

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_SEEING = {"password": "i_saw_them_choose_their_password", "provider": "i_saw_them_sign_in"}
_UNREADABLE = "What the browser sent cannot be read. Reload the page and try again."
_AS_IT_STANDS = {"send": True}
"""Nothing to sign yet: the form is sent without, and comes back with what is missing or with the difference to look at."""
_UNREADABLE_FR = "L'envoi du navigateur est illisible. Rechargez la page et réessayez."


@router.get("/account")
async def account(seen: TheVisitor) -> Response:
    """Passkeys and sign-ins of whoever is signed in."""
    return await account_page(seen)


@router.post("/account/confirm")
async def confirm(seen: TheVisitor) -> Response:
    """Prove by passkey or password who one is, so that passkeys can be changed."""
    form, session = await posted(seen), person(seen)
    if form.get("assertion"):
        try:
            proof = passkeys.PasskeyProof(assertion=json.loads(form["assertion"]))
        except ValueError:
            return await account_page(seen, _UNREADABLE_FR if seen.language == "fr" else _UNREADABLE, 400)
        return await _done(seen, passkeys.confirm(proof, session, seen.parts))
    if not form.get("proof"):
        return await account_page(seen, words(seen.language)["confirm_how"], 422)
    return await _done(seen, seen.parts.sessions.prove(session, form["proof"]))


@router.post("/account/confirm/options")
async def confirm_options(seen: TheVisitor) -> Response:
    """What the script needs to have a passkey prove who one is."""
    await posted(seen)
    return await _options(seen, passkeys.confirm_options(person(seen), seen.parts))


@router.post("/account/passkeys/options")
async def registration_options(seen: TheVisitor) -> Response:
    """What the script needs to make a passkey."""
    await posted(seen)
    return await _options(seen, passkeys.registration_options(person(seen), seen.parts))


@router.post("/account/passkeys")
async def add(seen: TheVisitor) -> Response:
    """Keep the passkey that the script made."""
    form = await posted(seen)
    try:
        wish = passkeys.PasskeyWish(name=form.get("name", ""), credential=json.loads(form.get("credential", "")))
    except (ValueError, ValidationError):
        return await account_page(seen, _UNREADABLE_FR if seen.language == "fr" else _UNREADABLE, 400)
    return await _done(seen, passkeys.add_passkey(wish, person(seen), seen.parts))


@router.post("/account/passkeys/{passkey}/remove")
async def remove(passkey: UUID, seen: TheVisitor) -> Response:
    """End a passkey."""
    await posted(seen)
    return await _done(seen, passkeys.remove_passkey(passkey, person(seen), seen.parts))


@router.post("/account/sessions/{which}/end")
async def end(which: UUID, seen: TheVisitor) -> Response:
    """Sign out elsewhere."""
    await posted(seen)
    return await _done(seen, sessions.end_session(which, person(seen), seen.parts))


@router.post("/account/people/{which}/confirm")
async def confirm_person(which: UUID, seen: TheVisitor) -> Response:
    """Answer for who a colleague is, in the words of the page."""
    form = await posted(seen)
    said = {name: True for name in people.Confirmation.model_fields if form.get(name) == "yes"}
    said |= {form["saw"]: True} if form.get("saw", "") in people.Confirmation.model_fields else {}
    try:
        words_of = people.Confirmation.model_validate(said)
    except ValidationError:
        return await account_page(seen, words(seen.language)["confirm_person_both"], 400)
    return await _done(seen, people.confirm_person(which, words_of, person(seen), seen.parts))


@router.post("/review/{suggestion}/passkey-options")
async def decision_options(suggestion: UUID, seen: TheVisitor) -> Response:
    """What the script needs to have the decision in the form signed."""
    form = await posted(seen)
    session = person(seen)
    await demand(seen.parts, session, Right.SIGN)
    try:
        body = decision_of(form, seen.language, judged=form.get("judged") == "yes")
    except Incomplete:
        return JSONResponse(_AS_IT_STANDS)
    if body.decision == "amend" and form.get("seen") != seen_mark(form):
        return JSONResponse(_AS_IT_STANDS)
    return await _options(seen, passkeys.decision_options(suggestion, body, session, seen.parts))


async def account_page(seen: Visitor, problem: str = "", status: int = 200) -> Response:
    """The page, with what went wrong above it."""
    session, methods = person(seen), seen.parts.settings.identity.methods
    held = await seen.parts.passkeys.listed(session.person)
    by_password = "password" in methods and seen.parts.passkeys.password_proves(len(held))
    return seen.page(
        "account.html",
        status,
        problem=problem,
        passkeys=held,
        running=await seen.parts.sessions.running(session.person),
        fresh=await seen.parts.passkeys.may_change(session),
        methods=methods,
        seeing=_SEEING,
        called=_called(seen.parts.settings.identity),
        proving={"passkey": "passkey" in methods and bool(held), "password": by_password, "provider": "oidc" in methods},
        unconfirmed=[(one, ways) for one in await seen.parts.people.doubtful() if (ways := ways_to_confirm(session.person, one, methods))],
    )


def _called(identity: "Identity") -> "Callable[[Person], str]":
    """By which names providers and health records let somebody into an account, for the eyes of whoever confirms it."""
    accounts = sorted({source.account for source in sources(identity, {}).values()})

    def names(one: "Person") -> str:
        known = {"login": one.login, "national_id": one.foreign.national_id, "ehr_user": one.foreign.ehr_user}
        return ", ".join(str(known[account]) for account in accounts if known[account])

    return names


async def _done(seen: Visitor, work: "Awaitable[object]") -> Response:
    try:
        await work
    except GarantError as error:
        return await account_page(seen, error.said(seen.language), error.status)
    return to("/account")


async def _options(seen: Visitor, work: "Awaitable[dict[str, JsonValue]]") -> Response:
    try:
        return JSONResponse({"publicKey": await work, "cancelled": words(seen.language)["passkey_cancelled"]})
    except GarantError as error:
        return problems.refusal(error, seen.language)

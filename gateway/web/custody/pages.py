"""What is kept how long, what is held, what two people erase: one page for quality; hospital IT sees the clocks and the holds.

The forms do one thing to one case, through the API's own functions, and the page after each is fetched anew.
"""

import json
from collections.abc import Awaitable
from datetime import date
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError

from gateway.api import problems
from gateway.api.custody import routes as api
from gateway.api.custody.models import Asking, AskingOptions, DeathBody, HoldBody, Proving
from gateway.custody.rules import REFUSED
from gateway.custody.words import said
from gateway.errors import BadInput, GarantError
from gateway.identity.roles import Right
from gateway.web.custody.shown import chosen
from gateway.web.quality.search import people_of
from gateway.web.rendering import PageRoute, TheVisitor, Visitor, person, posted, to
from gateway.web.texts import words

__all__ = ["TheVisitor", "router"]

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/custody")
async def custody(seen: TheVisitor) -> Response:
    """Clocks, holds, requests to erase."""
    return await custody_page(seen)


@router.post("/custody/erasures")
async def ask(seen: TheVisitor) -> Response:
    """The first of two people."""
    form = await posted(seen)

    async def work() -> object:
        body = Asking(case=_case(form), basis=form.get("basis", "")[:40], **_proof(form))
        return await api.ask(body, person(seen), seen.parts, api.custody_of(seen.request))

    return await _done(seen, work(), form)


@router.post("/custody/erasures/{erasure}/{act}")
async def close(erasure: UUID, act: Literal["confirm", "withdraw"], seen: TheVisitor) -> Response:
    """The second of two people; or the request is taken back."""
    form = await posted(seen)
    session, kept = person(seen), api.custody_of(seen.request)
    if act == "withdraw":
        return await _done(seen, api.withdraw(erasure, session, seen.parts, kept), form)

    async def work() -> object:
        return await api.confirm(erasure, Proving(**_proof(form)), session, seen.parts, kept)

    return await _done(seen, work(), form)


@router.post("/custody/holds")
async def hold(seen: TheVisitor) -> Response:
    """Hold a case, or lift a hold."""
    form = await posted(seen)

    async def work() -> None:
        body = HoldBody(case=_case(form), reason=form.get("reason", "")[:40])
        act = api.lift if form.get("act") == "lift" else api.hold
        await act(body, person(seen), seen.parts, api.custody_of(seen.request))

    return await _done(seen, work(), form)


@router.post("/custody/deaths")
async def died(seen: TheVisitor) -> Response:
    """Note a death."""
    form = await posted(seen)

    async def work() -> None:
        body = DeathBody(case=_case(form), day=_day(form.get("day", "")))
        await api.died(body, person(seen), seen.parts, api.custody_of(seen.request))

    return await _done(seen, work(), form)


@router.post("/custody/passkey-options")
async def passkey_options(seen: TheVisitor) -> Response:
    """What the script needs to have a request, or its confirmation, signed by a passkey."""
    form = await posted(seen)
    try:
        erasure = form.get("erasure")
        body = AskingOptions(
            case=None if erasure else _case(form), basis=form.get("basis", "")[:40], erasure=UUID(erasure) if erasure else None
        )
        options = await api.passkey_options(body, person(seen), seen.parts)
    except (GarantError, ValueError) as error:
        refusal = error if isinstance(error, GarantError) else _unreadable()
        return JSONResponse({"send": True}) if refusal.code == "no_passkey" else problems.refusal(refusal, seen.language)
    return JSONResponse({"publicKey": options, "cancelled": words(seen.language)["passkey_cancelled"]})


async def custody_page(
    seen: Visitor, problem: str = "", status: int = 200, typed: dict[str, str] | None = None, letter: dict[str, Any] | None = None
) -> Response:
    """The page, with what went wrong above it, and the answer to the person where the law forbids what they asked for (R26)."""
    session, parts, kept = person(seen), seen.parts, api.custody_of(seen.request)
    clocks = await api.retention(session, parts, kept)
    erases, rule = Right.ERASE in session.person.rights, parts.settings.retention
    return seen.page(
        "custody.html",
        status,
        problem=problem,
        typed=typed or {},
        letter=letter,
        establishment=parts.settings.establishment.name,
        clocks=clocks,
        rule=rule,
        erases=erases,
        requests=await api.erasures(session, parts, kept) if erases else [],
        people=await people_of(seen),
        bases=chosen(seen, rule.bases),
        hold_reasons=chosen(seen, rule.hold_reasons),
        basis_words={one.code: said(rule.bases, one.code, seen.language) for one in rule.bases},
        hold_words={one.code: said(rule.hold_reasons, one.code, seen.language) for one in rule.hold_reasons},
        password="password" in parts.settings.identity.methods and parts.settings.profile != "production",
        provider="oidc" in parts.settings.identity.methods,
        passkey="passkey" in parts.settings.identity.methods and bool(await parts.passkeys.listed(session.person)),
    )


async def _done(seen: Visitor, work: Awaitable[object], form: dict[str, str]) -> Response:
    try:
        await work
    except ValidationError:
        return await custody_page(seen, _unreadable().said(seen.language), 400, form)
    except GarantError as error:
        letter = _letter(seen, form) if error.code == REFUSED else None
        return await custody_page(seen, error.said(seen.language), error.status, form, letter)
    return to("/custody")


def _letter(seen: Visitor, form: dict[str, str]) -> dict[str, Any]:
    """What the letter of refusal says of this request."""
    return {"case": (form.get("case") or form.get("erasure", "")).strip()[:36], "day": seen.parts.clock.now()}


def _proof(form: dict[str, str]) -> dict[str, Any]:
    """The password or the passkey's answer of a form; neither where the sign-in itself is fresh."""
    try:
        assertion = json.loads(form["assertion"]) if form.get("assertion") else None
    except ValueError:
        raise _unreadable() from None
    return {"proof": form.get("proof") or None, "assertion": assertion}


def _case(form: dict[str, str]) -> UUID:
    try:
        return UUID(form.get("case", "").strip())
    except ValueError:
        raise BadInput(
            "This is no case id. Take the one that the log shows: 32 hexadecimal digits, with dashes or without.",
            fr="Ceci n'est pas un identifiant de dossier. Prenez celui du journal : 32 chiffres hexadécimaux, avec ou sans tirets.",
        ) from None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadInput("Write the day like 2026-01-31.", fr="Écrivez la date comme 2026-01-31.") from None


def _unreadable() -> BadInput:
    return BadInput(
        "What was sent cannot be read. Reload the page and try again.", fr="L'envoi est illisible. Rechargez la page et réessayez."
    )

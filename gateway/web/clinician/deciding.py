"""Judging and signing: every refusal comes back to the case with all that was typed, and nothing is decided by it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID  # noqa: TC003 - FastAPI reads annotations at run time

from fastapi import APIRouter
from fastapi.responses import Response  # noqa: TC002 - FastAPI reads annotations at run time
from pydantic import ValidationError

from gateway.api import signoff
from gateway.errors import GarantError
from gateway.web.clinician.case import Sent, case_page
from gateway.web.clinician.editing import rewritten
from gateway.web.clinician.forms import Incomplete, active_of, decision_of, fault_of, removed, seen_mark
from gateway.web.clinician.onward import onward, within_of
from gateway.web.clinician.queue import signer
from gateway.web.rendering import Fault, PageRoute, TheVisitor, Visitor, posted, to
from gateway.web.texts import words

if TYPE_CHECKING:
    from collections.abc import Mapping

router = APIRouter(include_in_schema=False, route_class=PageRoute)
UNPROCESSABLE = 422


@router.post("/review/{suggestion}/decision")
async def decide(suggestion: UUID, seen: TheVisitor) -> Response:
    """Sign, then on to the next case. An amendment is signed only once its difference was on the screen."""
    form = await posted(seen)
    session = await signer(seen)
    try:
        body = decision_of(form, seen.language, judged=form.get("judged") == "yes")
        if body.decision == "amend" and form.get("seen") != seen_mark(form):
            return await case_page(seen, suggestion, _looking(form, seen))
        await signoff.press(suggestion, body, session, seen.parts, signoff.desk_of(seen.parts))
    except Incomplete as missing:
        return await case_page(seen, suggestion, Sent(form, missing.faults, UNPROCESSABLE))
    except GarantError as error:
        return await case_page(seen, suggestion, _refused(form, error, seen))
    return await onward(seen, session, after=suggestion, within=within_of(form))


@router.post("/review/{_suggestion}/difference")
async def difference(_suggestion: UUID, seen: TheVisitor) -> Response:
    """What an amendment changes, word by word, for a page that is open; nothing is kept."""
    form = await posted(seen)
    await signer(seen)
    try:
        sent = _looking(form, seen)
    except GarantError:
        sent = Sent()
    return seen.page("difference.html", sent=sent)


@router.post("/review/{suggestion}/judgement")
async def judge(suggestion: UUID, seen: TheVisitor) -> Response:
    """Record the own judgement, then reveal the suggestion."""
    form = await posted(seen)
    session = await signer(seen)
    faults = _unjudged(form, seen.language)
    if faults:
        return await case_page(seen, suggestion, Sent(form, faults, UNPROCESSABLE))
    try:
        body = signoff.JudgementBody.model_validate(
            {
                "lease": form["lease"],
                "answer": form["answer"],
                "confidence": int(form["confidence"]),
                "active_seconds": active_of(form),
            }
        )
        await signoff.meant(suggestion, session, seen.parts, signoff.desk_of(seen.parts))
        await signoff.judge(suggestion, body, session, seen.parts, signoff.desk_of(seen.parts))
    except GarantError as error:
        return await case_page(seen, suggestion, _refused(form, error, seen))
    except (ValidationError, ValueError):
        return await case_page(seen, suggestion, Sent(form, (Fault(words(seen.language)["form_unreadable"]),), UNPROCESSABLE))
    return to(f"/review/{suggestion}{within_of(form).query()}")


@router.post("/review/{suggestion}/opinion")
async def opine(suggestion: UUID, seen: TheVisitor) -> Response:
    """Give the opinion that a colleague asked for; the case goes back."""
    form = await posted(seen)
    session = await signer(seen)
    if not form.get("opinion", "").strip():
        return await case_page(seen, suggestion, Sent(form, (Fault(words(seen.language)["opinion_first"], "opinion"),), UNPROCESSABLE))
    try:
        body = signoff.Opinion.model_validate({"lease": form["lease"], "text": form["opinion"], "active_seconds": active_of(form)})
        await signoff.meant(suggestion, session, seen.parts, signoff.desk_of(seen.parts))
        await signoff.opinion(suggestion, body, session, seen.parts, signoff.desk_of(seen.parts))
    except GarantError as error:
        return await case_page(seen, suggestion, _refused(form, error, seen))
    except (ValidationError, KeyError):
        return await case_page(seen, suggestion, Sent(form, (Fault(words(seen.language)["form_unreadable"]),), UNPROCESSABLE))
    return await onward(seen, session, within=within_of(form), passed=("opinion", suggestion))


def _looking(form: Mapping[str, str], seen: Visitor) -> Sent:
    """The form with its difference, to be looked at before the signature. Raises BadInput where nothing differs."""
    changes = (*rewritten(form), *removed(form))
    first = Fault(words(seen.language)["difference_first"], "difference")
    return Sent(form, (first,), 200, changes, seen_mark(form))


def _refused(form: Mapping[str, str], error: GarantError, seen: Visitor) -> Sent:
    """The form with what was refused; what was chosen about another text is not chosen any more."""
    sent = Sent(form, (fault_of(error, seen.language),), error.status)
    return replace(sent, typed={"comment": form.get("comment", "")}) if error.code == "shown_changed" else sent


def _unjudged(form: Mapping[str, str], language: str) -> tuple[Fault, ...]:
    t = words(language)
    rules = ((not form.get("answer", "").strip(), "judge_first", "answer"), (not form.get("confidence"), "confidence_first", "confidence"))
    return tuple(Fault(t[word], place) for missing, word, place in rules if missing)

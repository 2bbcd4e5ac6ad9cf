"""One case over HTTP: open, judge first, decide, keep open, undo, release in an emergency. Routes parse, call, answer."""

from uuid import UUID

from fastapi import APIRouter

from gateway.api.dependencies import Clinician, CurrentSession, Parts, TheParts, demand
from gateway.api.signoff.answers import Kept, Shown, Stand, shown
from gateway.api.signoff.answers import stand as told
from gateway.api.signoff.bodies import BreakGlass, DecisionBody, Extension, JudgementBody
from gateway.api.signoff.doors import TheDesk, denied_to, logged
from gateway.errors import Conflict, Forbidden, GarantError
from gateway.identity.roles import Right
from gateway.identity.sessions import Authentication, Session
from gateway.signoff.desk import Desk
from gateway.signoff.models import Decision
from gateway.suggestions.repository import check_there
from gateway.suggestions.states import AWAITING

router = APIRouter()


@router.post("/suggestions/{suggestion}/open")
async def open_case(suggestion: UUID, session: Clinician, parts: TheParts, desk: TheDesk) -> Shown:
    """Take a case: the lease, and exactly what is to be judged."""
    return shown(await logged(parts, session, suggestion, desk.signoff.open(session.person, suggestion)))


@router.get("/suggestions/{suggestion}/open")
async def look_again(suggestion: UUID, session: Clinician, parts: TheParts, desk: TheDesk) -> Shown:
    """What I have open, once more: the same lease, for a page that is loaded again. Refused where it is not open for me."""
    try:
        return await look(suggestion, session, desk)
    except Forbidden as error:
        raise await denied_to(parts, session, suggestion, error) from None


async def look(suggestion: UUID, session: Session, desk: Desk) -> Shown:
    """The same for pages, which show somebody else where the case stands instead."""
    return shown(await desk.signoff.again(session.person, suggestion))


@router.post("/suggestions/{suggestion}/judgement")
async def judge(suggestion: UUID, body: JudgementBody, session: Clinician, parts: TheParts, desk: TheDesk) -> Shown:
    """Record my own judgement; only then is shown what the AI suggests."""
    return shown(await logged(parts, session, suggestion, desk.signoff.judge(session.person, suggestion, body)))


@router.post("/suggestions/{suggestion}/decision")
async def decide(suggestion: UUID, body: DecisionBody, session: Clinician, parts: TheParts, desk: TheDesk) -> Stand:
    """Approve, amend or reject; one case, one decision, one proof. The same decision sent twice is recorded once."""
    decision = body.decision_alone()
    if (done := await desk.signoff.recorded(session.person, suggestion, decision)) is not None:
        return told(done, already=True)
    proof = await _proof(body, decision, suggestion, session, parts)
    return await logged(parts, session, suggestion, _once(desk, session, proof, suggestion, decision))


async def _once(desk: Desk, session: Session, proof: Authentication, suggestion: UUID, decision: Decision) -> Stand:
    """Decide; where the same decision was recorded in this very moment, say so instead of refusing."""
    try:
        await desk.signoff.decide(session.person, proof, suggestion, decision)
    except Conflict:
        if (done := await desk.signoff.recorded(session.person, suggestion, decision)) is None:
            raise
        return told(done, already=True)
    return told(await desk.signoff.suggestions.get(suggestion))


async def press(suggestion: UUID, body: DecisionBody, session: Session, parts: Parts, desk: Desk) -> None:
    """For the pages: decide by a button, whose guard counts; where no new proof is given, a double submit is looked for only where it fails."""
    if body.proof is not None or body.assertion is not None:
        await meant(suggestion, session, parts, desk)
        await decide(suggestion, body, session, parts, desk)
    else:
        await logged(parts, session, suggestion, _pressed(desk, session, suggestion, body.decision_alone()))


async def _pressed(desk: Desk, session: Session, suggestion: UUID, decision: Decision) -> None:
    try:
        await desk.signoff.decide(session.person, session.authentication, suggestion, decision, pressed=True)
    except GarantError:
        if await desk.signoff.recorded(session.person, suggestion, decision) is None:
            raise


async def _proof(body: DecisionBody, decision: Decision, suggestion: UUID, session: Session, parts: Parts) -> Authentication:
    if body.assertion is not None:
        return await parts.passkeys.prove_decision(session, suggestion, decision.model_dump(mode="json"), body.assertion)
    return session.authentication if body.proof is None else await parts.sessions.prove(session, body.proof)


async def meant(suggestion: UUID, session: Session, parts: Parts, desk: Desk) -> None:
    """For the pages, before what a button does: refuse a press that came within the guard. Programs press no buttons. Raises Conflict."""
    await logged(parts, session, suggestion, desk.signoff.meant(session.person, suggestion))


@router.post("/suggestions/{suggestion}/lease")
async def extend(suggestion: UUID, body: Extension, session: Clinician, parts: TheParts, desk: TheDesk) -> Kept:
    """Keep my case open while I work on it."""
    until = await logged(parts, session, suggestion, desk.signoff.extend(session.person, suggestion, body.lease))
    return Kept(leased_until=until)


@router.post("/suggestions/{suggestion}/undo")
async def undo(suggestion: UUID, session: Clinician, parts: TheParts, desk: TheDesk) -> Stand:
    """Take my decision back, before it is released; no lease runs then, so no time is claimed with it."""
    await logged(parts, session, suggestion, desk.signoff.undo(session.person, suggestion))
    return told(await desk.signoff.suggestions.get(suggestion))


@router.post("/suggestions/{suggestion}/break-glass")
async def break_glass(suggestion: UUID, body: BreakGlass, session: CurrentSession, parts: TheParts, desk: TheDesk) -> Stand:
    """Release now, labelled, with a coded reason; a signature stays owed."""
    await demand(parts, session, Right.BREAK_GLASS)
    work = desk.emergency.break_glass(session.person, session.authentication, suggestion, body.reason, body.active_seconds)
    return told(await logged(parts, session, suggestion, work))


@router.get("/suggestions/{suggestion}")
async def stand(suggestion: UUID, session: CurrentSession, parts: TheParts, desk: TheDesk) -> Stand:
    """Where a suggestion stands; nothing of its content, and what was decided only for whoever may read the case. Raises Gone if erased."""
    await demand(parts, session, Right.READ_CASES)
    row = await desk.signoff.suggestions.get(suggestion)
    if row.state not in AWAITING:
        row = await logged(parts, session, suggestion, desk.signoff.readable(session.person, suggestion))
    check_there(row)
    return told(row)

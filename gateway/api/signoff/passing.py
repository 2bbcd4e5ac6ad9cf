"""Not deciding, over HTTP: put back, hand over, ask for an opinion, give one; nobody is forced to decide (R7)."""

from uuid import UUID

from fastapi import APIRouter

from gateway.api.dependencies import Clinician, TheParts
from gateway.api.signoff.answers import Colleague, Stand, stand
from gateway.api.signoff.bodies import HandOver, LeaseBody, Opinion
from gateway.api.signoff.doors import TheDesk, logged
from gateway.errors import Unknown

router = APIRouter()


@router.post("/suggestions/{suggestion}/defer")
async def defer(suggestion: UUID, body: LeaseBody, session: Clinician, parts: TheParts, desk: TheDesk) -> Stand:
    """Put a case back; its clock runs on."""
    await logged(parts, session, suggestion, desk.signoff.defer(session.person, suggestion, body))
    return stand(await desk.signoff.suggestions.get(suggestion))


@router.post("/suggestions/{suggestion}/leave", status_code=204)
async def leave(suggestion: UUID, body: LeaseBody, session: Clinician, desk: TheDesk) -> None:
    """Keep the time of a page that was left without a decision; the case stays open until its time is over."""
    await desk.signoff.leave(session.person, suggestion, body)


@router.post("/suggestions/{suggestion}/hand-over")
async def hand_over(suggestion: UUID, body: HandOver, session: Clinician, parts: TheParts, desk: TheDesk) -> Stand:
    """Give a case to a colleague who may take it, or ask for an opinion that comes back."""
    found = await parts.people.by_login(body.to)
    if found is None:
        message = "Nobody has this login. Check its spelling; hospital IT knows who has an account."
        french = "Personne n'a cet identifiant. Vérifiez son orthographe ; le service informatique sait qui a un compte."
        raise Unknown(message, fr=french)
    work = desk.signoff.hand_over(session.person, suggestion, found[0], body.without_name())
    await logged(parts, session, suggestion, work)
    return stand(await desk.signoff.suggestions.get(suggestion))


@router.post("/suggestions/{suggestion}/opinion")
async def opinion(suggestion: UUID, body: Opinion, session: Clinician, parts: TheParts, desk: TheDesk) -> Stand:
    """Give the opinion I was asked for; the case returns to the colleague who asked."""
    await logged(parts, session, suggestion, desk.signoff.give_opinion(session.person, suggestion, body))
    return stand(await desk.signoff.suggestions.get(suggestion))


@router.get("/suggestions/{suggestion}/colleagues")
async def colleagues(suggestion: UUID, session: Clinician, parts: TheParts, desk: TheDesk) -> list[Colleague]:
    """Who may take this case, by name; who may not is not in it. Asked by whoever may take it themselves."""
    await logged(parts, session, suggestion, desk.signoff.readable(session.person, suggestion))
    found = await desk.signoff.colleagues(session.person, suggestion, await parts.people.listed())
    return [Colleague(login=one.login, name=one.name, profession=one.profession) for one in sorted(found, key=lambda one: one.name)]

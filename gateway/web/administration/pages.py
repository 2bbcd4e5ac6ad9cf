"""What hospital IT looks at: one page with everything that runs, and one page for each account."""

from collections.abc import Mapping
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from gateway.api import machines, signoff
from gateway.api.accounts import PersonView
from gateway.api.administration import routes
from gateway.api.administration.operation import operation_of
from gateway.api.custody import routes as custody
from gateway.api.dependencies import demand
from gateway.api.identity import people
from gateway.errors import Forbidden, Unauthenticated
from gateway.identity.roles import Right, Role
from gateway.identity.sessions import Session
from gateway.policy.models import Requirement, Task
from gateway.policy.rules import decide
from gateway.settings import Settings
from gateway.web.administration import shown
from gateway.web.rendering import PageRoute, Visitor, to, visitor

router = APIRouter(include_in_schema=False, route_class=PageRoute)
TheVisitor = Annotated[Visitor, Depends(visitor)]
MOST: Final = 100
ROLES: Final = tuple(role.value for role in Role)


@router.get("/administration")
async def administration(seen: TheVisitor, q: str = "") -> Response:
    """Everything that runs: systems, tasks, accounts, keys, configuration, database, log, replicas."""
    if seen.session is not None and seen.session.person.must_change:
        return to("/password")
    session = await administrator(seen)
    answer = await overview(seen, session, search=q)
    shown.forget(answer)
    return answer


@router.get("/administration/accounts/{person_id}")
async def account(person_id: UUID, seen: TheVisitor) -> Response:
    """One account and what can be changed of it."""
    session = await administrator(seen)
    answer = await account_page(seen, session, person_id)
    shown.forget(answer)
    return answer


async def administrator(seen: Visitor) -> Session:
    """Whoever is signed in, with an own password and the rights of hospital IT. Raises Unauthenticated, Forbidden."""
    session = seen.session
    if session is None:
        raise Unauthenticated("Sign in first.", fr="Connectez-vous d’abord.")
    if session.person.must_change:
        message = "You are signed in with a one-time password. Choose your own first; nothing else is open until then."
        french = "Vous êtes connecté avec un mot de passe provisoire. Choisissez d’abord le vôtre ; rien d’autre n’est accessible avant."
        raise Forbidden(message, code="password_change_required", fr=french)
    await demand(seen.parts, session, Right.MANAGE_ACCOUNTS)
    await demand(seen.parts, session, Right.MANAGE_MACHINES)
    return session


async def overview(
    seen: Visitor, session: Session, *, search: str = "", problem: str = "", code: int = 200, typed: Mapping[str, object] | None = None
) -> Response:
    """The page with everything; after a refusal with its sentence, its status and what was typed."""
    parts, desk, operation = seen.parts, signoff.desk_of(seen.parts), operation_of(seen.request)
    found = await people.list_people(session, parts)
    listed = _matching(found.people, search)
    return seen.page(
        "administration.html",
        code,
        problem=problem,
        typed=dict(typed or {}),
        shown=shown.taken(seen, session),
        systems=(await routes.list_systems(session, parts, desk, operation)).systems,
        how=await routes.how_it_is(session, parts, operation),
        tasks=_tasks(parts.settings),
        stopped=sorted(desk.stops.active),
        people=listed[:MOST],
        matching=len(listed),
        total=len(found.people),
        search=search,
        keys=await custody.keys(session, parts),
        machines=(await machines.list_machines(session, parts)).machines,
        activity=await routes.activity(session, parts),
        settings=parts.settings,
        names={task.id: task.name.get(seen.language, task.id) for task in parts.settings.tasks},
        roles=ROLES,
    )


async def account_page(seen: Visitor, session: Session, person_id: UUID, *, problem: str = "", code: int = 200) -> Response:
    """The page of one account. Raises Unknown."""
    parts = seen.parts
    person = PersonView.of(await parts.people.get(person_id))
    last = (await routes.activity(session, parts)).people.get(person_id)
    own, supervisor = person_id == session.person.id, person.competence.supervised_by
    return seen.page(
        "administration_account.html",
        code,
        problem=problem,
        shown=shown.taken(seen, session),
        person=person,
        last=last,
        own=own,
        supervisor=(await parts.people.get(supervisor)).login if supervisor else "",
        roles=ROLES,
    )


def _matching(people: list[PersonView], search: str) -> list[PersonView]:
    wanted = search.strip().casefold()
    return [person for person in people if wanted in person.login.casefold() or wanted in person.name.casefold()]


def _tasks(settings: Settings) -> list[tuple[Task, Requirement, list[str]]]:
    policies = {policy.id: policy for policy in settings.policies}
    used = {task.id: [route.system for route in settings.routes if route.task == task.id] for task in settings.tasks}
    return [(task, decide(task, policies.get(task.policy)), used[task.id]) for task in settings.tasks]

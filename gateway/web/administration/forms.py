"""What hospital IT does on its pages: each form does one thing to one account, key or AI system, through the API's own functions.

Promises: no form acts on several things at once; each is checked to come from our own page, and the page after it is
fetched anew, so that a reload repeats nothing.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time
from typing import Annotated, Final, Literal, TypeAlias
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from pydantic import ValidationError
from starlette.datastructures import FormData

from gateway.api import machines, signoff, stops
from gateway.api.accounts import CompetenceBody, NamesBody
from gateway.api.administration import routes
from gateway.api.administration.models import Training
from gateway.api.administration.operation import operation_of
from gateway.api.dependencies import check_ours
from gateway.api.identity import people as accounts
from gateway.errors import BadInput, Conflict, GarantError
from gateway.identity.sessions import Session
from gateway.web.administration import pages, shown
from gateway.web.administration.pages import TheVisitor, administrator
from gateway.web.rendering import PageRoute, Visitor, to
from gateway.web.texts import words

router = APIRouter(include_in_schema=False, route_class=PageRoute)
router.include_router(pages.router)
HOME: Final = "/administration"
MachineId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
Done: TypeAlias = dict[str, str]
_LISTS: Final = ("specialties", "sites", "units", "trained_for", "delegated_tasks")
_MISSING: Final = ("login", "name", "profession", "roles", "tasks", "reason", "trained_until", "groups")


@router.post("/administration/accounts")
async def make_account(seen: TheVisitor, request: Request) -> Response:
    """Make an account; its one-time password is shown on the next page, once."""
    session, form = await _checked(seen, request)

    async def work() -> Done:
        wish = accounts.AccountWish.model_validate(_account(form))
        made = await accounts.make_person(wish, session, seen.parts)
        return {"done": "account_made", "login": made.person.login, "secret": made.one_time_password}

    return await _overview_after(seen, session, work, form, conflict="admin_login_taken")


@router.post("/administration/accounts/{person_id}/{act}")
async def change_account(
    person_id: UUID, act: Literal["close", "password", "roles", "training", "competence", "names"], seen: TheVisitor, request: Request
) -> Response:
    """Change one account."""
    session, form = await _checked(seen, request)
    try:
        done = await _ACTS[act](seen, session, person_id, form)
    except (GarantError, ValidationError) as error:
        sentence, code = _said(seen, error, "admin_account_changed")
        return await pages.account_page(seen, session, person_id, problem=sentence, code=code)
    return shown.keep(to(f"{HOME}/accounts/{person_id}"), seen, session, done)


@router.post("/administration/machines")
async def make_machine(seen: TheVisitor, request: Request) -> Response:
    """Make a machine key; it is shown on the next page, once."""
    session, form = await _checked(seen, request)

    async def work() -> Done:
        tasks = [str(task) for task in form.getlist("tasks")]
        wish = machines.MachineWish.model_validate({"name": _text(form, "name"), "tasks": tasks, "site": _text(form, "site") or None})
        made = await machines.make_machine(wish, session, seen.parts)
        return {"done": "key_made", "name": wish.name, "secret": made.key}

    return await _overview_after(seen, session, work, form)


@router.post("/administration/machines/{machine_id}/revoke")
async def revoke_machine(machine_id: MachineId, seen: TheVisitor, request: Request) -> Response:
    """End a machine key on all replicas."""
    session, form = await _checked(seen, request)

    async def work() -> Done:
        await machines.end_machine(machine_id, session, seen.parts)
        return {"done": "key_revoked", "name": machine_id}

    return await _overview_after(seen, session, work, form)


@router.post("/administration/systems/{system}/check")
async def check_system(system: str, seen: TheVisitor, request: Request) -> Response:
    """Ask an AI system now."""
    session, form = await _checked(seen, request)

    async def work() -> Done:
        found = await routes.check_system(system, session, operation_of(request))
        good = "yes" if found.good else ""
        return {"done": "checked", "name": system, "verdict": found.verdict, "status": str(found.status or ""), "good": good}

    return await _overview_after(seen, session, work, form)


@router.post("/administration/systems/{system}/{act}")
async def stop_system(system: str, act: Literal["stop", "resume"], seen: TheVisitor, request: Request) -> Response:
    """Stop an AI system for everybody, or let it run again."""
    session, form = await _checked(seen, request)

    async def work() -> Done:
        body = stops.Stop(scope=f"system:{system}"[:200], reason=_text(form, "reason"))
        press = stops.resume if act == "resume" else stops.stop
        await press(body, session, seen.parts, signoff.desk_of(seen.parts))
        return {"done": "resumed" if act == "resume" else "stopped", "name": system}

    return await _overview_after(seen, session, work, form)


async def _close(seen: Visitor, session: Session, person_id: UUID, form: FormData) -> Done:
    if _text(form, "sure") != "yes":
        message = "Tick that you close this account for good; nothing was changed."
        raise BadInput(message, code="not_confirmed", fr="Cochez que vous fermez ce compte définitivement ; rien n’a été modifié.")
    await accounts.deactivate(person_id, session, seen.parts)
    return {"done": "account_closed"}


async def _password(seen: Visitor, session: Session, person_id: UUID, _form: FormData) -> Done:
    made = await accounts.new_one_time_password(person_id, session, seen.parts)
    return {"done": "password_made", "login": made.person.login, "secret": made.one_time_password}


async def _roles(seen: Visitor, session: Session, person_id: UUID, form: FormData) -> Done:
    body = accounts.RolesChange.model_validate({"roles": form.getlist("roles"), "groups": _listed(form, "groups")})
    await accounts.change_roles(person_id, body, session, seen.parts)
    return {"done": "roles_changed"}


async def _training(seen: Visitor, session: Session, person_id: UUID, form: FormData) -> Done:
    await routes.change_training(person_id, Training(trained_until=_day(form)), session, seen.parts)
    return {"done": "training_changed"}


async def _competence(seen: Visitor, session: Session, person_id: UUID, form: FormData) -> Done:
    lists = {name: _listed(form, name) for name in _LISTS}
    until = {"delegated_until": _day(form, "delegated_until"), "trained_until": (await seen.parts.people.get(person_id)).trained_until}
    body = CompetenceBody.model_validate({**lists, **until, "supervised_by": await _supervisor(seen, _text(form, "supervised_by"))})
    await accounts.change_competence(person_id, body, session, seen.parts)
    return {"done": "competence_changed"}


async def _names(seen: Visitor, session: Session, person_id: UUID, form: FormData) -> Done:
    given = {name: _text(form, name) or None for name in NamesBody.model_fields}
    await accounts.change_names(person_id, NamesBody.model_validate(given), session, seen.parts)
    return {"done": "names_changed"}


_ACTS: Final[dict[str, Callable[[Visitor, Session, UUID, FormData], Awaitable[Done]]]] = {
    "close": _close,
    "password": _password,
    "roles": _roles,
    "training": _training,
    "competence": _competence,
    "names": _names,
}


async def _checked(seen: Visitor, request: Request) -> tuple[Session, FormData]:
    session = await administrator(seen)
    form = await request.form()
    await check_ours(seen.parts, session, _text(form, "csrf"))
    return session, form


async def _overview_after(
    seen: Visitor, session: Session, work: Callable[[], Awaitable[Done]], form: FormData, *, conflict: str = ""
) -> Response:
    """Do it, then go to the page anew; a refusal is shown with everything that was typed."""
    try:
        done = await work()
    except (GarantError, ValidationError) as error:
        sentence, code = _said(seen, error, conflict)
        typed = {name: form.getlist(name) for name in form}
        return await pages.overview(seen, session, problem=sentence, code=code, typed=typed)
    return shown.keep(to(HOME), seen, session, done)


def _said(seen: Visitor, error: GarantError | ValidationError, conflict: str) -> tuple[str, int]:
    known = words(seen.language)
    if isinstance(error, ValidationError):
        wrong = sorted({str(one["loc"][0]) for one in error.errors() if one["loc"]} & set(_MISSING))
        return " ".join(known[f"admin_wrong_{name}"] for name in wrong) or known["admin_wrong"], 422
    if isinstance(error, Conflict) and error.code == Conflict.code and conflict:
        return known[conflict], error.status
    return error.said(seen.language), error.status


def _account(form: FormData) -> dict[str, object]:
    named: dict[str, object] = {name: _text(form, name) for name in ("login", "name", "profession")}
    return named | {"roles": form.getlist("roles"), "groups": _listed(form, "groups"), "trained_until": _day(form)}


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""


def _listed(form: FormData, name: str) -> list[str]:
    return _text(form, name).replace(",", " ").split()


async def _supervisor(seen: Visitor, login: str) -> UUID | None:
    """The account that answers for somebody in training, or None where nobody has to. Raises BadInput."""
    found = await seen.parts.people.by_login(login) if login else None
    if login and found is None:
        message = f"There is no open account '{login[:64]}', so nothing was changed. Type the login of the person who supervises."
        french = (
            f"Aucun compte ouvert ne s’appelle « {login[:64]} » ; rien n’a été modifié. Saisissez l’identifiant de la personne qui encadre."
        )
        raise BadInput(message, code="unknown_supervisor", fr=french)
    return None if found is None else found[0].id


def _day(form: FormData, name: str = "trained_until") -> datetime | None:
    """The end of the day that was typed (UTC), or None where none was."""
    text = _text(form, name)
    if not text:
        return None
    try:
        return datetime.combine(datetime.fromisoformat(text).date(), time(23, 59, 59), UTC)
    except ValueError as error:
        message = f"'{text[:40]}' is no date. Write it like 2027-12-31, or leave it empty."
        french = f"« {text[:40]} » n’est pas une date. Écrivez par exemple 2027-12-31, ou laissez vide."
        raise BadInput(message, code="bad_date", fr=french) from error

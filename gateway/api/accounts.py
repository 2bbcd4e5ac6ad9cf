"""Signing in and out, proving again who one is, one's password; and, for hospital IT, other people's accounts."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Final, Self
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.api.dependencies import (
    COOKIE,
    AnySession,
    CurrentSession,
    ItAdministrator,
    Parts,
    TheParts,
    by_bearer,
)
from gateway.errors import BadInput, Conflict, Unauthenticated
from gateway.identity.passwords import MAX_LENGTH, check_password
from gateway.identity.people import (
    NewPerson,
    Person,
    create_person,
    deactivated,
    password_changed,
    renew_password,
    roles_changed,
)
from gateway.identity.roles import Author, Right, Role
from gateway.identity.sessions import LIFETIME, Session

router = APIRouter(tags=["accounts"])
Word = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
Secret = Annotated[str, Field(min_length=1, max_length=MAX_LENGTH)]
_OWN: Final = "You cannot do this to your own account; another administrator can. Your own password is changed at /api/password."
_OWN_FR: Final = "Vous ne pouvez pas faire cela sur votre propre compte ; un autre administrateur le peut. Votre mot de passe se change à la page « Mot de passe »."


class Strict(BaseModel):
    """A body in which an unknown member is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Login(Strict):
    """Who signs in; `bearer` asks for the token in the answer instead of the cookie."""

    login: str = Field(min_length=1, max_length=128)
    password: Secret
    bearer: bool = False


class Proof(Strict):
    """What proves who one is, for the establishment's method (here: the password)."""

    proof: Secret


class PasswordChange(Strict):
    """The password that is, and the one that shall be."""

    current: Secret
    new: Secret


class RolesChange(Strict):
    """All roles and groups that the account shall have."""

    roles: frozenset[Role] = Field(min_length=1)
    groups: frozenset[Word] = Field(default=frozenset(), max_length=64)


class AccountWish(RolesChange):
    """An account to be made."""

    login: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{1,63}$")
    name: str = Field(min_length=1, max_length=120)
    profession: Word
    trained_until: AwareDatetime | None = None


class PersonView(BaseModel):
    """A person as others see them here."""

    id: UUID
    login: str
    name: str
    profession: str
    roles: list[Role]
    groups: list[str]
    must_change: bool
    active: bool
    trained_until: datetime | None

    @classmethod
    def of(cls, person: Person) -> Self:
        """The view of a person."""
        lists = {"roles": sorted(person.roles), "groups": sorted(person.groups)}
        return cls.model_validate({name: getattr(person, name) for name in cls.model_fields} | lists)


class SessionView(BaseModel):
    """Who one is, what one may do; `token` only where it was asked for, at its beginning."""

    person: PersonView
    rights: list[Right]
    csrf: str
    authenticated_at: datetime
    expires_at: datetime
    token: str | None = None


class ProofView(BaseModel):
    """What was proven, by which method, when."""

    method: str
    at: datetime


class PeopleView(BaseModel):
    """All accounts."""

    people: list[PersonView]


class OneTimeView(BaseModel):
    """An account and its one-time password, which is shown here and never again."""

    person: PersonView
    one_time_password: str


@router.post("/session", status_code=201, summary="Sign in")
async def sign_in(body: Login, parts: TheParts, response: Response) -> SessionView:
    """Begin a session, as a cookie or as a bearer token."""
    token, session = await parts.sessions.login(parts.people, parts.passwords, body.login, body.password)
    return _begun(parts, response, token, session, bearer=body.bearer)


@router.get("/session", summary="Who am I")
async def who_am_i(session: AnySession) -> SessionView:
    """The person, their rights and the CSRF token."""
    return _session_view(session)


@router.delete("/session", status_code=204, summary="Sign out")
async def sign_out(session: AnySession, parts: TheParts, response: Response) -> None:
    """End the session."""
    await parts.sessions.end(session)
    response.delete_cookie(COOKIE, path="/", secure=_secure(parts), httponly=True, samesite="strict")


@router.post("/session/reauthenticate", summary="Prove again who you are, before a decision")
async def reauthenticate(body: Proof, session: CurrentSession, parts: TheParts) -> ProofView:
    """Renew the proof of identity that decisions rest on."""
    proven = await parts.sessions.prove(session, body.proof)
    return ProofView(method=proven.method, at=proven.at)


@router.post("/password", summary="Choose a password")
async def choose_password(body: PasswordChange, session: AnySession, parts: TheParts, request: Request, response: Response) -> SessionView:
    """Change one's own password: all sessions end, and a new one begins."""
    person = session.person
    await _check_current(parts, session, body.current)
    if body.new == body.current:
        message = "The new password is the old one. Choose another one."
        raise BadInput(message, code="password_unchanged")
    check_password(body.new, person.login, person.name)
    new_hash = await parts.passwords.hash(body.new)
    by = session.author(parts.keys)
    await parts.writer.append(password_changed(person, new_hash, parts.keys, by, parts.clock.now(), one_time=False))
    token, begun = await parts.sessions.begin(replace(person, credentials=person.credentials + 1, must_change=False), "password")
    return _begun(parts, response, token, begun, bearer=by_bearer(request))


@router.get("/people", summary="All accounts")
async def list_people(_session: ItAdministrator, parts: TheParts) -> PeopleView:
    """Every account, active or not."""
    return PeopleView(people=[PersonView.of(person) for person in await parts.people.listed()])


@router.post("/people", status_code=201, summary="Make an account")
async def make_person(body: AccountWish, session: ItAdministrator, parts: TheParts) -> OneTimeView:
    """Make an account with a one-time password."""
    new = NewPerson(body.login, body.name, body.profession, body.roles, body.groups, body.trained_until)
    password = await create_person(parts.writer, parts.keys, new, _author(parts, session), passwords=parts.passwords)
    return OneTimeView(person=PersonView.of(await parts.people.get(new.id)), one_time_password=password)


@router.post("/people/{person_id}/deactivate", summary="Close an account")
async def deactivate(person_id: UUID, session: ItAdministrator, parts: TheParts) -> PersonView:
    """Close an account for good and end its sessions; its signatures keep their name."""
    person = await _other(parts, session, person_id)
    await parts.writer.append(deactivated(person, parts.keys, _author(parts, session), parts.clock.now()))
    return PersonView.of(await parts.people.get(person_id))


@router.post("/people/{person_id}/password", summary="New one-time password")
async def new_one_time_password(person_id: UUID, session: ItAdministrator, parts: TheParts) -> OneTimeView:
    """Replace a forgotten password; the account's sessions end."""
    person = await _other(parts, session, person_id)
    password = await renew_password(parts.writer, parts.keys, person, _author(parts, session), passwords=parts.passwords)
    return OneTimeView(person=PersonView.of(await parts.people.get(person_id)), one_time_password=password)


@router.put("/people/{person_id}/roles", summary="Change roles and groups")
async def change_roles(person_id: UUID, body: RolesChange, session: ItAdministrator, parts: TheParts) -> PersonView:
    """Give other roles and groups; the account's sessions end."""
    person = await _other(parts, session, person_id)
    by = _author(parts, session)
    await parts.writer.append(roles_changed(person, body.roles, body.groups, parts.keys, by, parts.clock.now()))
    return PersonView.of(await parts.people.get(person_id))


async def _check_current(parts: Parts, session: Session, password: str) -> None:
    stored = await parts.people.password_hash(session.person.id)
    if not await parts.passwords.verify(stored, password):
        await parts.sessions.failed(session.person.actor(parts.keys), session.person.role, "password")
        message = "The current password is not right, so nothing was changed. Try again."
        raise Unauthenticated(message, code="proof_refused")


async def _other(parts: Parts, session: Session, person: UUID) -> Person:
    if person == session.person.id:
        raise Conflict(_OWN, code="own_account", fr=_OWN_FR)
    return await parts.people.get(person)


def _author(parts: Parts, session: Session) -> Author:
    return session.person.author(parts.keys, Right.MANAGE_ACCOUNTS, session.authentication.for_log())


def _begun(parts: Parts, response: Response, token: str, session: Session, *, bearer: bool) -> SessionView:
    view = _session_view(session)
    if bearer:
        return view.model_copy(update={"token": token})
    lifetime = int(LIFETIME.total_seconds())
    response.set_cookie(COOKIE, token, max_age=lifetime, path="/", secure=_secure(parts), httponly=True, samesite="strict")
    return view


def _session_view(session: Session) -> SessionView:
    rights = [] if session.person.must_change else sorted(session.person.rights)
    person = PersonView.of(session.person)
    return SessionView(
        person=person, rights=rights, csrf=session.csrf, authenticated_at=session.authenticated_at, expires_at=session.expires_at
    )


def _secure(parts: Parts) -> bool:
    return parts.settings.server.public_url.startswith("https:")

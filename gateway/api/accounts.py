"""Signing in and out, proving again who one is, one's password; and, for hospital IT, other people's accounts."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.api.dependencies import (
    AnySession,
    CurrentSession,
    Parts,
    TheParts,
    by_bearer,
    give_session,
    origin_of,
    remember_device,
    take_cookie,
)
from gateway.errors import BadInput, Unauthenticated
from gateway.identity.methods import check_passwords
from gateway.identity.passwords import MAX_LENGTH, check_password
from gateway.identity.people import (
    Competence,
    Person,
    password_changed,
)
from gateway.identity.roles import Right, Role
from gateway.identity.sessions import Authentication, Session

router = APIRouter(tags=["accounts"])
Word = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")]
Words = Annotated[frozenset[Word], Field(max_length=64)]
Secret = Annotated[str, Field(min_length=1, max_length=MAX_LENGTH)]


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


class CompetenceBody(Strict):
    """For what, where and under whom somebody works; an empty list does not limit."""

    specialties: Words = frozenset()
    sites: Words = frozenset()
    units: Words = frozenset()
    trained_for: Words = frozenset()
    delegated_tasks: Words = frozenset()
    delegated_until: AwareDatetime | None = None
    supervised_by: UUID | None = None
    trained_until: AwareDatetime | None = None

    def competence(self) -> Competence:
        """As the room of identity speaks of it."""
        return Competence(**self.model_dump(exclude={"trained_until"}))


class NamesBody(Strict):
    """How others call a person."""

    national_id: str | None = Field(default=None, min_length=1, max_length=64)
    ehr_user: str | None = Field(default=None, min_length=1, max_length=256)


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
    competence: CompetenceBody
    names: NamesBody
    confirmed: bool

    @classmethod
    def of(cls, person: Person) -> Self:
        """The view of a person."""
        lists = {"roles": sorted(person.roles), "groups": sorted(person.groups)}
        parts = {"competence": CompetenceBody.model_validate(asdict(person.competence) | {"trained_until": person.trained_until})}
        names = {"names": NamesBody.model_validate(asdict(person.foreign)), "confirmed": person.doubt is None}
        plain = {name: getattr(person, name) for name in cls.model_fields if name not in {"competence", "names", "confirmed"}}
        return cls.model_validate(plain | lists | parts | names)


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


@router.post("/session", status_code=201, summary="Sign in")
async def sign_in(body: Login, parts: TheParts, request: Request, response: Response) -> SessionView:
    """Begin a session, as a cookie or as a bearer token."""
    check_passwords(offered="password" in parts.settings.identity.methods)
    origin = origin_of(request, parts)
    token, session = await parts.sessions.login(parts.people, parts.passwords, body.login, body.password, origin)
    await remember_device(request, response, parts, session)
    return _begun(parts, response, token, session, bearer=body.bearer)


@router.get("/session", summary="Who am I")
async def who_am_i(session: AnySession) -> SessionView:
    """The person, their rights and the CSRF token."""
    return _session_view(session)


@router.delete("/session", status_code=204, summary="Sign out")
async def sign_out(session: AnySession, parts: TheParts, response: Response) -> None:
    """End the session."""
    await parts.sessions.end(session)
    take_cookie(parts, response)


@router.post("/session/reauthenticate", summary="Prove again who you are, before a decision")
async def reauthenticate(body: Proof, session: CurrentSession, parts: TheParts) -> ProofView:
    """Renew the proof of identity that decisions rest on."""
    proven = await parts.sessions.prove(session, body.proof)
    return ProofView(method=proven.method, at=proven.at)


@router.post("/password", summary="Choose a password")
async def choose_password(body: PasswordChange, session: AnySession, parts: TheParts, request: Request, response: Response) -> SessionView:
    """Change one's own password: all sessions end, and a new one begins."""
    person = session.person
    check_passwords(offered="password" in parts.settings.identity.methods)
    await _check_current(parts, session, body.current)
    if body.new == body.current:
        message = "The new password is the old one. Choose another one."
        raise BadInput(message, code="password_unchanged", fr="Le nouveau mot de passe est l'ancien. Choisissez-en un autre.")
    check_password(body.new, person.login, person.name)
    new_hash = await parts.passwords.hash(body.new)
    by = session.author(parts.keys)
    await parts.writer.append(password_changed(person, new_hash, parts.keys, by, parts.clock.now(), one_time=False))
    changed = replace(person, credentials=person.credentials + 1, must_change=False)
    proven = Authentication("password", parts.clock.now())
    token, begun = await parts.sessions.begin(changed, proven, origin_of(request, parts))
    return _begun(parts, response, token, begun, bearer=by_bearer(request))


async def _check_current(parts: Parts, session: Session, password: str) -> None:
    admitted = await parts.attempts.admit_proof(session.token)
    stored = await parts.people.password_hash(session.person.id)
    if not await parts.passwords.verify(stored, password):
        await parts.sessions.failed(session.person.actor(parts.keys), session.person.role, "password")
        message = "The current password is not right, so nothing was changed. Try again."
        french = "Le mot de passe actuel est incorrect ; rien n'a été changé. Réessayez."
        raise Unauthenticated(message, code="proof_refused", fr=french)
    await parts.attempts.succeeded(admitted)


def _begun(parts: Parts, response: Response, token: str, session: Session, *, bearer: bool) -> SessionView:
    view = _session_view(session)
    if bearer:
        return view.model_copy(update={"token": token})
    give_session(parts, response, token)
    return view


def _session_view(session: Session) -> SessionView:
    rights = [] if session.person.must_change else sorted(session.person.rights)
    person = PersonView.of(session.person)
    return SessionView(
        person=person, rights=rights, csrf=session.csrf, authenticated_at=session.authenticated_at, expires_at=session.expires_at
    )

"""Other people's accounts over HTTP, for hospital IT: made, closed, given roles, competence and other names."""

from collections.abc import Collection
from typing import Final, Literal, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field, model_validator

from gateway.api.accounts import CompetenceBody, NamesBody, PersonView, Strict, Word
from gateway.api.dependencies import CurrentSession, ItAdministrator, Parts, TheParts
from gateway.errors import Conflict
from gateway.identity.people import (
    ForeignNames,
    NewPerson,
    Person,
    competence_changed,
    create_person,
    deactivated,
    names_changed,
    renew_password,
    roles_changed,
)
from gateway.identity.roles import Author, Right, Role
from gateway.identity.sessions import Session
from gateway.identity.trust.confirming import Saw, confirmed

router = APIRouter(tags=["accounts"])
_OWN: Final = "You cannot do this to your own account: ask another administrator. Your own password is changed at /api/password."
_OWN_FR: Final = "Vous ne pouvez pas faire cela à votre propre compte : demandez à un autre administrateur. Votre mot de passe se change sur « Mon compte »."


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
    competence: CompetenceBody = CompetenceBody()
    names: NamesBody = NamesBody()


class PeopleView(BaseModel):
    """All accounts."""

    people: list[PersonView]


class Confirmation(Strict):
    """What somebody says who confirms: I know this person, and I saw them choose their password, or sign in with the provider.

    Where nobody signs in with a password, both sentences mean the second. Who was seen to sign in has no password afterwards.
    """

    i_know_this_person: Literal[True]
    i_saw_them_choose_their_password: Literal[True] | None = None
    i_saw_them_sign_in: Literal[True] | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.i_saw_them_choose_their_password is None) == (self.i_saw_them_sign_in is None):
            message = "say what you saw: i_saw_them_choose_their_password or i_saw_them_sign_in, one of the two"
            raise ValueError(message)
        return self

    def saw(self, methods: Collection[str]) -> Saw:
        """What was seen, among the ways in that are offered here."""
        return "provider" if self.i_saw_them_sign_in or "password" not in methods else "password"


class ConfirmedView(BaseModel):
    """Who was confirmed."""

    id: UUID
    name: str


class OneTimeView(BaseModel):
    """An account and its one-time password, which is shown here and never again."""

    person: PersonView
    one_time_password: str


@router.get("/people", summary="All accounts")
async def list_people(_session: ItAdministrator, parts: TheParts) -> PeopleView:
    """Every account, active or not."""
    return PeopleView(people=[PersonView.of(person) for person in await parts.people.listed()])


@router.post("/people", status_code=201, summary="Make an account")
async def make_person(body: AccountWish, session: ItAdministrator, parts: TheParts) -> OneTimeView:
    """Make an account with a one-time password."""
    competence, names = body.competence.competence(), ForeignNames(**body.names.model_dump())
    until = body.trained_until or body.competence.trained_until
    new = NewPerson(body.login, body.name, body.profession, body.roles, body.groups, until, competence=competence, foreign=names)
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


@router.put("/people/{person_id}/competence", summary="Change for what, where and under whom somebody works")
async def change_competence(person_id: UUID, body: CompetenceBody, session: ItAdministrator, parts: TheParts) -> PersonView:
    """Give other limits to the right to sign; the account's sessions end."""
    person = await _other(parts, session, person_id)
    by, at = _author(parts, session), parts.clock.now()
    if body.supervised_by is not None:
        await parts.people.get(body.supervised_by)
    await parts.writer.append(competence_changed(person, body.competence(), body.trained_until, parts.keys, by, at))
    return PersonView.of(await parts.people.get(person_id))


@router.put("/people/{person_id}/names", summary="Say how providers and health records call somebody")
async def change_names(person_id: UUID, body: NamesBody, session: ItAdministrator, parts: TheParts) -> PersonView:
    """Tie an account to the number in the national directory or the user of the health record; its sessions end."""
    person = await _other(parts, session, person_id)
    by, names = _author(parts, session), ForeignNames(**body.model_dump())
    await parts.writer.append(names_changed(person, names, parts.keys, by, parts.clock.now()))
    return PersonView.of(await parts.people.get(person_id))


@router.post("/people/{person_id}/confirm", summary="Confirm who somebody is")
async def confirm_person(person_id: UUID, said: Confirmation, session: CurrentSession, parts: TheParts) -> ConfirmedView:
    """Answer for who a person is, whose account hospital IT made or reset; only then can they sign."""
    person = await parts.people.get(person_id)
    author, saw = session.author(parts.keys), said.saw(parts.settings.identity.methods)
    write = confirmed(person, session.person, author, parts.keys, parts.clock.now(), saw=saw)
    await parts.writer.append(write)
    return ConfirmedView(id=person_id, name=person.name)


async def _other(parts: Parts, session: Session, person: UUID) -> Person:
    if person == session.person.id:
        raise Conflict(_OWN, code="own_account", fr=_OWN_FR)
    return await parts.people.get(person)


def _author(parts: Parts, session: Session) -> Author:
    return session.person.author(parts.keys, Right.MANAGE_ACCOUNTS, session.authentication.for_log())

"""People: who has an account, and the changes to accounts; each change commits with its log entry or not at all.

Names and logins stay in this table. The log names a person by a pseudonym that only the establishment's key resolves.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from sqlmodel import col, select

from gateway.audit.batch import Statement, Write
from gateway.audit.leaf import Event, EventType
from gateway.clock import SystemClock
from gateway.database import reading
from gateway.errors import Unknown
from gateway.identity.passwords import Passwords, one_time_password
from gateway.identity.roles import (
    COMMAND_LINE,
    Author,
    Right,
    Role,
    acting_role,
    check_roles,
    rights_of,
)
from gateway.identity.tables import PersonRow
from gateway.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

    from gateway.audit.writer import Writer
    from gateway.operations.keys import Keys

_CREATE: Final = """
INSERT INTO people (id, login, name, profession, roles, groups, password_hash, trained_until, national_id, ehr_user,
                    specialties, sites, units, trained_for, delegated_tasks, delegated_until, supervised_by, unconfirmed_since, unconfirmed_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) ON CONFLICT DO NOTHING RETURNING id
"""
_NEXT: Final = "UPDATE people SET credentials = credentials + 1"
_WHERE: Final = "WHERE id = $1 AND credentials = $2 AND active RETURNING id"
_PASSWORD: Final = f"{_NEXT}, password_hash = $3, must_change = false {_WHERE}"
_RESET: Final = f"{_NEXT}, password_hash = $3, must_change = true, unconfirmed_since = $4, unconfirmed_by = $5 {_WHERE}"
_DEACTIVATE: Final = f"{_NEXT}, active = false {_WHERE}"
_ROLES: Final = f"{_NEXT}, roles = $3, groups = $4 {_WHERE}"
_ROLES_DOUBTED: Final = f"{_NEXT}, roles = $3, groups = $4, unconfirmed_since = $5, unconfirmed_by = $6 {_WHERE}"
_TRAINING: Final = "UPDATE people SET trained_until = $3 WHERE id = $1 AND credentials = $2 AND active RETURNING id"
_CHANGED: Final = "This account was changed or deactivated in the meantime. Reload to see what it is now."
CHANGED_FR: Final = "Ce compte a été modifié ou fermé entre-temps. Rechargez la page pour voir où il en est."
_COMPETENCE: Final = f"""{_NEXT}, specialties = $3, sites = $4, units = $5, trained_for = $6, delegated_tasks = $7,
delegated_until = $8, supervised_by = $9, trained_until = $10 {_WHERE}"""
_NAMES: Final = f"""{_NEXT}, national_id = $3, ehr_user = $4, unconfirmed_since = $5, unconfirmed_by = $6 WHERE id = $1 AND credentials = $2 AND active
AND NOT EXISTS (SELECT FROM people o WHERE o.id <> $1 AND (o.national_id = $3 OR o.ehr_user = $4)) RETURNING id"""
END_SESSIONS: Final = """
UPDATE sessions SET ended_at = now(), ended = 'changed' WHERE person_id = $1 AND credentials <= $2 AND ended_at IS NULL
"""
_END_PASSKEYS: Final = "UPDATE passkeys SET removed_at = $2 WHERE person_id = $1 AND removed_at IS NULL"
UNCHANGED: Final = "SELECT id FROM people WHERE id = $1 AND credentials = $2 AND active FOR SHARE"
_TAKEN_FR: Final = (
    "Cet identifiant (ou numéro national, ou utilisateur du DPI) est déjà pris, peut-être par un compte fermé. Choisissez-en un autre."
)
_TAKEN: Final = "This login (or national identifier, or EHR user) is taken, perhaps by an account that was deactivated. Choose another one."


@dataclass(frozen=True, slots=True)
class Competence:
    """For what, where and under whom somebody works (R6); an empty set does not limit.

    Args:
        specialties: of the profession (`chest-imaging`).
        sites: of the establishment.
        units: wards and departments.
        trained_for: tasks that the valid training covers.
        delegated_tasks: tasks outside the own profession that were delegated, until `delegated_until` (None: without end).
        supervised_by: the person who answers for somebody in training; None for who works on their own.
    """

    specialties: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    trained_for: frozenset[str] = frozenset()
    delegated_tasks: frozenset[str] = frozenset()
    delegated_until: datetime | None = None
    supervised_by: UUID | None = None

    def row(self) -> tuple[object, ...]:
        """The columns, in the order of the fields."""
        sets = (self.specialties, self.sites, self.units, self.trained_for, self.delegated_tasks)
        return (*(sorted(names) for names in sets), self.delegated_until, self.supervised_by)


@dataclass(frozen=True, slots=True)
class ForeignNames:
    """How others call a person: the number in the national directory, and the user of the electronic health record."""

    national_id: str | None = None
    ehr_user: str | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """Somebody has given an account its way in, so that it is not sure yet who uses it: since when, and by whose hand (a name)."""

    since: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account.

    Args:
        must_change: the password is a one-time one; until it is changed, the account can do nothing else.
        trained_until: end of the valid training for the tasks, None where none is demanded.
        credentials: counts up at each change of password, roles, competence or activity, which ends all sessions.
        competence: what limits the right to sign.
        foreign: how others call this person.
        doubt: until somebody confirms who this is, the account signs nothing; None once that is done.
    """

    id: UUID
    login: str
    name: str
    profession: str
    roles: frozenset[Role]
    groups: frozenset[str] = frozenset()
    must_change: bool = False
    trained_until: datetime | None = None
    active: bool = True
    credentials: int = 1
    competence: Competence = Competence()
    foreign: ForeignNames = ForeignNames()
    doubt: Doubt | None = None

    @property
    def rights(self) -> frozenset[Right]:
        """Everything this person may do."""
        return rights_of(self.roles)

    @property
    def role(self) -> Role:
        """The first of the roles, for entries that concern no right."""
        return next(role for role in Role if role in self.roles)

    def actor(self, keys: Keys) -> str:
        """The pseudonymous id of this person in the log (32 hex digits)."""
        return pseudonym(keys, self.id)

    def author(self, keys: Keys, right: Right | None = None, auth: Mapping[str, str] | None = None) -> Author:
        """This person as the one who answers for a change."""
        role = acting_role(self.roles, right) if right else None
        return Author(self.actor(keys), (role or self.role).value, auth or {}, self.name)


@dataclass(frozen=True, slots=True)
class NewPerson:
    """An account to be made."""

    login: str
    name: str
    profession: str
    roles: frozenset[Role]
    groups: frozenset[str] = frozenset()
    trained_until: datetime | None = None
    id: UUID = field(default_factory=uuid7)
    competence: Competence = Competence()
    foreign: ForeignNames = ForeignNames()


def unchanged(person: Person) -> Statement:
    """A guard: the account is at the commit as it was when it was read, so a right withdrawn a moment ago is no right."""
    return Statement(UNCHANGED, (person.id, person.credentials), key=person.id)


def pseudonym(keys: Keys, person: UUID) -> str:
    """The actor id of a person in the log."""
    return keys.hidden("actor", person.bytes).hex()[:32]


class People:
    """Reads accounts.

    Args:
        sessions: makes reading database sessions.
    """

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions

    async def get(self, person: UUID) -> Person:
        """One person. Raises Unknown."""
        async with reading(self._sessions) as session:
            row = await session.get(PersonRow, person)
        if row is None:
            message = "There is no account with this id. Check it: it may have been typed wrongly."
            raise Unknown(message, fr="Aucun compte n'a cet identifiant. Vérifiez-le : il est peut-être mal saisi.")
        return as_person(row)

    async def by_login(self, login: str) -> tuple[Person, str] | None:
        """An active person and the stored password hash, or None."""
        async with reading(self._sessions) as session:
            found = await session.exec(select(PersonRow).where(PersonRow.login == normal(login), col(PersonRow.active)))
            row = found.first()
        return None if row is None else (as_person(row), row.password_hash)

    async def called(self, account: Literal["login", "national_id", "ehr_user"], name: str) -> Person | None:
        """The active person whom others call so, or None. Nobody is found by an empty name."""
        wanted = normal(name) if account == "login" else name
        column = {"login": PersonRow.login, "national_id": PersonRow.national_id, "ehr_user": PersonRow.ehr_user}[account]
        async with reading(self._sessions) as session:
            row = (await session.exec(select(PersonRow).where(col(column) == wanted, col(PersonRow.active)))).first()
        return as_person(row) if row is not None and wanted else None

    async def password_hash(self, person: UUID) -> str | None:
        """The stored hash of an active person, or None."""
        async with reading(self._sessions) as session:
            found = await session.exec(select(PersonRow.password_hash).where(PersonRow.id == person, col(PersonRow.active)))
            return found.first()

    async def listed(self) -> tuple[Person, ...]:
        """All accounts, by login."""
        async with reading(self._sessions) as session:
            found = await session.exec(select(PersonRow).order_by(PersonRow.login))
            return tuple(as_person(row) for row in found)

    async def doubtful(self) -> tuple[Person, ...]:
        """Everybody active who still has to be confirmed, the longest waiting first."""
        query = select(PersonRow).where(col(PersonRow.unconfirmed_since).is_not(None), col(PersonRow.active))
        async with reading(self._sessions) as session:
            return tuple(as_person(row) for row in await session.exec(query.order_by(col(PersonRow.unconfirmed_since))))


def normal(login: str) -> str:
    """A login as it is stored: case and surrounding space do not count."""
    return login.strip().casefold()


def as_person(row: PersonRow) -> Person:
    """What the row says."""
    roles = frozenset(Role(role) for role in row.roles)
    return Person(
        row.id,
        row.login,
        row.name,
        row.profession,
        roles,
        frozenset(row.groups),
        row.must_change,
        row.trained_until,
        row.active,
        row.credentials,
        _competence(row),
        ForeignNames(row.national_id, row.ehr_user),
        None if row.unconfirmed_since is None else Doubt(row.unconfirmed_since, row.unconfirmed_by),
    )


def _competence(row: PersonRow) -> Competence:
    sets = {name: frozenset(getattr(row, name)) for name in ("specialties", "sites", "units", "trained_for", "delegated_tasks")}
    return Competence(**sets, delegated_until=row.delegated_until, supervised_by=row.supervised_by)


def created(new: NewPerson, password_hash: str, keys: Keys, by: Author, at: datetime) -> Write:
    """The write that makes an account. Raises BadInput for roles that exclude each other."""
    check_roles(new.roles)
    row = (
        *(new.id, normal(new.login), new.name, new.profession, sorted(new.roles), sorted(new.groups), password_hash, new.trained_until),
        *(new.foreign.national_id or None, new.foreign.ehr_user or None, *new.competence.row(), *_doubt(by, at)),
    )
    detail = {"change": "person_created", "subject": pseudonym(keys, new.id), "roles": ",".join(sorted(new.roles))}
    return Write(
        (_event(EventType.CONFIG_CHANGED, by, at, detail),), guards=(Statement(_CREATE, row, key=new.id),), refusal=_TAKEN, french=_TAKEN_FR
    )


def password_changed(person: Person, password_hash: str, keys: Keys, by: Author, at: datetime, *, one_time: bool) -> Write:
    """The write that sets a password and ends all sessions; `one_time`: it must be changed before anything else, and all passkeys end."""
    if not one_time:
        chosen = Statement(_PASSWORD, (person.id, person.credentials, password_hash), key=person.id)
        return _ending(person, chosen, "password_changed", (keys, by, at))
    reset = Statement(_RESET, (person.id, person.credentials, password_hash, *_doubt(by, at)), key=person.id)
    write = _ending(person, reset, "one_time_password", (keys, by, at))
    return replace(write, effects=(*write.effects, Statement(_END_PASSKEYS, (person.id, at))))


def _doubt(by: Author, at: datetime) -> tuple[datetime | None, str]:
    """What is given by a person has to be confirmed by another one; whoever commands the server is trusted in any case."""
    return (None, "") if by.actor == COMMAND_LINE.actor else (at, by.name)


def deactivated(person: Person, keys: Keys, by: Author, at: datetime) -> Write:
    """The write that closes an account for good and ends all its sessions; the row stays, so that signatures keep a name."""
    return _ending(person, Statement(_DEACTIVATE, (person.id, person.credentials), key=person.id), "person_deactivated", (keys, by, at))


def roles_changed(person: Person, roles: frozenset[Role], groups: frozenset[str], keys: Keys, by: Author, at: datetime) -> Write:
    """The write that gives other roles and groups, and ends all sessions; who may sign or confirm anew is in doubt. Raises BadInput."""
    check_roles(roles)
    values = (person.id, person.credentials, sorted(roles), sorted(groups))
    doubted = (roles - person.roles) & {Role.CLINICIAN, Role.QUALITY} and by.actor != COMMAND_LINE.actor
    guard = Statement(_ROLES_DOUBTED, (*values, *_doubt(by, at)), key=person.id) if doubted else Statement(_ROLES, values, key=person.id)
    return _ending(person, guard, "roles_changed", (keys, by, at), roles=",".join(sorted(roles)))


def training_changed(person: Person, until: datetime | None, keys: Keys, by: Author, at: datetime) -> Write:
    """The write that says until when the training for the tasks is valid; it counts at the next decision, no session ends."""
    detail = {"change": "training_changed", "subject": pseudonym(keys, person.id)}
    guard = Statement(_TRAINING, (person.id, person.credentials, until), key=person.id)
    return Write((_event(EventType.CONFIG_CHANGED, by, at, detail),), guards=(guard,), refusal=_CHANGED, french=CHANGED_FR)


def competence_changed(
    person: Person, competence: Competence, trained_until: datetime | None, keys: Keys, by: Author, at: datetime
) -> Write:
    """The write that says for what, where and under whom somebody works; all sessions end."""
    guard = Statement(_COMPETENCE, (person.id, person.credentials, *competence.row(), trained_until), key=person.id)
    return _ending(person, guard, "competence_changed", (keys, by, at))


def names_changed(person: Person, foreign: ForeignNames, keys: Keys, by: Author, at: datetime) -> Write:
    """The write that says how others call a person; all sessions end."""
    guard = Statement(
        _NAMES, (person.id, person.credentials, foreign.national_id or None, foreign.ehr_user or None, *_doubt(by, at)), key=person.id
    )
    return _ending(person, guard, "names_changed", (keys, by, at))


async def create_person(
    writer: Writer, keys: Keys, new: NewPerson, by: Author = COMMAND_LINE, *, passwords: Passwords | None = None
) -> str:
    """Make an account and return its one-time password, which is stored nowhere.

    Raises:
        BadInput: the roles exclude each other.
        Conflict: the login is taken.
        AuditUnavailable: the log cannot be written; no account was made.
    """
    check_roles(new.roles)
    password = one_time_password()
    password_hash = await (passwords or Passwords()).hash(password)
    await writer.append(created(new, password_hash, keys, by, SystemClock().now()))
    return password


async def renew_password(
    writer: Writer, keys: Keys, person: Person, by: Author = COMMAND_LINE, *, passwords: Passwords | None = None
) -> str:
    """Give an account a new one-time password, ending its sessions. Raises Conflict, AuditUnavailable."""
    password = one_time_password()
    password_hash = await (passwords or Passwords()).hash(password)
    await writer.append(password_changed(person, password_hash, keys, by, SystemClock().now(), one_time=True))
    return password


def _ending(person: Person, guard: Statement, change: str, who: tuple[Keys, Author, datetime], **detail: str) -> Write:
    keys, by, at = who
    event = _event(EventType.CONFIG_CHANGED, by, at, {"change": change, "subject": pseudonym(keys, person.id), **detail})
    ended = Statement(END_SESSIONS, (person.id, person.credentials))
    return Write(
        (event,),
        guards=(guard,),
        effects=(ended,),
        refusal=_CHANGED,
        french=CHANGED_FR,
    )


def _event(kind: EventType, by: Author, at: datetime, detail: Mapping[str, str]) -> Event:
    return Event(uuid7(), kind, at, by.actor, by.role, auth=by.auth or None, detail=detail)

"""`garant users …`: the accounts of people. One at a time; every change is an entry of the log by `system:command_line`."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.console import (
    CONFIG,
    Config,
    fail,
    group,
    instant,
    table,
    with_database,
    with_writer,
)
from gateway.errors import Unknown
from gateway.identity.roles import COMMAND_LINE, Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.audit.batch import Write
    from gateway.audit.writer import Writer
    from gateway.identity.people import Person
    from gateway.operations.keys import Keys
    from gateway.settings import Settings

app = group("Accounts of people: who may sign in, as what, and until when they are trained.")
Login = Annotated[str, typer.Argument(help="The account's login.")]
Roles = Annotated[list[str], typer.Option("--role", help="clinician, quality, it or auditor; may be given several times.")]
Groups = Annotated[list[str] | None, typer.Option("--group", help="A group of the policies' sign_groups; may be given several times.")]
Until = Annotated[str, typer.Option(help="Last day of the valid training, like 2027-12-31.")]


@app.command("create")
def create(
    login: Annotated[str, typer.Argument(help="What the person types to sign in.")],
    name: Annotated[str, typer.Option(help="Printed name, as it stands under signatures.")],
    role: Roles,
    profession: Annotated[str, typer.Option(help="A code like radiologist; decides what the person may sign.")] = "",
    group: Groups = None,
    trained_until: Until = "",
    config: Config = CONFIG,
) -> None:
    """Make an account; prints its one-time password, once."""
    from gateway.identity.people import NewPerson, create_person  # noqa: PLC0415 - each command imports only what it needs

    person = NewPerson(login, name, profession, _roles(role), frozenset(group or ()), _end_of(trained_until))
    password = with_writer(config, lambda _, writer, keys, __: create_person(writer, keys, person))
    _one_time(login, password)


@app.command("list")
def listed(
    find: Annotated[str, typer.Option(help="Only logins and names that contain this.")] = "",
    config: Config = CONFIG,
) -> None:
    """List the accounts: roles, groups, training, last sign-in, whether they are open."""
    rows = with_database(config, lambda _, __, url: _rows(url, find.casefold()))
    table(
        ("login", "name", "profession", "roles", "groups", "trained until", "last sign-in", "state"),
        rows,
        "There is no such account. 'garant users create' makes one.",
    )


@app.command("close")
def close(login: Login, config: Config = CONFIG) -> None:
    """Close an account for good and end its sessions; its signatures keep their name."""
    from gateway.identity.people import deactivated  # noqa: PLC0415

    _change(config, login, lambda person, keys, at: deactivated(person, keys, COMMAND_LINE, at))
    typer.echo(f"{login} is closed; its sessions have ended.")


@app.command("roles")
def roles(login: Login, role: Roles, group: Groups = None, config: Config = CONFIG) -> None:
    """Give an account other roles and groups, replacing all it had; its sessions end."""
    from gateway.identity.people import roles_changed  # noqa: PLC0415

    wanted, groups = _roles(role), frozenset(group or ())
    _change(config, login, lambda person, keys, at: roles_changed(person, wanted, groups, keys, COMMAND_LINE, at))
    typer.echo(f"{login} is now: {', '.join(sorted(wanted))}; groups: {', '.join(sorted(groups)) or 'none'}. Its sessions have ended.")


@app.command("password")
def password(login: Login, config: Config = CONFIG) -> None:
    """Give an account a new one-time password, printed once; its sessions and passkeys end."""
    from gateway.identity.people import renew_password  # noqa: PLC0415

    async def work(_: Settings, writer: Writer, keys: Keys, url: str) -> str:
        return await renew_password(writer, keys, await _person(url, login))

    _one_time(login, with_writer(config, work))


@app.command("training")
def training(
    login: Login,
    until: Annotated[str, typer.Argument(help="Last day of the valid training, like 2027-12-31; 'none' demands no training.")],
    config: Config = CONFIG,
) -> None:
    """Say until when somebody's training for the tasks is valid; it counts from the next decision on."""
    from gateway.identity.people import training_changed  # noqa: PLC0415

    end = None if until == "none" else _end_of(until)
    _change(config, login, lambda person, keys, at: training_changed(person, end, keys, COMMAND_LINE, at))
    typer.echo(f"{login}: no training is demanded." if end is None else f"{login}: trained until {instant(end)}.")


@app.command("competence")
def competence(
    login: Login,
    specialty: Annotated[list[str] | None, typer.Option(help="A specialty; may be given several times.")] = None,
    site: Annotated[list[str] | None, typer.Option(help="A site where the person works; may be given several times.")] = None,
    unit: Annotated[list[str] | None, typer.Option(help="A ward or department; may be given several times.")] = None,
    trained_for: Annotated[list[str] | None, typer.Option(help="A task that the training covers; may be given several times.")] = None,
    delegated: Annotated[list[str] | None, typer.Option(help="A task delegated beyond the profession; may be given several times.")] = None,
    delegated_until: Annotated[str, typer.Option(help="Last day of the delegation, like 2027-12-31.")] = "",
    supervised_by: Annotated[str, typer.Option(help="Login of the person who supervises somebody in training.")] = "",
    config: Config = CONFIG,
) -> None:
    """Say for what, where and under whom somebody works, replacing all that was said; what is not given does not limit. Sessions end."""
    from gateway.identity.people import Competence, competence_changed  # noqa: PLC0415

    specialties, sites, units, trained, tasks = (frozenset(given or ()) for given in (specialty, site, unit, trained_for, delegated))
    end = _end_of(delegated_until)

    async def work(_: Settings, writer: Writer, keys: Keys, url: str) -> None:
        above = (await _person(url, supervised_by)).id if supervised_by else None
        person = await _person(url, login)
        limits = Competence(specialties, sites, units, trained, tasks, end, above)
        await writer.append(competence_changed(person, limits, person.trained_until, keys, COMMAND_LINE, datetime.now(UTC)))

    with_writer(config, work)
    typer.echo(f"{login}: the limits of the right to sign are as given. Its sessions have ended.")


@app.command("names")
def names(
    login: Login,
    national_id: Annotated[str, typer.Option(help="Number in the national directory of health professionals.")] = "",
    ehr_user: Annotated[str, typer.Option(help="User of the electronic health record.")] = "",
    config: Config = CONFIG,
) -> None:
    """Say how an identity provider and the health record call somebody, replacing what was said; the account's sessions end."""
    from gateway.identity.people import ForeignNames, names_changed  # noqa: PLC0415

    given = ForeignNames(national_id or None, ehr_user or None)
    _change(config, login, lambda person, keys, at: names_changed(person, given, keys, COMMAND_LINE, at))
    typer.echo(f"{login}: national id {national_id or 'none'}, user of the health record {ehr_user or 'none'}. Its sessions have ended.")


def _change(config: Config, login: str, made: Callable[[Person, Keys, datetime], Write]) -> None:
    async def work(_: Settings, writer: Writer, keys: Keys, url: str) -> None:
        await writer.append(made(await _person(url, login), keys, datetime.now(UTC)))

    with_writer(config, work)


async def _person(url: str, login: str) -> Person:
    from gateway.database import engine, sessions  # noqa: PLC0415
    from gateway.identity.people import People  # noqa: PLC0415

    pool = engine(url, pool_size=1)
    try:
        found = await People(sessions(pool)).by_login(login)
    finally:
        await pool.dispose()
    if found is None:
        message = f"There is no open account '{login}'. See 'garant users list'."
        raise Unknown(message, code="unknown_account")
    return found[0]


async def _rows(url: str, find: str) -> list[tuple[str, ...]]:
    from gateway.database import engine, sessions  # noqa: PLC0415
    from gateway.identity.people import People  # noqa: PLC0415
    from gateway.operations.presence.reading import last_sign_ins  # noqa: PLC0415

    pool = engine(url, pool_size=1)
    try:
        people, last = await People(sessions(pool)).listed(), await last_sign_ins(sessions(pool))
    finally:
        await pool.dispose()
    return [_row(one, last.get(one.id)) for one in people if find in one.login.casefold() or find in one.name.casefold()]


def _row(one: Person, last: datetime | None) -> tuple[str, ...]:
    open_state = "active" if one.doubt is None else "to be confirmed"
    state = "closed" if not one.active else "one-time password" if one.must_change else open_state
    trained = "not demanded" if one.trained_until is None else instant(one.trained_until)
    return (one.login, one.name, one.profession, ", ".join(sorted(one.roles)), ", ".join(sorted(one.groups)), trained, instant(last), state)


def _roles(given: list[str]) -> frozenset[Role]:
    unknown = sorted(set(given) - set(Role))
    if unknown:
        fail(f"There is no role '{', '.join(unknown)}'. Roles: {', '.join(Role)}.")
    return frozenset(Role(text) for text in given)


def _end_of(day: str) -> datetime | None:
    if not day:
        return None
    try:
        return datetime.combine(datetime.fromisoformat(day).date(), time(23, 59, 59), UTC)
    except ValueError:
        fail(f"'{day}' is no date. Write it like 2027-12-31.")


def _one_time(login: str, password: str) -> None:
    typer.echo(f"login: {login}\none-time password: {password}\nIt is shown once and has to be changed at the first sign-in.")

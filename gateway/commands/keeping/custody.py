"""`garant audit erase | hold | lift | death | retain`: what is destroyed before its time, what is kept beyond it, what is due."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path  # noqa: TC003 - typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID

import typer

from gateway.commands.console import CONFIG, Config, fail, with_writer
from gateway.identity.roles import COMMAND_LINE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

    from gateway.audit.writer import Writer
    from gateway.custody.erasing import Destroyed
    from gateway.custody.proving import Proof
    from gateway.custody.room import Custody
    from gateway.identity.passwords import Passwords
    from gateway.identity.people import People
    from gateway.identity.sessions import Session, Sessions
    from gateway.operations.keys import Keys
    from gateway.settings import Settings

_T = TypeVar("_T")

Case = Annotated[UUID, typer.Argument(help="The case's id, as it stands in the log.")]
Reason = Annotated[str, typer.Option(help="A code of [retention] hold_reasons, like litigation.")]


def into(app: typer.Typer) -> None:
    """Add the commands to `garant audit`."""
    for name, command in (("erase", erase), ("hold", hold), ("lift", lift), ("death", death), ("retain", retain)):
        app.command(name)(command)


def erase(
    case: Case,
    basis: Annotated[str, typer.Option(help="Ask for it, on this legal basis: a code of [retention] bases, like wrong_patient.")] = "",
    confirm: Annotated[bool, typer.Option("--confirm", help="Confirm what another person asked for: this erases.")] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the request back.")] = False,
    rewrite: Annotated[
        bool, typer.Option("--rewrite", help="Write the tables anew: nobody can work meanwhile, and no old page is left.")
    ] = False,
    config: Config = CONFIG,
) -> None:
    """Erase a case's content before its time: one person asks (--basis), another confirms (--confirm); each proves who they are."""
    if [bool(basis), confirm, withdraw].count(True) != 1:
        fail("Say one thing: --basis CODE to ask, --confirm to confirm what another person asked for, --withdraw to take it back.")
    login = typer.prompt("Login")
    password = typer.prompt("Password", hide_input=True)

    async def work(settings: Settings, writer: Writer, keys: Keys, url: str) -> list[str]:
        async with _room(settings, writer, keys, url, (login, password)) as (kept, session):
            if basis:
                asked = await kept.erasing.ask(session.person, session.authentication, case, basis)
                return [f"Asked for, until {asked.asked_at:%Y-%m-%d} and six days more: {asked.id}. Nothing is erased yet.", _SECOND]
            request = await _open(kept, case)
            if withdraw:
                await kept.erasing.withdraw(session.person, session.authentication, request)
                return ["The request is withdrawn; nothing was erased."]
            done = await kept.erasing.confirm(session.person, session.authentication, request)
            return await _proven(settings, keys, url, done, rewrite=rewrite)

    for line in with_writer(config, work):
        typer.echo(line)


def hold(case: Case, reason: Reason, config: Config = CONFIG) -> None:
    """Keep a case whatever the clocks or a request say (legal hold), until it is lifted."""
    _in_room(config, lambda kept: kept.holding.hold(COMMAND_LINE, case, reason))
    typer.echo(f"{case} is held ({reason}): neither the clocks nor a request erase it.")


def lift(case: Case, reason: Reason, config: Config = CONFIG) -> None:
    """Lift a legal hold; the clocks go on."""
    _in_room(config, lambda kept: kept.holding.lift(COMMAND_LINE, case, reason))
    typer.echo(f"{case} is no longer held ({reason}).")


def death(
    case: Case,
    day: Annotated[str, typer.Argument(help="The day of the patient's death, like 2026-05-31; 'none' takes it back.")],
    config: Config = CONFIG,
) -> None:
    """Note the day on which a case's patient died: where that is near to the last passage, the decision is kept ten years from it."""
    try:
        died = None if day == "none" else date.fromisoformat(day)
    except ValueError:
        fail(f"'{day}' is no day. Write it like 2026-05-31, or 'none'.")
    _in_room(config, lambda kept: kept.holding.died(COMMAND_LINE, case, died))
    typer.echo(f"{case}: {'taken back' if died is None else 'noted'}. The log says only that it was; the day is patient data.")


def retain(config: Config = CONFIG) -> None:
    """Destroy now what is due by the three clocks of retention; the replicas do the same by themselves."""
    done = _in_room(config, lambda kept: kept.retaining.once())
    typer.echo(
        f"Destroyed: content of {done.use} case(s) without a decision, {done.decision} case(s) with decisions past their term, "
        f"{done.security} searchable entries of the security journal, {done.identity} name(s) of closed accounts."
    )


_SECOND = (
    "Now another person with the right to erase confirms it within seven days: garant audit erase CASE --confirm, or on the page /custody."
)


def _in_room(config: Path, act: Callable[[Custody], Awaitable[_T]]) -> _T:
    """Do one thing as the server's command line."""

    async def work(settings: Settings, writer: Writer, keys: Keys, url: str) -> _T:
        async with _room(settings, writer, keys, url) as (kept, _):
            return await act(kept)

    return with_writer(config, work)


@asynccontextmanager
async def _room(
    settings: Settings, writer: Writer, keys: Keys, url: str, who: tuple[str, str] = ("", "")
) -> AsyncIterator[tuple[Custody, Session]]:
    """The room's parts, and the session of whoever proves to be somebody (nobody's where no login is given), which ends with it."""
    from gateway.clock import SystemClock  # noqa: PLC0415 - each command imports only what it needs
    from gateway.custody.room import custody  # noqa: PLC0415
    from gateway.database import engine, sessions  # noqa: PLC0415
    from gateway.identity.methods import check_passwords  # noqa: PLC0415
    from gateway.suggestions.repository import Suggestions  # noqa: PLC0415

    pool = engine(url, pool_size=2)
    try:
        made = sessions(pool)
        kept = custody(settings, keys, url, made, writer, Suggestions(made, keys.vault), SystemClock())
        if not who[0]:
            yield kept, None  # type: ignore[misc] # whoever asks for nobody's session uses none
            return
        check_passwords(offered="password" in settings.identity.methods)
        accounts, people, passwords = _accounts(settings, keys, made, writer)
        _, session = await accounts.login(people, passwords, *who)
        try:
            yield kept, session
        finally:
            await accounts.end(session)
    finally:
        await pool.dispose()


def _accounts(settings: Settings, keys: Keys, made: async_sessionmaker[AsyncSession], writer: Writer) -> tuple[Sessions, People, Passwords]:
    from gateway.clock import SystemClock  # noqa: PLC0415
    from gateway.identity.attempts import Attempts  # noqa: PLC0415
    from gateway.identity.passwords import Passwords  # noqa: PLC0415
    from gateway.identity.people import People  # noqa: PLC0415
    from gateway.identity.sessions import PasswordReauthentication, Sessions  # noqa: PLC0415

    people, passwords, clock = People(made), Passwords(), SystemClock()
    proving = PasswordReauthentication(people, passwords, clock, offered="password" in settings.identity.methods)
    return Sessions(made, writer, keys, clock, proving, Attempts(made, keys, clock)), people, passwords


async def _open(kept: Custody, case: UUID) -> UUID:
    found = [one.id for one in await kept.stock.erasures(case=case) if one.done_at is None and one.withdrawn_at is None]
    if not found:
        fail("Nobody has asked to erase this case. The first person does so with --basis CODE.")
    return found[0]


async def _proven(settings: Settings, keys: Keys, url: str, done: Destroyed, *, rewrite: bool) -> list[str]:
    """Search for what was destroyed, and say what was found and what is elsewhere."""
    from gateway.custody import proving  # noqa: PLC0415
    from gateway.database import connect  # noqa: PLC0415

    if rewrite:
        connection = await connect(url, role=None)
        try:
            await proving.vacuum(connection, rewrite=True)
        finally:
            await connection.close()
    proof = await proving.prove(settings, keys.vkeys, url, done.case, proving.needles(done.payloads))
    await proving.keep(url, done.erasure, proof)
    return [f"Erased: {len(done.payloads)} payload(s).", *told(proof, rewritten=rewrite)]


def told(proof: Proof, *, rewritten: bool) -> list[str]:
    """A proof in words; the process fails where something is left."""
    searched = f"{proof.tables} tables ({proof.bytes} bytes) and {proof.files} files were searched"
    if not proof.clean:
        fail(f"{searched}, and something is left in: {', '.join(proof.found)}. Tell hospital IT; it must not be there.")
    pages = "" if rewritten else "unused pages of the database's files until they are written over (--rewrite leaves none), "
    elsewhere = (
        f"Elsewhere it lasts, encrypted, in {pages}the database's write-ahead log until it is recycled, and backups made before now until you "
        "replace them. 'garant keys rotate-encryption' and then 'destroy-encryption' of the old key make all of that unreadable."
    )
    return [
        f"{searched} for its ciphertexts, wrapped keys and salts: nothing is left. All {proof.proven} entries of the case are still proven.",
        elsewhere,
    ]

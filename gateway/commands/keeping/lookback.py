"""`garant audit lookback …`: every case that an AI system touched in a period, ticked off until each was contacted again (R20)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar
from uuid import UUID  # noqa: TC003 - typer reads annotations at run time

import typer

from gateway.commands.console import CONFIG, Config, fail, instant, table, with_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.audit.search.lookback import Lookback, Touched
    from gateway.audit.writer import Writer

_T = TypeVar("_T")
Day = Annotated[str, typer.Option(help="A day in UTC, like 2026-01-31; included.")]


def into(app: typer.Typer) -> None:
    """Add the command to `garant audit`."""
    app.command("lookback")(lookback)


def lookback(
    identity: Annotated[UUID | None, typer.Argument(help="A look-back that was begun; without it one is begun.")] = None,
    system: Annotated[str, typer.Option(help="Begin one: the AI system's id.")] = "",
    version: Annotated[str, typer.Option(help="Only this version, as the AI system called itself.")] = "",
    since: Day = "2000-01-01",
    until: Day = "",
    released: Annotated[bool, typer.Option("--released", help="Only cases of which an answer left.")] = False,
    tick: Annotated[UUID | None, typer.Option(help="Tick off this case: it was contacted again.")] = None,
    config: Config = CONFIG,
) -> None:
    """List every case that an AI system touched in a period, with what left, who signed, who got it; tick off who was contacted again."""
    from gateway.audit.search.lookback import Lookback  # noqa: PLC0415 - each command imports only what it needs
    from gateway.ids import uuid7  # noqa: PLC0415

    if (identity is None) == (not system):
        fail("Name the look-back to go on with, or --system to begin one: exactly one of the two.")
    last = _day(until) if until else datetime.now(UTC).date()
    wanted = Lookback(identity or uuid7(), system, version, _day(since), last, released)
    back, cases = with_writer(config, lambda settings, writer, _, url: _worked(url, settings.establishment.id, writer, wanted, tick))
    rows = [
        (str(one.case), instant(one.at), instant(one.released_at), str(len(one.signers)), " ".join(one.recipients), instant(one.done_at))
        for one in cases
    ]
    table(("case", "received", "released", "signed by", "recipients", "contacted again"), rows, "No case.")
    left = sum(one.done_at is None for one in cases)
    typer.echo(f"{back.id}: {left} of {len(cases)} case(s) still to be contacted.")


async def _worked(url: str, name: str, writer: Writer, wanted: Lookback, tick: UUID | None) -> tuple[Lookback, list[Touched]]:
    from gateway.audit.batch import Write  # noqa: PLC0415
    from gateway.audit.search import lookback as search  # noqa: PLC0415
    from gateway.identity.roles import COMMAND_LINE  # noqa: PLC0415

    now = datetime.now(UTC)
    if wanted.system:
        await writer.append(Write((search.opened(wanted, COMMAND_LINE, now),)))
    if tick is not None:

        async def check(connection: AsyncConnection) -> None:
            await search.check_left(connection, name, await search.found(connection, name, wanted.id), tick)

        await _asked(url, name, check)
        await writer.append(Write((search.contacted(wanted.id, tick, COMMAND_LINE, now),)))

    async def listed(connection: AsyncConnection) -> tuple[Lookback, list[Touched]]:
        back = await search.found(connection, name, wanted.id)
        return back, await search.touched(connection, name, back)

    return await _asked(url, name, listed)


async def _asked(url: str, name: str, work: Callable[[AsyncConnection], Coroutine[object, object, _T]]) -> _T:
    """What is read from the index, brought up to date first."""
    from gateway.audit.search.index import fill  # noqa: PLC0415
    from gateway.database import aside, engine  # noqa: PLC0415

    async with aside(url) as own:
        await fill(own, name)
    pool = engine(url, pool_size=1)
    try:
        async with pool.connect() as connection:
            return await work(connection)
    finally:
        await pool.dispose()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(f"'{text}' is no day. Write it like 2026-01-31.")

"""What all commands share: the configuration, the database, the writer, tables, and refusals that are one paragraph."""

from __future__ import annotations

import asyncio
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn, TypeVar

import typer
from typer.core import TyperGroup

from gateway.errors import GarantError, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
    from datetime import datetime

    from typer import Context

    from gateway.audit.writer import Writer
    from gateway.operations.keys import Keys
    from gateway.settings import Settings

Config = Annotated[Path, typer.Option("--config", "-c", envvar="GARANT_CONFIG", help="The configuration file.")]
CONFIG: Final = Path("garant.toml")
_T = TypeVar("_T")


class Speaking(TyperGroup):
    """The top group: whatever is refused below it is said on standard error, and the exit code is 1."""

    def invoke(self, ctx: Context) -> object:  # type: ignore[override] # typer's own context class
        """Run the command."""
        try:
            return super().invoke(ctx)
        except GarantError as error:
            fail(error.message)
        except BrokenPipeError:
            raise
        except OSError as error:
            fail(_os_sentence(error))


def fail(sentence: str) -> NoReturn:
    """Say why, on standard error, and end with exit code 1."""
    typer.echo(sentence, err=True)
    raise typer.Exit(1)


def group(words: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(no_args_is_help=True, add_completion=False, help=words)


def configured(config: Path) -> Settings:
    """The settings of a file. Raises Misconfigured with every problem."""
    from gateway.configuration.load import load  # noqa: PLC0415 - each command imports only what it needs

    return load(config, os.environ)


def with_database(config: Path, work: Callable[[Settings, Keys, str], Coroutine[object, object, _T]]) -> _T:
    """Run something on the migrated database. Raises Misconfigured where it cannot be reached."""
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    from gateway.database import BROKEN  # noqa: PLC0415
    from gateway.operations.running import database  # noqa: PLC0415

    settings = configured(config)
    try:
        with database(settings) as (keys, url):
            return asyncio.run(work(settings, keys, url))
    except (*BROKEN, DBAPIError) as error:
        message = (
            f"The database cannot be used ({type(error).__name__}: {_first_line(error)}). Check that it runs and that GARANT_DATABASE_URL or "
            "[database] in the configuration names it; nothing was changed."
        )
        raise Misconfigured(message) from error


def with_writer(config: Path, work: Callable[[Settings, Writer, Keys, str], Coroutine[object, object, _T]]) -> _T:
    """Run something that appends to the log."""
    from gateway.operations.running import writing  # noqa: PLC0415

    return with_database(
        config, lambda settings, keys, url: writing(settings, keys, url, lambda writer, _: work(settings, writer, keys, url))
    )


def table(titles: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
    """Print rows under their titles, or one sentence where there are none."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    listed = list(rows)
    if not listed:
        typer.echo(empty)
        return
    drawn = Table(show_edge=False, pad_edge=False)
    for title in titles:
        drawn.add_column(title, overflow="fold")
    for row in listed:
        drawn.add_row(*(Text(cell) for cell in row))
    Console(width=None if os.isatty(1) else 160, highlight=False).print(drawn)


@contextmanager
def counting(what: str) -> Iterator[Callable[..., None]]:
    """A function to tell how many are done, and of how many if that is known; on a terminal a bar moves, elsewhere nothing is printed."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not os.isatty(2)) as progress:
        task = progress.add_task(what, total=None)

        def told(done: int, total: int | None = None) -> None:
            progress.update(task, completed=done, total=total)

        yield told


def instant(at: datetime | None) -> str:
    """A time in UTC as people read it, or `never`."""
    return "never" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


def _os_sentence(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    return f"The system refuses: {error.strerror or type(error).__name__}{where}. Check the path, its owner and its rights; nothing was changed."


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0][:300]

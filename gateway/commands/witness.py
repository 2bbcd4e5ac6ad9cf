"""`garant witness`: a process of its own that cosigns checkpoints of a log."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.console import fail

if TYPE_CHECKING:
    from gateway.audit.note import VerifierKey


def witness(
    directory: Annotated[Path, typer.Argument(help="Where its key and what it has cosigned are kept; made if missing. Back it up.")],
    log: Annotated[list[Path], typer.Option(help="A log's public key (log.vkey); may be given several times.")],
    name: Annotated[str, typer.Option(help="Its name, usually an address without scheme.")],
    host: Annotated[str, typer.Option(help="Where it listens; put a TLS proxy in front to listen elsewhere.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Its port; 0 lets the kernel choose.")] = 7080,
) -> None:
    """Run a witness: it cosigns a log's checkpoints as long as the log only grows. Run it where the log's owner has no access."""
    import uvicorn  # noqa: PLC0415 - each command imports only what it needs

    from gateway.operations.serving import bound  # noqa: PLC0415
    from gateway.witness.serving import opened  # noqa: PLC0415

    made = opened(directory, name, tuple(key for path in log for key in _keys(path)))
    listener = bound(host, port)
    typer.echo(f"Witness {name} listens on {host}, port {listener.getsockname()[1]}. Its public key for policy files is in witness.vkey:")
    typer.echo((directory / "witness.vkey").read_text(encoding="utf-8").strip())
    config = uvicorn.Config(made, lifespan="off", access_log=False, log_config=None, server_header=False, date_header=False, ws="none")
    uvicorn.Server(config).run(sockets=[listener])


def _keys(path: Path) -> tuple[VerifierKey, ...]:
    from gateway.audit.note import NoteError, VerifierKey  # noqa: PLC0415

    try:
        return tuple(VerifierKey.decode(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    except NoteError as error:
        fail(f"The log's public key {path} cannot be read ({error}).")

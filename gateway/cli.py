"""The command line: `garant init | check | keys | up | status | users | machines | systems | stops | audit | impact | demo`.

Every error is one paragraph that says what happened, why, and what to do, and the exit code is 1.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path  # noqa: TC003 - typer reads annotations at run time
from typing import Annotated

import typer

from gateway.commands import log, machines, measuring, people, setting_up, systems, witness
from gateway.commands.console import CONFIG, Config, Speaking
from gateway.commands.keeping import custody, keys, lookback

app = typer.Typer(
    cls=Speaking,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Garant: sign, log and measure what AI suggests. Begin with 'garant init', or try 'garant demo'.",
)


def main() -> None:
    """The entry point of the `garant` command."""
    try:
        app()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


app.command("init")(setting_up.init)


@app.command()
def check(config: Config = CONFIG) -> None:
    """List every problem of the configuration at once: file, line, cause, fix."""
    from gateway.configuration.check import check as find  # noqa: PLC0415 - each command imports only what it needs
    from gateway.configuration.check import render  # noqa: PLC0415

    problems = find(config, os.environ)
    typer.echo(render(problems) if problems else f"{config}: no problem found.")
    if any(problem.severity == "error" for problem in problems):
        raise typer.Exit(1)


@app.command()
def up(config: Config = CONFIG) -> None:
    """Run the gateway: checks the configuration, prepares the database, serves until Ctrl-C."""
    from gateway.operations import running  # noqa: PLC0415

    running.up(config)


app.command("status")(systems.status)
app.command("witness")(witness.witness)


@app.command(hidden=True)
def replica(config: Config = CONFIG, fd: int = 0) -> None:
    """One replica process on an inherited socket."""
    from gateway.operations import running  # noqa: PLC0415

    running.one_replica(config, fd)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Play the whole story without a person, verify, print the table, end.")] = False,
    directory: Annotated[Path | None, typer.Option("--dir", help="Keep the demo's data here instead of a temporary folder.")] = None,
) -> None:
    """Try everything on this machine: a real model, real cases, a database, the gateway, accounts. Made-up patients."""
    from gateway.demo import story  # noqa: PLC0415
    from impact.cli import rates  # noqa: PLC0415

    sys.exit(story.play(once=once, directory=directory, table=lambda found: rates(found, pilot=True)))


custody.into(log.app)
lookback.into(log.app)
for name, commands in {
    "keys": keys.app,
    "users": people.app,
    "machines": machines.app,
    "systems": systems.systems_app,
    "stops": systems.stops_app,
    "audit": log.app,
    "impact": measuring.app,
}.items():
    app.add_typer(commands, name=name)

if __name__ == "__main__":
    main()

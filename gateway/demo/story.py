"""The demo's story: real cases are called, held, signed by people, released, logged and counted.

Without `--once` it leaves cases in the queue, prints addresses and passwords, and serves until Ctrl-C. With it a
scripted clinician signs through the API that people use, and the last line is one JSON object of what was measured.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, TypeAlias

import typer

from gateway.demo.clinician import Clinician, DemoFailedError
from gateway.demo.model import train
from gateway.demo.scenes import Play, Scenes
from gateway.demo.stage import Stage, prepared
from gateway.operations.auditing import export, verify_live
from gateway.operations.checking import check_folder, trust
from gateway.usage import records

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.audit.verifier import Report
    from gateway.usage import LedgerRow

    Table: TypeAlias = Callable[[list[LedgerRow]], str]

_WAITING_CASES: Final = 6


def play(*, once: bool, directory: Path | None, table: Table) -> int:
    """Run the demo; returns the exit code. `table` prints the ledger."""
    began = time.monotonic()

    def say(step: str) -> None:
        typer.echo(f"[{time.monotonic() - began:5.1f} s] {step}")

    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)  # also where a shell started it with the signal ignored
    try:
        with ExitStack() as stack:
            stage = prepared(stack, directory, say)
            say(f"ready: {stage.base}")
            return _once(stage, say, table) if once else _serve(stage)
    except DemoFailedError as error:
        typer.echo(str(error), err=True)
        return 1
    except KeyboardInterrupt:
        typer.echo("\nEnded; nothing is left running.")
        return 0


def _serve(stage: Stage) -> int:
    scenes = Scenes(stage, train())
    for case in scenes.model.cases(_WAITING_CASES):
        scenes.held("breast-cytology", case, number=case.number)
    _letterhead(stage)
    while True:
        time.sleep(3600)


def _letterhead(stage: Stage) -> None:
    figures = stage.figures
    lines = [
        "",
        f"  Sign-in and queue     {stage.base}/",
        f"  Log                   {stage.base}/log          (q.durand)",
        f"  Impact                {stage.base}/impact       (q.durand)",
        f"  Stop button           {stage.base}/stops        (it.admin)",
        f"  Administration        {stage.base}/administration  (it.admin)",
        f"  API document          {stage.base}/api/openapi.json",
        "",
        *(f"  {login:<12} one-time password  {password}" for login, password in stage.accounts.items()),
        "",
        f"  Key of the calling systems  {stage.key}",
        f"  Model on {figures['patients']:g} held-out patients: AUC {figures['auc']:.3f}, sensitivity {figures['sensitivity']:.3f},",
        f"  specificity {figures['specificity']:.3f}. Demonstration only; the patients' names are made up.",
        "",
        f"  {_WAITING_CASES} cases wait for a signature. Ctrl-C ends everything.",
    ]
    typer.echo("\n".join(lines))


def _once(stage: Stage, say: Callable[[str], None], table: Table) -> int:
    first, second = (Clinician(stage.base, login, stage.accounts[login]) for login in ("dr.martin", "dr.leroy"))
    first.sign_in()
    second.sign_in()
    play_ = Scenes(stage, train()).all(first, second, say)
    say("verifying the log: live, and an export with the public key alone")
    report = asyncio.run(verify_live(stage.settings, stage.keys, stage.url))
    folder = stage.directory / "export"
    asyncio.run(export(stage.settings, stage.keys, stage.url, folder))
    outside = check_folder(folder, trust(stage.settings.keys_directory / "log.vkey"))
    rows = asyncio.run(records(stage.url, stage.settings.establishment.id))
    typer.echo(table(rows))
    return _conclusion(play_, report, outside, len(rows))


def _conclusion(play_: Play, report: Report, outside: Report, rows: int) -> int:
    verified = report.ok and outside.ok and outside.root == report.root
    counts = play_.counts()
    summary = {**counts, "log": {"size": report.size, "root": report.root, "verified": verified}, "ledger_rows": rows}
    for problem in (*report.problems, *outside.problems)[:5]:
        typer.echo(f"row {problem.index}: {problem.sentence}")
    typer.echo(json.dumps(summary))
    return 0 if verified and counts["leaks"] == 0 and not play_.surprises else 1


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt

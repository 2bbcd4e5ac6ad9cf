"""`garant audit …`: the log, exported and verified."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO
from uuid import UUID

import typer

from gateway.commands.console import CONFIG, Config, counting, fail, group, with_database, with_writer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.audit.verifier import Report
    from gateway.settings import Settings

app = group("The log: export it, verify it.")


@app.command("export")
def export(folder: Annotated[Path, typer.Argument(help="Where the files go; made if it does not exist.")], config: Config = CONFIG) -> None:
    """Write the log as static files (tlog-tiles) that anybody can verify offline; in a folder that holds some, only what is new."""
    from gateway.operations.auditing import export as written  # noqa: PLC0415 - each command imports only what it needs

    with counting("entries") as told:
        size = with_database(config, lambda settings, keys, url: written(settings, keys, url, folder, told))
    typer.echo(f"{folder} holds {size} entries.")


@app.command("proof")
def proof(
    case: Annotated[UUID | None, typer.Argument(help="The case's id, as it stands in the log.")] = None,
    entry: Annotated[int | None, typer.Option(help="Prove this one entry instead, by its index.", min=0)] = None,
    out: Annotated[Path | None, typer.Option(help="Where the file goes; default: CASE.tlog-proof or INDEX.tlog-proof.")] = None,
    config: Config = CONFIG,
) -> None:
    """Write the proof of a case, or of one entry, as a text file that a patient file or a court can keep (C2SP tlog-proof)."""
    from gateway.operations.auditing import prove  # noqa: PLC0415

    if (case is None) == (entry is None):
        fail("Name a case, or one entry with --entry: exactly one of the two.")
    what = entry if case is None else case
    text = with_database(config, lambda settings, keys, url: prove(settings, keys, url, what))  # type: ignore[arg-type] # one of the two
    path = out or Path(f"{what}.tlog-proof")
    path.write_text(text, encoding="utf-8")
    typer.echo(f"{path}: {path.stat().st_size} bytes. 'garant audit verify {path} --key log.vkey' checks it anywhere.")


@app.command("consistency")
def consistency(
    old: Annotated[int, typer.Argument(help="Entries of the older kept checkpoint.", min=0)],
    new: Annotated[int, typer.Argument(help="Entries of the newer kept checkpoint.", min=0)],
    config: Config = CONFIG,
) -> None:
    """Print the proof that the log only grew between two kept checkpoints, in the form in which witnesses take it."""
    from gateway.operations.auditing import prove_growth  # noqa: PLC0415

    typer.echo(with_database(config, lambda settings, keys, url: prove_growth(settings, keys, url, old, new)), nl=False)


@app.command("verify")
def verify(
    what: Annotated[Path | None, typer.Argument(help="An export, or a .tlog-proof file; without it the live database is verified.")] = None,
    key: Annotated[Path | None, typer.Option(help="The log's public key (log.vkey), got from somewhere else than the export.")] = None,
    policy: Annotated[Path | None, typer.Option(help="Trusted witnesses and how many must have cosigned (C2SP tlog-policy).")] = None,
    authority: Annotated[Path | None, typer.Option(help="Root certificates of timestamping authorities (PEM).")] = None,
    leaf: Annotated[Path | None, typer.Option(help="The bytes of the entry, for a proof file that does not carry them.")] = None,
    config: Config = CONFIG,
) -> None:
    """Verify the whole log, or a proof: signatures, tree, every entry, the clinical rules. Names the first bad row."""
    from gateway.operations.auditing import verify_live  # noqa: PLC0415
    from gateway.operations.checking import check_folder, check_proof, trust  # noqa: PLC0415

    if what is None:
        with counting("entries") as told:
            report = with_database(config, lambda settings, keys, url: verify_live(settings, keys, url, told))
        _print(report)
        return
    whom = trust(key, policy, authority)
    if what.is_file():
        report, entries = check_proof(what, whom, leaf)
        typer.echo("".join(f"  {line}\n" for line in entries), nl=False)
        _print(report)
        return
    with counting("entries") as told:
        report = check_folder(what, whom, told)
    _print(report)


@app.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(help="The older export.")],
    new: Annotated[Path, typer.Argument(help="The newer export.")],
    key: Annotated[Path | None, typer.Option(help="The log's public key (log.vkey).")] = None,
    policy: Annotated[Path | None, typer.Option(help="A policy with a log line, instead of the key.")] = None,
) -> None:
    """Compare two exports: does the newer only add to the older, and what does it add."""
    from gateway.operations.checking import compare, trust  # noqa: PLC0415

    found = compare(old, new, trust(key, policy))
    typer.echo(f"{old}: {found.old} entries. {new}: {found.new} entries.")
    if not found.grew:
        row = "The newer one is shorter" if found.first is None else f"Entry {found.first} is not the same in both"
        fail(f"{row}: the newer export does not continue the older one. Verify both; one of them is not this log's true history.")
    typer.echo(f"The newer one only adds: {', '.join(f'{count} {kind}' for kind, count in found.added.items()) or 'nothing'}.")
    for digest in found.policies:
        typer.echo(f"A policy document is new: {digest}.")


@app.command("open")
def open_(
    source: Annotated[Path, typer.Argument(help="An export, or a case's .tlog-proof file.")],
    index: Annotated[int, typer.Argument(help="The entry's index.", min=0)],
    field: Annotated[str, typer.Argument(help="What was disclosed: suggestion, shown, final, reason, or another commitment's name.")],
    data: Annotated[Path, typer.Argument(help="The disclosed bytes.")],
    salt: Annotated[str, typer.Argument(help="The disclosed salt: 64 hexadecimal digits.")],
) -> None:
    """Check that disclosed bytes are exactly those that an entry commits to."""
    from gateway.operations.checking import disclosed  # noqa: PLC0415

    if not disclosed(source, index, field, data, salt):
        fail(f"No: entry {index} commits to other bytes as {field!r}, or under another salt.")
    typer.echo(
        f"Yes: these are the bytes that entry {index} commits to as {field!r}. Verify the source to know that the entry is in the log."
    )


@app.command("disclose")
def disclose(
    what: Annotated[str, typer.Argument(help="An entry's index, or a case's id: then its newest entry with such a commitment.")],
    field: Annotated[str, typer.Argument(help="What is disclosed: suggestion, shown, final, reason, or another commitment's name.")],
    reason: Annotated[str, typer.Option(help="Why: a code of [retention] reading_reasons; it stands in the log.")],
    out: Annotated[Path, typer.Option(help="Where the bytes go; a new file that only you can read.")],
    config: Config = CONFIG,
) -> None:
    """Write the bytes of one commitment to a file and print its salt, for `open` to check; the disclosure itself becomes an entry."""
    from gateway.operations.verification.disclosing import disclose as disclosed  # noqa: PLC0415

    named = int(what) if what.isdecimal() else _uuid(what)
    with _new_file(out) as file:
        found = with_writer(
            config, lambda settings, writer, keys, url: disclosed(writer, keys, url, named, field, _checked(settings, reason))
        )
        file.write(found.data)
    typer.echo(
        f"{out}: {len(found.data)} bytes, which entry {found.index} commits to as {field!r}. That they were disclosed is in the log."
    )
    typer.echo(f"To check them anywhere: garant audit open EXPORT {found.index} {field} {out} {found.salt.hex()}")


def _checked(settings: Settings, reason: str) -> str:
    from gateway.custody.words import check_reading_reason  # noqa: PLC0415

    check_reading_reason(settings.retention, reason)
    return reason


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        fail(f"{text!r} is neither an entry's index nor a case's id.")


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A new file for its owner alone; it does not stay where nothing came of it."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        fail(f"{path} cannot be written ({error.strerror}). Name a file that does not exist yet.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException:  # also Ctrl-C: half a file is none
        path.unlink(missing_ok=True)
        raise


def _print(report: Report) -> None:
    state = "verified" if report.ok else "NOT verified"
    typer.echo(f"{state}: {report.size} entries, root {report.root}")
    for sentence in report.evidence:
        typer.echo(f"  {sentence}")
    for problem in report.problems[:20]:
        typer.echo(f"  {'the log' if problem.index is None else f'row {problem.index}'}: {problem.sentence}")
    if not report.ok:
        raise typer.Exit(1)

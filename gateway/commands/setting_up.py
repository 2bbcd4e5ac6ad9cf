"""`garant init`: asks what it does not know, writes two commented files and the secret keys, says what to run next.

Promises: nothing is overwritten without --force (keys never), both files appear whole or not at all, and `garant check`
accepts them as they are. Every question is also an option, so that it runs without a terminal.
"""

from __future__ import annotations

import os
import secrets
import shlex
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.commands.console import fail
from gateway.errors import LANGUAGES, BadInput, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.configuration.first_run.questions import Question

_KEYS: Final = Path(".garant/keys")


def _option(words: str) -> object:
    return typer.Option(help=words)


def init(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where the files go; made if it does not exist.")] = Path(),
    language: Annotated[str, _option("fr or en: of the questions and of the comments; otherwise by LANG.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace garant.toml and policies.toml; keys are never replaced.")] = False,
    ask: Annotated[
        bool | None, typer.Option("--ask/--no-ask", help="Ask what no option says; by default where there is a terminal.")
    ] = None,
    name: Annotated[str | None, _option("Name of the establishment.")] = None,
    id: Annotated[str | None, _option("Its short id, for good.")] = None,  # noqa: A002 - the option's name
    host: Annotated[str | None, _option("Public host name, for good.")] = None,
    sites: Annotated[str | None, _option("Sites, separated by commas.")] = None,
    port: Annotated[str | None, _option("Port to listen on.")] = None,
    public_url: Annotated[str | None, _option("Address that people open.")] = None,
    system_name: Annotated[str | None, _option("Name of the first AI system.")] = None,
    system: Annotated[str | None, _option("Its short id.")] = None,
    version: Annotated[str | None, _option("Its version.")] = None,
    protocol: Annotated[str | None, _option("openai, inference_v2 or json.")] = None,
    address: Annotated[str | None, _option("Its address.")] = None,
    models: Annotated[str | None, _option("Models that calls name (openai, inference_v2), separated by commas.")] = None,
    path: Annotated[str | None, _option("json: the path that is served and forwarded.")] = None,
    field: Annotated[str | None, _option("json: JSON Pointer to the result that is judged.")] = None,
    secret_env: Annotated[str | None, _option("Environment variable that holds the AI system's secret.")] = None,
    kind: Annotated[str | None, _option("diagnosis, treatment, triage, documentation, administrative or logistic.")] = None,
    task_name: Annotated[str | None, _option("Name of the first task.")] = None,
    task: Annotated[str | None, _option("Its short id.")] = None,
    profession: Annotated[str | None, _option("Profession that signs.")] = None,
    mode: Annotated[
        str | None, _option("hold, notify_now, draft, shadow or log_only; a clinical kind may not be draft or log_only.")
    ] = None,
    on_call: Annotated[str | None, _option("notify_now: login of the clinician on call.")] = None,
    pager: Annotated[str | None, _option("notify_now: webhook of the paging system.")] = None,
    identity: Annotated[str | None, _option("How people prove who they are: password, passkey or oidc.")] = None,
    issuer: Annotated[str | None, _option("oidc: address of the OpenID provider.")] = None,
    client_id: Annotated[str | None, _option("oidc: Garant's client_id at that provider.")] = None,
    client_secret_env: Annotated[str | None, _option("oidc: environment variable that holds the client's secret.")] = None,
    database: Annotated[str | None, _option("embedded or external.")] = None,
) -> None:
    """Set up: asks a few questions, writes garant.toml and policies.toml, makes the keys, says what to run next."""
    _spoken_refusals(folder, language or _spoken(os.environ), ctx.params)


def _spoken_refusals(folder: Path, language: str, options: Mapping[str, object]) -> None:
    asked = options["ask"]
    try:
        _set_up(folder, language, options, force=bool(options["force"]), ask=sys.stdin.isatty() if asked is None else bool(asked))
    except BadInput as error:
        fail(error.said(language))


def _set_up(folder: Path, language: str, options: Mapping[str, object], *, force: bool, ask: bool) -> None:
    from gateway.configuration.first_run import writing  # noqa: PLC0415

    if language not in LANGUAGES:
        raise _refused("language", language)
    _check_free(folder, force=force)
    given = answers(language, options, ask=ask)
    made = writing.files(given, datetime.now(UTC).date())
    warnings = _accepted(made, given)
    kept = _keys(folder, given)
    for name, text in made.items():
        _write(folder / name, text)
    _say(folder, given, warnings, kept=kept)


def answers(language: str, options: Mapping[str, object], *, ask: bool) -> dict[str, str]:
    """An answer to every question that is asked: the option's, the person's, or the default. Raises BadInput."""
    from gateway.configuration.first_run.questions import QUESTIONS, check_answer  # noqa: PLC0415

    given = {"language": language}
    for question in QUESTIONS:
        if not question.asked(given):
            given[question.name] = question.default(given)
            continue
        option = options.get(question.name)
        if ask and option is None:
            given[question.name] = _asked(question, given)
            continue
        value = question.default(given) if option is None else str(option).strip()
        check_answer(question, value, given)
        given[question.name] = value
    return given


def _asked(question: Question, given: Mapping[str, str]) -> str:
    from gateway.configuration.first_run.questions import check_answer, texts  # noqa: PLC0415

    language = given["language"]
    if question.name == "mode":
        _explain_modes(given)
    choices = f" ({', '.join(_possible(question, given))})" if question.choices else ""
    while True:
        answer = str(typer.prompt(texts()[f"ask_{question.name}"][language] + choices, default=question.default(given))).strip()
        try:
            check_answer(question, answer, given)
        except BadInput as error:
            typer.echo(error.said(language), err=True)
        else:
            return answer


def _possible(question: Question, given: Mapping[str, str]) -> tuple[str, ...]:
    from gateway.configuration.first_run.questions import allowed  # noqa: PLC0415

    return tuple(one for one in question.choices if question.name != "mode" or allowed(given["kind"], one))


def _explain_modes(given: Mapping[str, str]) -> None:
    from gateway.configuration.first_run.questions import allowed, texts  # noqa: PLC0415
    from gateway.policy.models import ReleaseMode  # noqa: PLC0415

    language = given["language"]
    typer.echo("\n" + texts()["modes_title"][language])
    for mode in ReleaseMode:
        barred = "" if allowed(given["kind"], mode) else f" [{texts()['not_for'][language].format(kind=given['kind'])}]"
        typer.echo(f"  {mode.value:<11}{texts()[f'explain_{mode.value}'][language]}{barred}")


def _check_free(folder: Path, *, force: bool) -> None:
    from gateway.configuration.first_run import writing  # noqa: PLC0415

    if folder.exists() and not (folder.is_dir() and os.access(folder, os.W_OK)):
        raise _refused("folder", str(folder))
    for name in (writing.MAIN, writing.SHARED):
        if (folder / name).exists() and not force:
            raise _refused("exists", str(folder / name))


def _accepted(made: Mapping[str, str], given: Mapping[str, str]) -> str:
    """What the checker warns of. Raises Misconfigured if it refuses what was made: then nothing is written."""
    from gateway.configuration.check import check, render  # noqa: PLC0415
    from gateway.configuration.first_run import writing  # noqa: PLC0415

    environ = {name: secrets.token_urlsafe() for name in _variables(given)}
    with tempfile.TemporaryDirectory(prefix="garant-") as trial:
        for name, text in made.items():
            (Path(trial) / name).write_text(text, encoding="utf-8")
        problems = check(Path(trial) / writing.MAIN, environ)
        said = render(problems).replace(f"{trial}{os.sep}", "")
    if any(problem.severity == "error" for problem in problems):
        raise Misconfigured(said)
    return said


def _keys(folder: Path, given: Mapping[str, str]) -> bool:
    """Make the keys that are missing; whether all of them were there."""
    from gateway.operations import keys as secret_files  # noqa: PLC0415

    try:
        folder.mkdir(parents=True, exist_ok=True)
        return not secret_files.create(folder / _KEYS, f"{given['host']}/garant/{given['id']}")
    except OSError as error:
        raise _refused("folder", f"{folder} ({error.strerror})" if error.strerror else str(folder)) from error


def _write(path: Path, text: str) -> None:
    """The whole file or none: written beside it, made durable, then put in its place."""
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(beside).replace(path)
    except BaseException:  # also Ctrl-C: what lies beside is not left behind
        Path(beside).unlink(missing_ok=True)
        raise


def _say(folder: Path, given: Mapping[str, str], warnings: str, *, kept: bool) -> None:
    from gateway.configuration.first_run import writing  # noqa: PLC0415
    from gateway.configuration.first_run.questions import texts  # noqa: PLC0415

    said = {name: entry[given["language"]] for name, entry in texts().items()}
    typer.echo(f"\n{said['said_written']} {folder / writing.MAIN}, {folder / writing.SHARED}")
    typer.echo(said["said_keys_kept" if kept else "said_keys"].format(folder=folder / _KEYS))
    if warnings:
        typer.echo(f"\n{said['said_warnings']}\n{warnings}")
    typer.echo(f"\n{said['said_next']}")
    commands = _next(folder, given, said)
    width = max(len(command) for command, _ in commands)
    for command, word in commands:
        typer.echo(f"  {command:<{width}}  {said[word] if word else ''}".rstrip())


def _next(folder: Path, given: Mapping[str, str], said: Mapping[str, str]) -> list[tuple[str, str]]:
    """The commands that come next, each with the word that explains it."""
    clinician = given["on_call"] or "dr.martin"
    found = [(f"cd {shlex.quote(str(folder))}", "")] if folder.resolve() != Path.cwd() else []
    found += [(f"export {name}=…", "next_secret") for name in _variables(given)]
    if given["database"] == "external":
        found.append(("export GARANT_DATABASE_URL=postgresql://USER@HOST/DATABASE", "next_database"))
    site = given["sites"].split(",")[0].strip()
    return [
        *found,
        ("garant check", "next_check"),
        ("garant systems check", "next_systems"),
        (f"garant users create admin --role it --name {shlex.quote(said['your_name'])}", "next_admin"),
        (
            f"garant users create {clinician} --role clinician --profession {given['profession']} --name {shlex.quote(said['their_name'])}",
            "next_clinician",
        ),
        (f"garant machines create ris --task {given['task']} --site {shlex.quote(site)}", "next_machine"),
        ("garant up", "next_up"),
    ]


def _variables(given: Mapping[str, str]) -> tuple[str, ...]:
    """The environment variables that have to hold secrets."""
    client = given["client_secret_env"] if given["identity"] == "oidc" else ""
    return tuple(dict.fromkeys(name for name in (given["secret_env"], client) if name))


def _refused(name: str, value: str) -> BadInput:
    from gateway.configuration.first_run.questions import texts  # noqa: PLC0415

    said = {language: text.format(value=value[:200]) for language, text in texts()[f"wrong_{name}"].items()}
    return BadInput(said["en"], code=f"init_{name}", fr=said["fr"])


def _spoken(environ: Mapping[str, str]) -> str:
    """The language of the terminal, by the usual variables; English where it is neither of ours."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(name):
            return "fr" if environ[name].lower().startswith("fr") else "en"
    return "en"

"""The log as quality teams search it: filters in the address, counts by facet, a case told in order; `.json` and `.csv` beside it.

The index is brought up to date before it is asked. Auditors see pseudonyms; who may read cases may also search by login.
"""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response
from sqlmodel import text

from gateway.api.dependencies import demand
from gateway.api.reading import exported
from gateway.audit.search.index import fill
from gateway.audit.search.queries import FACETS, PAGE, Counts, Found, Told, Wanted, counts, entries, story
from gateway.database import BROKEN, READ_SECONDS, aside, reading
from gateway.errors import AuditUnavailable, BadInput, Unknown
from gateway.identity.people import pseudonym
from gateway.identity.roles import Right
from gateway.web.custody.shown import reasons_of
from gateway.web.quality.fhir import MEDIA_TYPE, bundle
from gateway.web.rendering import PageRoute, TheVisitor, Visitor, person

__all__ = ["TheVisitor", "brought_up_to_date", "case_page", "log_page", "people_of", "router", "told"]

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MOST_ROWS: Final = 50_000
TABLE_SECONDS: Final = 30.0
MOST_MISSING: Final = 30_000
_NARROWS: Final = frozenset({"type", "task", "system", "decision", "reason", "actor", "case"})
"""What makes a search less than everything."""
_HEAD: Final = text("SELECT size, checkpoint FROM log_head WHERE establishment = :name")
_VERIFIED: Final = text("SELECT size, at, problem FROM publications WHERE establishment = :name AND place = 'verification'")
_INDEXED: Final = text("SELECT coalesce(max(index) + 1, 0) FROM log_search WHERE establishment = :name")
_NAMES: Final = text("SELECT id, name FROM people")
_PEOPLE: Final = text("SELECT id, login FROM people WHERE login = :login")


@router.get("/log")
async def log(seen: TheVisitor) -> Response:
    """A search, or without one the newest entries."""
    await demand(seen.parts, person(seen), Right.READ_LOG)
    return await log_page(seen)


@router.get("/log.json")
async def log_json(seen: TheVisitor) -> Response:
    """The same as JSON: entries, counts, and the address of what follows."""
    await demand(seen.parts, person(seen), Right.READ_LOG)
    wanted = await _wanted(seen)
    found, numbers, _ = await _searched(seen, wanted, PAGE)
    following = _address("/log.json", seen, before=found[-1].place) if len(found) == PAGE else None
    body = {"entries": [_plain(one) for one in found], "total": numbers.total, "facets": {k: dict(v) for k, v in numbers.facets.items()}}
    return Response(json.dumps(body | {"next": following}, default=str), media_type="application/json")


@router.get("/log.csv")
async def log_csv(seen: TheVisitor) -> Response:
    """The same as a table, at most 50,000 rows."""
    await demand(seen.parts, person(seen), Right.READ_LOG)
    wanted = await _wanted(seen)
    if (asked := await _taken_away(seen, "log.csv", wanted)) is not None:
        return asked
    found, _, _ = await _searched(seen, wanted, MOST_ROWS)
    out = io.StringIO()
    table = csv.DictWriter(out, list(Found.__dataclass_fields__), lineterminator="\r\n")
    table.writeheader()
    table.writerows({name: _no_formula(value) for name, value in _plain(one).items()} for one in found)
    headers = {"Content-Disposition": 'attachment; filename="garant-log.csv"'}
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/log.jsonl")
async def log_lines(seen: TheVisitor) -> Response:
    """The same as JSON, an entry a line, at most 50,000."""
    await demand(seen.parts, person(seen), Right.READ_LOG)
    wanted = await _wanted(seen)
    if (asked := await _taken_away(seen, "log.jsonl", wanted)) is not None:
        return asked
    found, _, _ = await _searched(seen, wanted, MOST_ROWS)
    lines = "".join(f"{json.dumps(_plain(one), ensure_ascii=False)}\n" for one in found)
    return Response(lines, media_type="application/jsonl; charset=utf-8")


@router.get("/log.fhir.json")
async def log_fhir(seen: TheVisitor) -> Response:
    """A page of the same as FHIR AuditEvents."""
    await demand(seen.parts, person(seen), Right.READ_LOG)
    found, _, _ = await _searched(seen, await _wanted(seen), PAGE)
    return Response(json.dumps(bundle(found, seen.parts.settings.establishment.origin)), media_type=MEDIA_TYPE)


@router.get("/log/case/{case}")
async def case_story(case: UUID, seen: TheVisitor) -> Response:
    """A case, told in order, with its proof to download."""
    await demand(seen.parts, person(seen), Right.READ_LOG)
    return await case_page(seen, case, await told(seen, case))


async def told(seen: Visitor, case: UUID) -> list[Told]:
    """The entries of a case, oldest first. Raises Unknown."""
    await brought_up_to_date(seen)
    async with reading(seen.parts.database) as session:
        found = await story(await session.connection(), seen.parts.settings.establishment.id, case)
    if not found:
        raise Unknown(
            "The log holds no entry of this case. Check its id.",
            fr="Le journal ne contient aucune écriture de ce dossier. Vérifiez son identifiant.",
        )
    return found


async def case_page(seen: Visitor, case: UUID, found: list[Told], changes: Mapping[UUID, object] | None = None) -> Response:
    """The page of a case; `changes`: by entry, what was changed before it was signed, where that is shown."""
    name = seen.parts.settings.establishment.id
    async with reading(seen.parts.database) as session:
        head = (await (await session.connection()).execute(_HEAD, {"name": name})).first()
    return seen.page(
        "log_case.html",
        case=case,
        entries=found,
        head=head,
        lags=seen.request.app.state.lags(),
        names=seen.names(),
        people=await people_of(seen),
        changes=changes,
        reasons=reasons_of(seen),
    )


async def _taken_away(seen: Visitor, form: str, wanted: Wanted) -> Response | None:
    """Who takes everything away says why, and that is an entry; the page that asks for the reason, where none was given."""
    why = seen.request.query_params.get("why", "")
    if not why and _NARROWS.intersection(wanted.given()):
        return None
    if not why:
        kept = {name: value for name, value in seen.request.query_params.items() if name not in {"why", "lang"}}
        return seen.page("reading_reason.html", action=f"/{form}", reasons=reasons_of(seen), kept=kept, name="why")
    await exported(seen.parts, person(seen), form, why)
    return None


async def log_page(seen: Visitor, verdict: object = None) -> Response:
    """The page of a search, with the verdict of a verification if there was one."""
    wanted = await _wanted(seen)
    found, numbers, head = await _searched(seen, wanted, PAGE)
    async with reading(seen.parts.database) as session:
        last = (await (await session.connection()).execute(_VERIFIED, {"name": seen.parts.settings.establishment.id})).first()
    values = {name: str(value) for name, value in wanted.given().items() if name != "before"} | _typed(seen)
    links = {name: [(word, n, _address("/log", seen, **{name: word})) for word, n in pairs] for name, pairs in numbers.facets.items()}
    without = {name: _address("/log", seen, **{name: ""}) for name in values}
    return seen.page(
        "log.html",
        head=head,
        entries=found,
        verdict=verdict,
        names=seen.names(),
        lags=seen.request.app.state.lags(),
        values=values,
        facets=links,
        without=without,
        numbers=numbers,
        last=last,
        older=_address("/log", seen, before=found[-1].place) if len(found) == PAGE else "",
        people=await people_of(seen),
        siblings={form: _address(f"/log.{form}", seen) for form in ("json", "jsonl", "csv", "fhir.json")},
    )


async def _searched(seen: Visitor, wanted: Wanted, most: int) -> tuple[list[Found], Counts, object]:
    name = seen.parts.settings.establishment.id
    await brought_up_to_date(seen)
    async with reading(seen.parts.database, READ_SECONDS if most == PAGE else TABLE_SECONDS) as session:
        connection = await session.connection()
        found = await entries(connection, name, wanted, most)
        return found, await counts(connection, name, wanted), (await connection.execute(_HEAD, {"name": name})).first()


async def brought_up_to_date(seen: Visitor) -> None:
    """Index what was written since the last look; a long way behind it is left to the publisher, and the newest are missing."""
    name = seen.parts.settings.establishment.id
    try:
        async with reading(seen.parts.database) as session:
            connection = await session.connection()
            head = (await connection.execute(_HEAD, {"name": name})).first()
            missing = (head.size if head else 0) - int(await connection.scalar(_INDEXED, {"name": name}) or 0)
        if 0 < missing <= MOST_MISSING:
            async with aside(seen.parts.url) as own:
                await fill(own, name, missing)
    except BROKEN as error:
        raise AuditUnavailable("The database does not answer, so the log cannot be searched. Try again.") from error


async def _wanted(seen: Visitor) -> Wanted:
    """The search in the address. Raises BadInput in words."""
    given = {name: value.strip()[:200] for name, value in seen.request.query_params.items() if value.strip()}
    plain = {name: given[name] for name in FACETS if name in given}
    case, since, until = _uuid(given.get("case")), _day(given.get("since")), _day(given.get("until"))
    before = given.get("before", "")
    wanted = Wanted(**plain, case=case, since=since, until=until, before=int(before[:18]) if before.isdecimal() else None)
    return replace(wanted, actor=await _actor(seen, given["person"])) if "person" in given else wanted


async def _actor(seen: Visitor, named: str) -> str:
    """A login as its pseudonym, for who may know both; anything else is taken for a pseudonym."""
    if Right.READ_CASES not in person(seen).person.rights:
        return named
    async with reading(seen.parts.database) as session:
        row = (await (await session.connection()).execute(_PEOPLE, {"login": named})).first()
    return named if row is None else pseudonym(seen.parts.keys, row.id)


async def people_of(seen: Visitor) -> dict[str, str]:
    """The name behind each pseudonym, for who may read cases; nobody's for an auditor."""
    if Right.READ_CASES not in person(seen).person.rights:
        return {}
    async with reading(seen.parts.database) as session:
        rows = (await (await session.connection()).execute(_NAMES)).all()
    return {pseudonym(seen.parts.keys, row.id): row.name for row in rows}


def _typed(seen: Visitor) -> dict[str, str]:
    named = seen.request.query_params.get("person", "").strip()[:200]
    return {"person": named} if named else {}


def _address(path: str, seen: Visitor, **changes: object) -> str:
    """This search elsewhere, or changed in something; from its first page unless it says otherwise."""
    kept = {name: value for name, value in seen.request.query_params.items() if name not in {"before", "lang"}}
    changed = {name: str(value) for name, value in {**kept, **changes}.items() if value != ""}
    return f"{path}?{urlencode(changed)}" if changed else path


def _no_formula(value: str) -> str:
    """What a spreadsheet would calculate is kept as text: a version is whatever an AI system called itself."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _plain(found: Found) -> dict[str, str]:
    return {name: "" if value is None else str(value) for name, value in asdict(found).items()}


def _uuid(value: str | None) -> UUID | None:
    try:
        return UUID(value) if value else None
    except ValueError:
        raise BadInput(
            "This is no case id. Write its 32 hexadecimal digits, with dashes or without.",
            fr="Ceci n'est pas un identifiant de dossier. Écrivez ses 32 chiffres hexadécimaux, avec ou sans tirets.",
        ) from None


def _day(value: str | None) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise BadInput("Write the day like 2026-01-31.", fr="Écrivez la date comme 2026-01-31.") from None

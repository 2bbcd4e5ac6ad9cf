"""Total volumes over HTTP: how often a task was done in all, which the gateway cannot see and without which no rate is known.

Whoever has the right gives them, signed in or, for a clinical system that counts them, with its machine key: the tasks of the key, at
its own site. They are taken whole or not at all; the same ones again change nothing; every change is an entry of the log.
"""

from dataclasses import asdict
from typing import Annotated, Final, Literal

import orjson
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from gateway import usage
from gateway.api.accounts import Strict
from gateway.api.dependencies import CurrentSession, Parts, TheParts, check_own_password, demand, signed_in
from gateway.api.problems import Fault, Problem, answer
from gateway.errors import BadInput, preferred
from gateway.identity.machines import Machine
from gateway.identity.roles import Author, Right

router = APIRouter(tags=["impact"])
_CSV: Final = "text/csv"
_JSON: Final = "application/json"


class Volume(Strict):
    """How often a task was done in a month, those without AI included; `site`, `profession` and `stratum` only where they are told apart."""

    task: str
    month: str
    n: int
    source: str
    site: str = ""
    profession: str = ""
    stratum: str = ""
    added_minutes: float = 0.0


class Volumes(BaseModel):
    """Rows of total volumes. A task, month and site is given as a whole: what was known of it before is replaced."""

    volumes: list[Volume]


class Taken(BaseModel):
    """What came of it: rows sent, rows that are other ones than before, SHA-256 of all that is known now."""

    rows: int
    changed: int
    digest: str
    status: Literal["taken", "unchanged"]


async def giver(request: Request, parts: TheParts) -> usage.Giver:
    """Who gives volumes: a machine for its own tasks and site, or somebody with the right. Raises Unauthenticated, Forbidden."""
    if _names_a_machine(request):
        return _of_machine(parts, parts.machines.identify(tuple(request.headers.raw)))
    session = await signed_in(request, parts)
    check_own_password(session)
    await demand(parts, session, Right.GIVE_VOLUMES)
    return usage.Giver.of(parts.settings, session.person.author(parts.keys, Right.GIVE_VOLUMES, session.authentication.for_log()))


_REQUEST: Final = {
    "required": True,
    "content": {
        _JSON: {"schema": Volumes.model_json_schema(ref_template="#/components/schemas/{model}")},
        _CSV: {"schema": {"type": "string", "description": "headings in English or French, as for `garant impact import`"}},
    },
}


@router.post("/impact/volumes", summary="Give total volumes", response_model=Taken, openapi_extra={"requestBody": _REQUEST})
async def give(request: Request, parts: TheParts, who: Annotated[usage.Giver, Depends(giver)]) -> Response | Taken:
    """Take total volumes in, as JSON or as CSV: all rows or none."""
    content = _content(request.headers.get("content-type", _JSON), await request.body())
    try:
        taken = await usage.give(parts.writer, parts.url, content, who, parts.clock.now())
    except usage.VolumesRefused as error:
        return _refusal(error, preferred(request.headers.get("accept-language", ""), "en"))
    return Taken(**asdict(taken), status="taken" if taken.changed else "unchanged")


@router.get("/impact/volumes", summary="The total volumes that are known")
async def known(session: CurrentSession, parts: TheParts) -> Volumes:
    """Every row that was given."""
    await demand(parts, session, Right.READ_IMPACT)
    return Volumes(volumes=[Volume(**row) for row in await usage.volumes(parts.url)])


def _names_a_machine(request: Request) -> bool:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return "garant-key" in request.headers or (scheme.lower() == "bearer" and token.strip().startswith("gk_"))


def _of_machine(parts: Parts, machine: Machine) -> usage.Giver:
    """A key tells of its own site; of the whole establishment only where that has no other."""
    sites = {machine.site} | ({""} if parts.settings.establishment.sites == (machine.site,) else set())
    return usage.Giver(Author(f"machine:{machine.id}", "machine"), machine.tasks, frozenset(sites))


def _content(media: str, body: bytes) -> bytes | list[dict[str, object]]:
    if media.split(";", maxsplit=1)[0].strip().lower() == _CSV:
        return body
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadInput(
            "The body is no JSON. Send {\"volumes\": […]}, or CSV with 'Content-Type: text/csv'.",
            fr='Le corps n\'est pas du JSON. Envoyez {"volumes": […]}, ou un CSV avec « Content-Type: text/csv ».',
        ) from error
    rows = found.get("volumes") if isinstance(found, dict) and set(found) == {"volumes"} else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadInput(
            'The body has another shape. Send {"volumes": [ … ]}, one object a row.',
            fr='Le corps a une autre forme. Envoyez {"volumes": [ … ]}, un objet par ligne.',
        )
    return rows


def _refusal(error: usage.VolumesRefused, language: str) -> Response:
    faults = [Fault(pointer=_pointer(one.row, one.column), reason=str(one)) for one in error.problems]
    told = error.said(language)
    problem = Problem(type=error.type, title=error.title, status=error.status, detail=told, code=error.code, errors=faults or None)
    return answer(problem, {"Content-Language": language})


def _pointer(row: int, column: str) -> str:
    return f"/volumes/{row - 1}/{column}" if row else f"/volumes/{column}" if column else "/volumes"

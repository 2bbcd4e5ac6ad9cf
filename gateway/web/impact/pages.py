"""The pages of the impact section, and their rows as JSON, CSV and Parquet; whoever may read the impact may read them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from fastapi import APIRouter
from fastapi.responses import Response

from gateway import usage
from gateway.api.dependencies import demand
from gateway.database import aside
from gateway.errors import Conflict, Unknown
from gateway.identity.roles import Right
from gateway.web.impact.sums import Sums, bring_up
from gateway.web.rendering import HEADERS, PageRoute, TheVisitor, Visitor, person
from gateway.web.texts import words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_T = TypeVar("_T")
_KINDS: Final = frozenset({"tasks", "professions", "scenarios"})
_NONE: Final = (
    "There is no such page in the impact section. Go to /impact.",
    "Il n’y a pas de telle page dans la partie impact. Allez sur /impact.",
)


class Section(Sums, Protocol):
    """What `impact` offers to the pages, in a process of its own. ConnectionError: that process has ended."""

    def start(self) -> object:
        """Start it where it is not running."""

    def tell(self, volumes: Sequence[usage.VolumeRow]) -> None:
        """The total volumes that are known now."""

    def page(self, kind: str, name: str, words: Mapping[str, str], names: Mapping[str, str]) -> object | None:
        """A page's blocks."""

    def data(self, kind: str, name: str, form: str) -> tuple[bytes, str] | None:
        """A page's rows in a form, with their media type."""


@router.get("/impact")
async def overview(seen: TheVisitor) -> Response:
    """What AI does to the work, over all tasks."""
    return await _shown(seen, "", "")


@router.get("/impact.{form}")
async def overview_data(seen: TheVisitor, form: str) -> Response:
    """The rates, or with `json` everything."""
    return await _given(seen, "", "", form)


@router.get("/impact/scenarios/{first}/with/{second}.{form}")
async def comparison_data(seen: TheVisitor, first: str, second: str, form: str) -> Response:
    """The rows of two scenarios beside each other."""
    return await _given(seen, "scenarios", f"{first}/with/{second}", form)


@router.get("/impact/scenarios/{first}/with/{second}")
async def comparison(seen: TheVisitor, first: str, second: str) -> Response:
    """Two scenarios beside each other."""
    return await _shown(seen, "scenarios", f"{first}/with/{second}")


@router.get("/impact/{kind}/{name}.{form}")
async def data(seen: TheVisitor, kind: str, name: str, form: str) -> Response:
    """The rows of a task, a profession or a scenario."""
    return await _given(seen, kind, name, form)


@router.get("/impact/{kind}/{name}")
async def one(seen: TheVisitor, kind: str, name: str) -> Response:
    """A task, a profession or a scenario."""
    return await _shown(seen, kind, name)


async def _shown(seen: Visitor, kind: str, name: str) -> Response:
    found = await _made(seen, lambda section: section.page(kind, name, words(seen.language), seen.names()))
    if found is None or (kind and kind not in _KINDS):
        raise Unknown(_NONE[0], fr=_NONE[1])
    return seen.page("impact.html", view=found)


async def _given(seen: Visitor, kind: str, name: str, form: str) -> Response:
    found = await _made(seen, lambda section: section.data(kind, name, form))
    if found is None:
        raise Unknown(_NONE[0], fr=_NONE[1])
    content, media = found
    told = f'attachment; filename="impact-{name.replace("/", "-") or "overview"}.{form}"'
    return Response(content, media_type=media, headers=HEADERS | ({} if form == "json" else {"Content-Disposition": told}))


async def _made(seen: Visitor, work: Callable[[Section], _T]) -> _T:
    """What the section makes once every row is counted; once more where its process ended in the middle."""
    await demand(seen.parts, person(seen), Right.READ_IMPACT)
    try:
        return await _asked(seen, work)
    except ConnectionError:
        return await _asked(seen, work)
    except ValueError as error:  # a table of the establishment that cannot be used
        raise Conflict(
            f"The impact tables cannot be used. Correct them, then load the page again. What is wrong: {error}",
            code="impact_tables",
            fr=f"Tables d’impact inutilisables. Corrigez-les, puis rechargez la page. Ce qui ne va pas : {error}",
        ) from error


async def _asked(seen: Visitor, work: Callable[[Section], _T]) -> _T:
    section: Section = seen.request.app.state.impact
    await asyncio.to_thread(section.start)
    async with aside(seen.parts.url) as connection:
        await bring_up(connection, seen.parts.settings.establishment.id, section)
        volumes = await usage.volumes_of(connection)
    await asyncio.to_thread(section.tell, volumes)
    return await asyncio.to_thread(work, section)

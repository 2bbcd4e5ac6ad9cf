"""The pages of the impact section, and their rows as JSON, CSV and Parquet; whoever may read the impact may read them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Protocol

from fastapi import APIRouter
from fastapi.responses import Response

from gateway import usage
from gateway.api.dependencies import demand
from gateway.database import aside
from gateway.errors import Conflict, Unknown
from gateway.identity.roles import Right
from gateway.web.impact.kept import Basis, Kept
from gateway.web.impact.sums import Sums, bring_up
from gateway.web.rendering import HEADERS, PageRoute, TheVisitor, Visitor, person
from gateway.web.texts import words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

router = APIRouter(include_in_schema=False, route_class=PageRoute)
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
    question = ("page", kind, name, seen.language)
    found = await _made(seen, question, lambda section: section.page(kind, name, _words(seen.language), seen.names()))
    if found is None or (kind and kind not in _KINDS):
        raise Unknown(_NONE[0], fr=_NONE[1])
    return seen.page("impact.html", view=found)


async def _given(seen: Visitor, kind: str, name: str, form: str) -> Response:
    found = await _made(seen, ("data", kind, name, form), lambda section: section.data(kind, name, form))
    if found is None:
        raise Unknown(_NONE[0], fr=_NONE[1])
    content, media = found
    told = f'attachment; filename="impact-{name.replace("/", "-") or "overview"}.{form}"'
    return Response(content, media_type=media, headers=HEADERS | ({} if form == "json" else {"Content-Disposition": told}))


async def _made(seen: Visitor, question: tuple[str, ...], work: Callable[[Section], object]) -> Any:  # noqa: ANN401 - what the section answers
    """What the section answered on the same ledger and files, else what it makes once every row is counted."""
    await demand(seen.parts, person(seen), Right.READ_IMPACT)
    kept: Kept = seen.request.app.state.impact_kept
    basis = await Basis.now(seen.parts)
    found = kept.find(basis, question)
    if found is None and (found := await _anew(seen, work)) is not None:
        kept.keep(basis, question, found)
    return found


async def _anew(seen: Visitor, work: Callable[[Section], object]) -> object:
    """What the section makes; once more where its process ended in the middle."""
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


async def _asked(seen: Visitor, work: Callable[[Section], object]) -> object:
    section: Section = seen.request.app.state.impact
    await asyncio.to_thread(section.start)
    async with aside(seen.parts.url) as connection:
        await bring_up(connection, seen.parts.settings.establishment.id, section)
        volumes = await usage.volumes_of(connection)
    await asyncio.to_thread(section.tell, volumes)
    return await asyncio.to_thread(work, section)


def _words(language: str) -> dict[str, str]:
    """The words of these pages alone: they travel with every question."""
    return {name: word for name, word in words(language).items() if name.startswith("impact_")}

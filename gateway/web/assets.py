"""Style sheets, scripts and icons: one route, addresses that change with the content, nothing from elsewhere.

Promises: an address made by `address` may be kept by a browser for a year, because its digest covers every file of
`static/`; the same file under its plain name is checked again each time (ETag).
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from gateway.errors import Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

router = APIRouter(include_in_schema=False)
TYPES: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_FOREVER: Final = "public, max-age=31536000, immutable"
_CHECKED: Final = "no-cache"
_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is and compressed."""

    type: str
    data: bytes
    packed: bytes


@lru_cache(maxsize=1)
def assets() -> Mapping[str, Asset]:
    """Every file of `static/` whose type we know, by name."""
    found = {}
    for source in files("gateway.web").joinpath("static").iterdir():
        kind = TYPES.get(source.name.rpartition(".")[2])
        if kind is not None:
            data = source.read_bytes()
            found[source.name] = Asset(kind, data, gzip.compress(data, 9, mtime=0))
    return found


@lru_cache(maxsize=1)
def digest() -> str:
    """What names this set of files: scripts import each other by relative addresses, so one digest covers all."""
    running = hashlib.sha256()
    for name, asset in sorted(assets().items()):
        running.update(name.encode() + b"\0" + hashlib.sha256(asset.data).digest())
    return running.hexdigest()[:_DIGITS]


def address(name: str) -> str:
    """The address of a file, with the digest in it. Raises KeyError for a file that is not there."""
    assets()[name]
    return f"/static/{digest()}/{name}"


@router.get("/static/{version}/{name}")
async def versioned(version: str, name: str, request: Request) -> Response:
    """A file by its digest; an old digest (a page from before an update) gets today's file, kept by nobody."""
    return _answer(name, request, _FOREVER if version == digest() else _CHECKED)


@router.get("/static/{name}")
async def plain(name: str, request: Request) -> Response:
    """A file by its plain name."""
    return _answer(name, request, _CHECKED)


def _answer(name: str, request: Request, caching: str) -> Response:
    asset = assets().get(name)
    if asset is None:
        raise Unknown(
            "There is no such file. Reload the page you came from.", fr="Ce fichier n’existe pas. Rechargez la page d’où vous venez."
        )
    tag = f'"{digest()}"'
    headers = {"Cache-Control": caching, "ETag": tag, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type=asset.type)
    return Response(asset.data, headers=headers, media_type=asset.type)

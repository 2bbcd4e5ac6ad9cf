"""Pages from templates: escaped, in the visitor's language, under a strict content security policy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from fastapi import Request  # noqa: TC002 - FastAPI reads annotations at run time
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.api.dependencies import parts_of, session_token
from gateway.errors import GarantError, Unauthenticated
from gateway.web.texts import LANGUAGES, language_of, words

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from gateway.api.dependencies import Parts
    from gateway.identity.sessions import Session

LANGUAGE_COOKIE: Final = "garant_language"
_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
BACKGROUND: Final = frozenset({"/queue/events"})
"""What a page asks for by itself: it does not keep a session from being idle."""
_SEE_OTHER: Final = 303


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page: a session or none (`ended` says why, where there was one), and a language."""

    request: Request
    parts: Parts
    session: Session | None
    language: str
    ended: str = ""

    def page(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        """Render a template; `t` holds the words, `session` who is signed in."""
        rights = {right.value for right in self.session.person.rights} if self.session else set()
        html = (
            _environment()
            .get_template(template)
            .render(
                t=words(self.language),
                language=self.language,
                languages=LANGUAGES,
                session=self.session,
                rights=rights,
                here=self.request.url.path,
                ended=self.ended,
                ways=ways_in(self.parts, self.language),
                onward=local(self.request.query_params.get("next", "")),
                **values,
            )
        )
        answer = HTMLResponse(html, status, {"Content-Security-Policy": _POLICY, "Referrer-Policy": "no-referrer"})
        if "lang" in self.request.query_params:
            answer.set_cookie(LANGUAGE_COOKIE, self.language, samesite="strict", httponly=True)
        return answer


class PageRoute(APIRoute):
    """A page's refusals are pages: who is not signed in is sent to sign in, others read why."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with refusals turned into pages."""
        handle = super().get_route_handler()

        async def page(request: Request) -> Response:
            try:
                return await handle(request)
            except Unauthenticated:
                return to(f"/?next={quote(request.url.path)}" if request.method == "GET" else "/")
            except GarantError as error:
                return await _refusal(request, error)

        return page


async def _refusal(request: Request, error: GarantError) -> Response:
    seen = await visitor(request)
    return seen.page("problem.html", error.status, message=error.said(seen.language))


async def visitor(request: Request) -> Visitor:
    """The visitor of a request; an ended session is none."""
    parts = parts_of(request)
    asked = request.query_params.get("lang")
    chosen = asked if asked in LANGUAGES else request.cookies.get(LANGUAGE_COOKIE)
    language = language_of(chosen, request.headers.get("accept-language", ""))
    try:
        return Visitor(request, parts, await _session(request, parts), language)
    except Unauthenticated as error:
        return Visitor(request, parts, None, language, error.said(language))


def ways_in(parts: Parts, language: str) -> dict[str, str | bool]:
    """How people sign in here: by password or not, and what the button of the provider says ("" where there is none)."""
    identity = parts.settings.identity
    label = "" if identity.oidc is None else identity.oidc.name.get(language) or words(language)["sign_in_with"]
    return {"password": "password" in identity.methods, "provider": label if "oidc" in identity.methods else ""}


def local(address: str) -> str:
    """A page of ours to go on to; the first one where the address is anything else."""
    safe = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address[:512] if safe else "/"


def script(name: str) -> Response:
    """A script of ours."""
    source = files("gateway.web").joinpath(f"static/{name}").read_text(encoding="utf-8")
    return Response(source, media_type="text/javascript", headers={"Cache-Control": "max-age=3600"})


def to(address: str) -> RedirectResponse:
    """Go on to another page with GET."""
    return RedirectResponse(address, _SEE_OTHER)


async def _session(request: Request, parts: Parts) -> Session | None:
    token = session_token(request, parts)
    return await parts.sessions.find(token, seen=request.url.path not in BACKGROUND) if token else None


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("gateway.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )

"""Pages from templates: escaped, in the visitor's language and theme, under a strict content security policy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlencode

import structlog
from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException

from gateway.api.dependencies import SAFE, check_ours, parts_of, secure, session_token
from gateway.api.frame import MAX_FORM_BYTES, PREFIX
from gateway.display import difference
from gateway.errors import BadInput, Forbidden, GarantError, Slowed, Unauthenticated, Unknown
from gateway.web import assets, preferences
from gateway.web.banners import Banner, banners
from gateway.web.preferences import COOKIE as PREFERENCES_COOKIE
from gateway.web.preferences import Preferences, preferences_of
from gateway.web.texts import LANGUAGES, language_of, words

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from datetime import datetime

    from fastapi import FastAPI, Response

    from gateway.api.dependencies import Parts
    from gateway.identity.sessions import Session

LANGUAGE_COOKIE: Final = "garant_language"
NEXT_COOKIE: Final = "garant_next"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin"}
BACKGROUND: Final = frozenset({"/queue/events", "/queue/list"})
"""What a page asks for by itself: it does not keep a session from being idle."""
LEADING_ON: Final = ("/next", "/open", "/decision")
log = structlog.get_logger()
_SEE_OTHER: Final = 303
_NEXT_SECONDS: Final = 900
_WRITTEN: Final = frozenset({"comment", "answer", "opinion", "message"})
"""Fields that somebody writes in; what is amended stands in `text:POINTER`, beside what it `was:POINTER`."""
_CHANGE_FIRST: Final = "password_change_required"
_BEFORE_OWN_PASSWORD: Final = frozenset({"/password", "/sign-out"})
_NO_PAGE: Final = (
    "There is no such page. Check its address: it may have been typed wrongly.",
    "Cette page n’existe pas. Vérifiez l’adresse : elle est peut-être mal écrite.",
)
_FAILED: Final = (
    "Something failed inside Garant that should not have; it was noted for hospital IT. Nothing is lost: go back and try again.",
    "Quelque chose a échoué dans Garant qui n’aurait pas dû ; c’est noté pour le service informatique. Rien n’est perdu : revenez et réessayez.",
)
_WORTH_KEEPING: Final = 2
_MOST_FIELDS: Final = 2000
_HOUR: Final = 60  # minutes
_LONG: Final = 24  # hours


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page: a session or none (`ended` says why), a language, what was chosen here, what everybody must know."""

    request: Request
    parts: Parts
    session: Session | None
    language: str
    preferences: Preferences = field(default_factory=Preferences)
    banners: tuple[Banner, ...] = ()
    ended: str = ""

    def page(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        """Render a template; `t` holds the words, `session` who is signed in, `keys` the chosen letters."""
        html = _environment().get_template(template).render(**self._common(), **values)
        answer = HTMLResponse(html, status, HEADERS | {"Content-Language": self.language})
        if "lang" in self.request.query_params and self.session is None:
            answer.set_cookie(LANGUAGE_COOKIE, self.language, secure=secure(self.parts), samesite="strict", httponly=True)
        return answer

    def problem(self, error: GarantError, **values: object) -> HTMLResponse:
        """A refusal as a page, in the visitor's language."""
        return self.page("problem.html", error.status, message=error.said(self.language), **values)

    def names(self) -> dict[str, str]:
        """The name of each task in the visitor's language, by id."""
        return {task.id: task.name.get(self.language, task.id) for task in self.parts.settings.tasks}

    def asked(self, group: str) -> str:
        """What a rung of an escalation is called: the name of a rota, else that it is a rota or a group, with its id."""
        rota = next((one for one in self.parts.settings.rotas if one.id == group), None)
        word = words(self.language)["asked_group" if rota is None else "asked_rota"].format(id=group)
        return word if rota is None else rota.name.get(self.language, word)

    def _common(self) -> dict[str, object]:
        return {
            "t": words(self.language),
            "language": self.language,
            "languages": LANGUAGES,
            "session": self.session,
            "rights": {right.value for right in self.session.person.rights} if self.session else set(),
            "here": self.request.url.path,
            "asked_name": self.asked,
            "address_in": {code: address_in(self.request, code) for code in LANGUAGES},
            "preferences": self.preferences,
            "banners": self.banners,
            "ended": self.ended,
            "signed_out": "signed-out" in self.request.query_params,
            "ways": ways_in(self.parts, self.language),
            "onward": local(self.request.query_params.get("next") or back_to(self.request)),
        }


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a form: a sentence, and the id of the field it is about ("" for the whole)."""

    sentence: str
    field: str = ""


class PageRoute(APIRoute):
    """A page's refusals are pages: who is not signed in is sent to sign in, others read why."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with refusals turned into pages."""
        handle = super().get_route_handler()

        async def page(request: Request) -> Response:
            try:
                return await handle(request)
            except Slowed as error:
                return await _refused(request, error)
            except Unauthenticated:
                return await _sign_in_again(request)
            except GarantError as error:
                return to("/password") if error.code == _CHANGE_FIRST else await _refused(request, error)
            except RequestValidationError:
                return await _refused(request, Unknown(_NO_PAGE[0], fr=_NO_PAGE[1]))
            except Exception as error:  # noqa: BLE001 - a person reads a page, whatever failed
                log.error("page.failed", error=type(error).__name__)  # noqa: TRY400 - a trace could hold patient data
                return await _refused(request, GarantError(_FAILED[0], fr=_FAILED[1]))

        return page


def install(app: FastAPI) -> None:
    """A browser that asks for what does not exist gets a page; programs, and everything below `/api`, keep their problem."""
    told = app.exception_handlers[HTTPException]

    async def nowhere(request: Request, error: Exception) -> Response:
        if request.url.path.startswith(PREFIX) or "text/html" not in request.headers.get("accept", ""):
            answer: Response = await told(request, error)  # type: ignore[misc] # ours is a coroutine function
            return answer
        return await _refused(request, Unknown(_NO_PAGE[0], fr=_NO_PAGE[1]))

    app.add_exception_handler(HTTPException, nowhere)
    app.state.page_of_refusal = _at_the_door


async def _at_the_door(request: Request, error: GarantError) -> Response:
    """What was refused before it was read, as a page: nothing that was typed has arrived, the browser's own page still has it."""
    try:
        seen = await visitor(request)
    except GarantError:
        seen = _stranger(request)
    return seen.problem(error)


async def visitor(request: Request) -> Visitor:
    """The visitor of a request; an ended session is none."""
    stranger = _stranger(request)
    try:
        session = await _session(request, stranger.parts)
    except Unauthenticated as error:
        return replace(stranger, ended=error.said(stranger.language))
    seen = stranger if session is None else await _as_chosen(stranger, session)
    told = () if _leads_on(request) else await banners(stranger.parts, session)
    return replace(seen, session=session, banners=told)


def _leads_on(request: Request) -> bool:
    """Whether an answer is as a rule no page but the way to one: nothing is looked up that only a page would show."""
    return request.method == "POST" and request.url.path.endswith(LEADING_ON)


async def informed(seen: Visitor) -> Visitor:
    """The same visitor, where a page is shown after all."""
    return replace(seen, banners=await banners(seen.parts, seen.session)) if _leads_on(seen.request) else seen


async def _as_chosen(stranger: Visitor, session: Session) -> Visitor:
    """The pages as this person chose them, on whichever computer; a language that is asked for is chosen from now on."""
    asked = stranger.request.query_params.get("lang")
    if asked in LANGUAGES and asked != session.language:
        await preferences.keep(stranger.parts.database, session.person.id, language=asked)
    language = asked if asked in LANGUAGES else session.language
    chosen = preferences_of(session.choices) if session.choices else stranger.preferences.theme_alone()
    return replace(stranger, language=language or stranger.language, preferences=chosen)


def _stranger(request: Request) -> Visitor:
    """A visitor of whom nothing is looked up."""
    asked = request.query_params.get("lang")
    chosen = asked if asked in LANGUAGES else request.cookies.get(LANGUAGE_COOKIE)
    language = language_of(chosen, request.headers.get("accept-language", ""))
    return Visitor(request, parts_of(request), None, language, preferences_of(request.cookies.get(PREFERENCES_COOKIE)))


TheVisitor = Annotated[Visitor, Depends(visitor)]


def person(seen: Visitor) -> Session:
    """Whoever is signed in, with an own password unless this is where one chooses it. Raises Unauthenticated, Forbidden."""
    if seen.session is None:
        raise Unauthenticated("Sign in first.", fr="Connectez-vous d’abord.")
    if seen.session.person.must_change and seen.request.url.path not in _BEFORE_OWN_PASSWORD:
        raise Forbidden("Choose your own password first.", code=_CHANGE_FIRST, fr="Choisissez d’abord votre mot de passe.")
    return seen.session


async def posted(seen: Visitor) -> dict[str, str]:
    """The fields of a form that came from one of our pages. Raises Unauthenticated, Forbidden."""
    session = person(seen)
    form = await fields(seen.request)
    await check_ours(seen.parts, session, form.get("csrf"))
    return form


async def fields(request: Request) -> dict[str, str]:
    """The text fields of a form; files are ignored."""
    try:
        form = await request.form(max_files=0, max_fields=_MOST_FIELDS, max_part_size=MAX_FORM_BYTES)
    except HTTPException:
        raise BadInput(
            "This form cannot be read. Go back, reload the page and send it again; nothing was done.",
            fr="Ce formulaire est illisible ; rien n’a été fait. Revenez, rechargez la page et renvoyez-le.",
        ) from None
    return {name: value for name, value in form.multi_items() if isinstance(value, str)}


def address_in(request: Request, language: str) -> str:
    """This page in another language; the page that a form led to where this answers a form."""
    path = request.url.path if request.method == "GET" else "/".join(request.url.path.split("/")[:3])
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return f"{path}?{urlencode([*kept, ('lang', language)])}"


def clock(moment: datetime, *, seconds: bool = False) -> str:
    """Hour and minute where the gateway runs."""
    return moment.astimezone().strftime("%H:%M:%S" if seconds else "%H:%M")


def moment(at: datetime) -> str:
    """Day and time where the gateway runs, with the name of that zone."""
    return at.astimezone().strftime("%d/%m/%Y %H:%M:%S %Z")


def span(seconds: float) -> str:
    """A length of time as a person says it: minutes, then hours, then days."""
    minutes = int(seconds // 60)
    if minutes < _HOUR:
        return f"{minutes} min"
    hours, rest = divmod(minutes, _HOUR)
    return f"{hours} h {rest:02}" if hours < _LONG else f"{hours} h"


def to(address: str) -> RedirectResponse:
    """Go on to another page with GET."""
    return RedirectResponse(address, _SEE_OTHER)


def back_to(request: Request) -> str:
    """Where somebody wanted to go before signing in; the start otherwise. Only our own addresses."""
    return local(request.cookies.get(NEXT_COOKIE, "/"))


def local(address: str) -> str:
    """A page of ours to go on to; the first one where the address is anything else."""
    safe = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address[:512] if safe else "/"


def ways_in(parts: Parts, language: str) -> dict[str, str | bool]:
    """How people sign in here: by password or not, and what the button of the provider says ("" where there is none)."""
    identity = parts.settings.identity
    label = "" if identity.oidc is None else identity.oidc.name.get(language) or words(language)["sign_in_with"]
    return {"password": "password" in identity.methods, "provider": label if "oidc" in identity.methods else ""}


def from_elsewhere(request: Request) -> bool:
    """Whether another site's page led here: then the browser has kept our session's cookie back."""
    return request.headers.get("sec-fetch-site", "") in {"cross-site", "same-site"}


def onward_page(seen: Visitor, address: str, sentence: str = "") -> HTMLResponse:
    """A page of ours that goes on by itself, so that the session's cookie comes along; `sentence`: the name of what to read on the way."""
    return seen.page("onward.html", next=address, sentence=sentence)


async def _refused(request: Request, error: GarantError) -> Response:
    """A refusal as a page, also where not even who asks can be looked up; what was typed about a case is shown, not lost."""
    try:
        seen = await informed(await visitor(request))
    except GarantError:
        seen = _stranger(request)
    kept = await _typed(request)
    if kept and request.url.path.startswith("/review/"):
        problems, suggestion = (Fault(error.said(seen.language)),), request.url.path.split("/")[2]
        return seen.page("refused.html", error.status, problems=problems, kept=kept, suggestion=suggestion)
    return seen.problem(error)


async def _typed(request: Request) -> dict[str, str]:
    return {} if request.method in SAFE else written(await fields(request))


async def _sign_in_again(request: Request) -> Response:
    """To the sign-in, and back afterwards; what was typed before the session ended is shown, not lost."""
    here, kept, seen = request.url.path, await _typed(request), await informed(await visitor(request))
    if request.method == "GET" and not seen.ended and from_elsewhere(request):
        return onward_page(seen, local(f"{here}?{request.url.query}".rstrip("?")))
    answer: Response = seen.page("session_ended.html", 401, kept=kept) if kept else to("/")
    wanted = here if request.method == "GET" else "/".join(here.split("/")[:3])
    if wanted not in {"/", "/sign-in", "/sign-out"}:
        answer.set_cookie(NEXT_COOKIE, wanted, max_age=_NEXT_SECONDS, secure=secure(seen.parts), samesite="lax", httponly=True)
    return answer


def written(form: Mapping[str, str]) -> dict[str, str]:
    """What somebody wrote in a form, to be copied from a page that cannot send it: neither hidden fields nor what they left as it was."""

    def own(name: str, text: str) -> bool:
        amended = name.startswith("text:") and text != form.get(f"was:{name.removeprefix('text:')}")
        return (amended or name in _WRITTEN) and len(text.strip()) > _WORTH_KEEPING

    return {name: text for name, text in form.items() if own(name, text)}


async def _session(request: Request, parts: Parts) -> Session | None:
    token = session_token(request, parts)
    return await parts.sessions.find(token, seen=request.url.path not in BACKGROUND) if token else None


@lru_cache(maxsize=1)
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("gateway.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.globals["asset"] = assets.address
    made.filters |= {"clock": clock, "moment": moment, "span": span, "words": difference.words, "condensed": difference.condensed}
    return made

"""The control API's frame: one FastAPI application under `/api`, its refusals, limits and OpenAPI document.

Promises: no body over the limit is ever in memory, a sender who stalls is let go, no answer is cached, and there is no
bulk operation (R2). Sign-off and stops bring their own routers.
"""

from __future__ import annotations

import asyncio
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

from fastapi import FastAPI, Request
from starlette.datastructures import MutableHeaders

from gateway.api import accounts, machines
from gateway.api.dependencies import cookie_name
from gateway.api.identity import passkeys, people, sessions
from gateway.api.problems import (
    MEDIA_TYPE,
    Fault,
    Problem,
    asked,
    install,
    refusal,
    unexpected,
)
from gateway.errors import BadInput, TooLarge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import APIRouter
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from gateway.api.dependencies import Parts

PREFIX: Final = "/api"
MAX_BODY_BYTES: Final = 2**20
MAX_FORM_BYTES: Final = 4 * 2**20  # a page's form that is too long comes back to be shortened, not cut off
_CUT: Final = (
    "The request ended before its body was complete, so nothing was done. Send it again.",
    "La demande s'est arrêtée avant la fin ; rien n'a été fait. Renvoyez-la.",
)
_DESCRIPTION: Final = "Queue, sign-off, stops, accounts and machine keys of Garant. Refusals are application/problem+json (RFC 9457)."
_SECURITY: Final = {
    "session": {"type": "http", "scheme": "bearer", "description": "the session token of a person, gs_…; machine keys are refused"},
    "cookie": {"type": "apiKey", "in": "cookie", "description": "needs X-CSRF-Token with every write"},
}
_PROBLEM: Final = {"description": "A refusal in words", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def control_app(parts: Parts, routers: Sequence[APIRouter] = ()) -> FastAPI:
    """The application; its paths begin with `/api`, so it is called with the scope unchanged.

    Args:
        parts: what the routes work with; kept at `app.state.parts`.
        routers: further routers (sign-off, stops), whose paths begin below `/api`.
    """
    app = FastAPI(
        title="Garant control API",
        version=_version(),
        description=_DESCRIPTION,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # it would build an address of whatever Host the caller names
        responses={"default": _PROBLEM},
    )
    app.state.parts = parts
    for router in (accounts.router, people.router, sessions.router, passkeys.router, machines.router, *routers):
        app.include_router(router, prefix=PREFIX)
    install(app)
    app.add_middleware(Door, max_bytes=MAX_BODY_BYTES, idle_seconds=parts.settings.server.body_idle_seconds)
    _describe(app, cookie_name(parts))
    return app


class Door:
    """Takes a request's whole body, within limits, before the application sees it; answers what nobody foresaw."""

    def __init__(self, app: ASGIApp, max_bytes: int, idle_seconds: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._idle_seconds = idle_seconds

    def _limit(self, scope: Scope) -> int:
        return self._max_bytes if scope["path"].startswith(PREFIX) else max(self._max_bytes, MAX_FORM_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sending = _Sending(send)
        try:
            body = await self._body(scope, receive)
            await self._app(scope, _replay(body, receive), sending)
        except (TooLarge, BadInput) as error:
            await (await _told(error, scope))(scope, receive, sending)
        except Exception as error:
            if sending.started:
                raise
            await unexpected(error, asked(scope))(scope, receive, sending)

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        declared, most = dict(scope["headers"]).get(b"content-length", b"0"), self._limit(scope)
        if declared.isdigit() and int(declared) > most:
            raise _too_large(most)
        body, more = bytearray(), True
        while more:
            message = await self._next(receive)
            if message["type"] == "http.disconnect":
                raise BadInput(_CUT[0], code="body_incomplete", fr=_CUT[1])
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > most:
                raise _too_large(most)
        return bytes(body)

    async def _next(self, receive: Receive) -> Message:
        try:
            async with asyncio.timeout(self._idle_seconds):
                return await receive()
        except TimeoutError:
            message = f"Nothing more of the request arrived for {self._idle_seconds:g} seconds, so it was given up. Send it again."
            french = f"Plus rien de la demande n'est arrivé pendant {self._idle_seconds:g} secondes ; elle a été abandonnée. Renvoyez-la."
            raise BadInput(message, code="body_stalled", fr=french) from None


def _too_large(most: int) -> TooLarge:
    return TooLarge(
        f"A request has at most {most} bytes; nothing of it was read. Go back and shorten what you send.",
        fr=f"Une requête a au plus {most} octets ; rien n’en a été lu. Revenez en arrière et raccourcissez ce que vous envoyez.",
    )


async def _told(error: TooLarge | BadInput, scope: Scope) -> Response:
    """A problem for programs; for a browser's form a page, by whoever draws pages (`app.state.page_of_refusal`)."""
    page = getattr(scope["app"].state, "page_of_refusal", None)
    if page is None or scope["path"].startswith(PREFIX):
        return refusal(error, asked(scope))
    drawn: Response = await page(Request(scope), error)
    return drawn


class _Sending:
    """Sends, notes whether the answer has begun, and forbids caches to keep it unless it says itself that they may."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            headers.setdefault("Cache-Control", "no-store")
            headers["X-Content-Type-Options"] = "nosniff"
        await self._send(message)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _describe(app: FastAPI, cookie: str) -> None:
    generate = app.openapi

    def openapi() -> dict[str, object]:
        document = generate()
        components = document.setdefault("components", {})
        components["securitySchemes"] = {**_SECURITY, "cookie": {**_SECURITY["cookie"], "name": cookie}}
        components.setdefault("schemas", {}).update(_problem_schemas())
        document["security"] = [{"session": []}, {"cookie": []}]
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend the document


def _problem_schemas() -> dict[str, object]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return {"Problem": schema, "Fault": Fault.model_json_schema()}


def _version() -> str:
    try:
        return version("garant")
    except PackageNotFoundError:
        return "0"

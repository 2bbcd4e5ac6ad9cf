"""Refusals as problem+json (RFC 9457): every answer that is not a success has this shape and says what to do.

Promises: nothing that was sent comes back in a refusal (a password typed into the wrong field stays there), and an
unexpected failure shows no inner detail.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from gateway.configuration.french import french
from gateway.errors import (
    AuditUnavailable,
    BadInput,
    GarantError,
    Slowed,
    Suspended,
    Unauthenticated,
    Unknown,
    preferred,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import FastAPI, Request
    from starlette.types import Scope

MEDIA_TYPE: Final = "application/problem+json"
_PLACE: Final = (
    "A part of the request is missing or not as it should be. Correct what 'errors' names; the OpenAPI document says what is expected."
)
_PLACE_FR: Final = "Une partie de la demande manque ou n'est pas comme il faut. Corrigez ce que « errors » nomme ; le document OpenAPI dit ce qui est attendu."
_INTERNAL: Final = "Something failed inside Garant that should not have; it was noted for hospital IT. Nothing is lost: try again, or reload to see what was done."
_INTERNAL_FR: Final = (
    "Quelque chose a échoué dans Garant qui n'aurait pas dû ; c'est noté pour le service informatique. Rien n'est perdu : réessayez, ou "
    "rechargez pour voir ce qui a été fait."
)
_NOWHERE: Final = Unknown(
    "There is no such address in this API; see /api/openapi.json.",
    fr="Cette adresse n'existe pas dans l'API ; voyez /api/openapi.json.",
)
_UNREAD: Final = BadInput(
    "The request cannot be read. Correct it as /api/openapi.json describes it, then send it again.",
    fr="La demande est illisible. Corrigez-la d'après /api/openapi.json, puis renvoyez-la.",
)
_METHOD: Final = BadInput(
    "This address does not take this method; see /api/openapi.json. There are no bulk operations: each case is decided by itself.",
    fr="Cette adresse n'accepte pas cette méthode ; voyez /api/openapi.json. Il n'y a pas d'opération de masse : chaque dossier se décide seul.",
    code="method_not_allowed",
)
log = structlog.get_logger()


class Fault(BaseModel):
    """One wrong part of a request: where (JSON Pointer, or query and path names) and why."""

    pointer: str
    reason: str


class Problem(BaseModel):
    """A refusal in words."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[Fault] | None = None


class ProblemResponse(JSONResponse):
    """A problem on the wire."""

    media_type = MEDIA_TYPE


def answer(problem: Problem, headers: Mapping[str, str] | None = None) -> ProblemResponse:
    """The response that carries a problem."""
    return ProblemResponse(problem.model_dump(exclude_none=True), problem.status, {"Content-Language": "en", **(headers or {})})


def refusal(error: GarantError, language: str = "en") -> ProblemResponse:
    """The response for one of our own errors, in French where that was asked for and exists."""
    told = {"title": error.headed(language), "detail": error.said(language)}
    problem = Problem(type=error.type, status=error.status, code=error.code, **told)
    return answer(problem, _headers(error) | {"Content-Language": error.spoken(language)})


def unexpected(error: Exception, language: str = "en") -> ProblemResponse:
    """The response for a failure nobody foresaw; only its kind is logged."""
    log.error("api.failed", error=type(error).__name__)
    return refusal(GarantError(_INTERNAL, fr=_INTERNAL_FR), language)


def asked(scope: Scope) -> str:
    """The language that a request asks for; English where it asks for none we speak, as programs do."""
    accept = Headers(scope=scope).get("accept-language", "")
    return preferred(accept, "en")


def install(app: FastAPI) -> None:
    """Answer every refusal of this application as a problem."""
    app.add_exception_handler(GarantError, _on_garant_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)


async def _on_garant_error(request: Request, error: Exception) -> ProblemResponse:
    language = asked(request.scope)
    return refusal(error, language) if isinstance(error, GarantError) else unexpected(error, language)


async def _on_invalid(request: Request, error: Exception) -> ProblemResponse:
    found, language = error.errors() if isinstance(error, RequestValidationError) else (), asked(request.scope)
    faults = [Fault(pointer=_pointer(one["loc"]), reason=_reason(str(one["msg"]), language)) for one in found]
    status = HTTPStatus.BAD_REQUEST if any(one["type"] == "json_invalid" for one in found) else HTTPStatus.UNPROCESSABLE_ENTITY
    code = "bad_input" if status == HTTPStatus.BAD_REQUEST else "invalid_request"
    told = BadInput(_PLACE, code=code, fr=_PLACE_FR)
    problem = Problem(type=told.type, title=told.headed(language), status=status, detail=told.said(language), code=code, errors=faults)
    return answer(problem, {"Content-Language": language})


async def _on_http(request: Request, error: Exception) -> ProblemResponse:
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
    language = asked(request.scope)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return unexpected(error, language)
    told = {HTTPStatus.NOT_FOUND.value: _NOWHERE, HTTPStatus.METHOD_NOT_ALLOWED.value: _METHOD}.get(status, _UNREAD)
    problem = Problem(type=told.type, title=told.headed(language), status=status, detail=told.said(language), code=told.code)
    return answer(problem, {**(headers or {}), "Content-Language": language})


def _reason(message: str, language: str) -> str:
    """Why a part is wrong, in words of the library, or in French where those are known."""
    return (french(message) or message) if language == "fr" else message


def _pointer(place: Sequence[object]) -> str:
    inside = place[1:] if place and place[0] == "body" else place
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in inside)


def _headers(error: GarantError) -> dict[str, str]:
    if isinstance(error, Slowed):
        return {"Retry-After": str(error.seconds)}
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": 'Bearer realm="garant"'}
    return {"Retry-After": "5"} if isinstance(error, AuditUnavailable | Suspended) else {}

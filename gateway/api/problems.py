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
from starlette.exceptions import HTTPException

from gateway.errors import (
    AuditUnavailable,
    BadInput,
    GarantError,
    Slowed,
    Suspended,
    Unauthenticated,
    preferred,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import FastAPI, Request

MEDIA_TYPE: Final = "application/problem+json"
_PLACE: Final = "A part of the request is missing or not as it should be; 'errors' says which, and the OpenAPI document what is expected."
_PLACE_FR: Final = (
    "Une partie de la demande manque ou n'est pas comme il faut ; « errors » dit laquelle, et le document OpenAPI ce qui est attendu."
)
_INTERNAL: Final = "Something failed inside Garant that should not have; it was noted for hospital IT. Nothing is lost: try again, or reload to see what was done."
_HTTP: Final[Mapping[int, tuple[str, str]]] = {
    404: ("unknown", "There is no such address in this API; see /api/openapi.json."),
    405: (
        "method_not_allowed",
        "This address does not take this method; see /api/openapi.json. There are no bulk operations: each case is decided by itself.",
    ),
}
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
    """The response for one of our own errors, its sentence in French where that was asked for and exists."""
    said = {"Content-Language": language if error.said(language) != error.message else "en"}
    problem = Problem(type=error.type, title=error.title, status=error.status, detail=error.said(language), code=error.code)
    return answer(problem, _headers(error) | said)


def unexpected(error: Exception) -> ProblemResponse:
    """The response for a failure nobody foresaw; only its kind is logged."""
    log.error("api.failed", error=type(error).__name__)
    return refusal(GarantError(_INTERNAL))


def install(app: FastAPI) -> None:
    """Answer every refusal of this application as a problem."""
    app.add_exception_handler(GarantError, _on_garant_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)


async def _on_garant_error(request: Request, error: Exception) -> ProblemResponse:
    language = preferred(request.headers.get("accept-language", ""), "en")
    return refusal(error, language) if isinstance(error, GarantError) else unexpected(error)


async def _on_invalid(request: Request, error: Exception) -> ProblemResponse:
    found = error.errors() if isinstance(error, RequestValidationError) else ()
    faults = [Fault(pointer=_pointer(one["loc"]), reason=str(one["msg"])) for one in found]
    status = HTTPStatus.BAD_REQUEST if any(one["type"] == "json_invalid" for one in found) else HTTPStatus.UNPROCESSABLE_ENTITY
    code = "bad_input" if status == HTTPStatus.BAD_REQUEST else "invalid_request"
    language = preferred(request.headers.get("accept-language", ""), "en")
    told = _PLACE_FR if language == "fr" else _PLACE
    problem = Problem(type=f"urn:garant:problem:{code}", title=BadInput.title, status=status, detail=told, code=code, errors=faults)
    return answer(problem, {"Content-Language": language})


async def _on_http(_request: Request, error: Exception) -> ProblemResponse:
    status, headers = (error.status_code, error.headers) if isinstance(error, HTTPException) else (500, None)
    code, detail = _HTTP.get(
        status, ("bad_input" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal_error", "The request cannot be read.")
    )
    return answer(
        Problem(type=f"urn:garant:problem:{code}", title=HTTPStatus(status).phrase, status=status, detail=detail, code=code), headers
    )


def _pointer(place: Sequence[object]) -> str:
    inside = place[1:] if place and place[0] == "body" else place
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in inside)


def _headers(error: GarantError) -> dict[str, str]:
    if isinstance(error, Slowed):
        return {"Retry-After": str(error.seconds)}
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": 'Bearer realm="garant"'}
    return {"Retry-After": "5"} if isinstance(error, AuditUnavailable | Suspended) else {}

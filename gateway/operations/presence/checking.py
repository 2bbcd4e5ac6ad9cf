"""Asking an AI system now whether it answers, without any patient's data; only when somebody asks for it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from gateway.errors import UpstreamFailed, UpstreamTimeout
from gateway.outbound import Outgoing

if TYPE_CHECKING:
    from gateway.outbound import Door

PATIENCE_SECONDS: Final = 8.0
_TARGETS: Final = {"openai": "/v1/models", "inference_v2": "/v2/health/ready"}


@dataclass(frozen=True, slots=True)
class Checked:
    """What an AI system answered.

    Args:
        verdict: answers | refuses_us (its secret is not accepted) | answers_elsewhere (it runs, without this question) |
            fails (its own error) | redirects | slow | unreachable.
        status: HTTP status, 0 where there was none.
        seconds: until the whole answer.
    """

    system: str
    verdict: str
    status: int
    seconds: float

    @property
    def good(self) -> bool:
        """Whether calls can be expected to work."""
        return self.verdict in {"answers", "answers_elsewhere"}


async def check(door: Door) -> Checked:
    """Ask the protocol's own question about health, or (plain JSON has none) whether anybody answers at the address."""
    system, began = door.system, time.monotonic()
    outgoing = Outgoing("GET", _TARGETS.get(system.protocol, "/"), ((b"accept", b"application/json"),), b"")
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            status = (await door.exchange(outgoing, noted=False)).status
    except (UpstreamFailed, TimeoutError) as error:
        return Checked(system.id, _failure(error), 0, time.monotonic() - began)
    return Checked(system.id, _verdict(status), status, time.monotonic() - began)


def _verdict(status: int) -> str:
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return "refuses_us"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "fails"
    return "answers" if status < HTTPStatus.BAD_REQUEST else "answers_elsewhere"


def _failure(error: UpstreamFailed | TimeoutError) -> str:
    if isinstance(error, TimeoutError | UpstreamTimeout):
        return "slow"
    return "redirects" if error.code == "upstream_redirect" else "unreachable"

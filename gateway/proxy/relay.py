"""The relay: a plain ASGI application for everything that machines call.

It reads a request within its limits, finds its lane, runs the story of the call, and sends the reply; whatever
fails is told in the protocol's own shape.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeVar

import structlog

from gateway.adapters.protocol import Operation
from gateway.adapters.registry import adapter_for_path
from gateway.errors import GarantError
from gateway.messages import Call
from gateway.policy.models import ReleaseMode
from gateway.proxy import doors
from gateway.proxy.intercept import Done, Held, intercept
from gateway.proxy.limits import ClientGone, check_headers, check_query, on_disconnect, read_body
from gateway.proxy.sending import delivered, hold_open, send_reply
from gateway.proxy.stream import pass_through

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from starlette.types import Receive, Scope, Send

    from gateway.identity.machines import Machine
    from gateway.policy.lanes import Lane
    from gateway.proxy.routes import Found
    from gateway.proxy.steps.parts import Parts

PREFIXES: Final = ("/v1", "/v2", "/call/", "/suggestions/", "/holds/")
_T = TypeVar("_T")
log = structlog.get_logger()


class Relay:
    """Serves the machines' addresses.

    Args:
        parts: the collaborators.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._json_paths = frozenset(lane.route.path for lane in parts.routes.lanes if lane.route.path)

    def serves(self, path: str) -> bool:
        """Whether an address is the relay's."""
        return path.startswith(PREFIXES) or path in self._json_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        found: Found | None = None
        try:
            machine = self._identified(scope)
            call = await self._call(scope, receive)
            if await doors.native(self._parts, call, machine, send):
                return
            found = self._parts.routes.find(call, machine)
            await self._serve(found, machine, scope, send)
        except GarantError as error:
            await self._refuse(error, found, scope, send)
        except ClientGone:
            return
        except Exception as error:
            log.exception("relay.unexpected", error=type(error).__name__)
            await self._refuse(
                GarantError("Garant met an unexpected fault. Nothing was released; tell hospital IT the time of this call."),
                found,
                scope,
                send,
            )

    def _identified(self, scope: Scope) -> Machine:
        check_headers(scope, self._parts.server.max_header_bytes)
        return self._parts.machines.identify(tuple(scope["headers"]))

    async def _call(self, scope: Scope, receive: Receive) -> Call:
        server = self._parts.server
        check_query(scope["query_string"])
        body = await read_body(scope, receive, server.max_body_bytes, server.body_idle_seconds)
        return Call(scope["method"], scope["path"], scope["query_string"], tuple(scope["headers"]), body)

    async def _serve(self, found: Found, machine: Machine, scope: Scope, send: Send) -> None:
        if found.lane is None:
            await send_reply(send, await doors.local(self._parts, found, machine))
        elif found.recognised.operation is Operation.METADATA:
            await send_reply(send, await doors.metadata(self._parts, found, found.lane, machine))
        elif found.recognised.stream and found.lane.requirement.mode is ReleaseMode.LOG_ONLY and not found.lane.reading.identity:
            await self._until_gone(scope, pass_through(self._parts, found, found.lane, machine, send))
        else:
            await self._infer(found, found.lane, machine, scope, send)

    async def _infer(self, found: Found, lane: Lane, machine: Machine, scope: Scope, send: Send) -> None:
        outcome = await self._until_gone(scope, intercept(self._parts, found, lane, machine))
        if isinstance(outcome, Held):
            await self._until_gone(scope, hold_open(self._parts, outcome, send))
        elif isinstance(outcome, Done):
            await send_reply(send, outcome.reply)
            delivered(self._parts, outcome.row)

    async def _until_gone(self, scope: Scope, work: Coroutine[object, object, _T]) -> _T:
        """Run something that ends with its caller: hanging up before the commit cancels the AI system's work."""
        task = asyncio.current_task()
        gone = False

        def hang_up() -> None:
            nonlocal gone
            gone = True
            if task is not None:
                task.cancel()

        on_disconnect(scope, hang_up)
        try:
            return await work
        except asyncio.CancelledError:
            if gone:
                raise ClientGone from None
            raise
        finally:
            on_disconnect(scope, None)

    async def _refuse(self, error: GarantError, found: Found | None, scope: Scope, send: Send) -> None:
        log.info("call.refused", code=error.code, status=error.status)
        adapter = found.adapter if found else adapter_for_path(scope["path"])
        with suppress(RuntimeError):  # the answer had begun: nothing more can be said
            await send_reply(send, adapter.refuse(error, found.recognised if found else None))

"""Health for load balancers and metrics for Prometheus; both say nothing about anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Response

if TYPE_CHECKING:
    from gateway.audit.writer import Writer
    from gateway.operations.metrics import Metrics


def health_router(writer: Writer, metrics: Metrics) -> APIRouter:
    """`/health/live`, `/health/ready` and `/metrics`."""
    router = APIRouter(tags=["operation"])

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        """The process answers."""
        return {"status": "live"}

    @router.get("/health/ready")
    async def ready() -> Response:
        """The log can be written; a load balancer takes the replica out while it cannot."""
        if writer.available:
            return Response('{"status":"ready"}', media_type="application/json")
        sentence = '{"status":"not ready","why":"the audit log cannot be written, so nothing would be released"}'
        return Response(sentence, status_code=503, media_type="application/json")

    @router.get("/metrics")
    async def exposition() -> Response:
        """Prometheus text."""
        return Response(metrics.text(), media_type=metrics.content_type)

    return router

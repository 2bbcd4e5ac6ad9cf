"""Prometheus metrics: what a load balancer and an on-call engineer look at; no patient, case or person in any label."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from gateway.audit.publication.publisher import Lag
    from gateway.proxy.steps.parts import Parts

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """The counters of one replica.

    Args:
        parts: read when somebody scrapes.
        lags: how far each place of the log's publication is behind.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, parts: Parts, lags: Callable[[], Iterable[Lag]] = tuple) -> None:
        self.lags = lags
        self._registry = CollectorRegistry()
        self._calls = Counter("garant_calls", "Calls by machines, by status class.", ["status"], registry=self._registry)
        self._seconds = Histogram(
            "garant_call_seconds", "Time from request to whole reply, holds included.", buckets=_BUCKETS, registry=self._registry
        )
        self._by_status = {n: self._calls.labels(f"{n}xx") for n in range(1, 6)}
        self._gauge("garant_held_callers", "Callers that wait here for a signature.", lambda: len(parts.held))
        self._gauge("garant_log_writable", "1 while the audit log can be written.", lambda: int(parts.writer.available))
        self._gauge("garant_log_pending", "Writes that wait for a commit.", lambda: parts.writer.pending)
        self._gauge("garant_stops_active", "Stop buttons that are pressed.", lambda: len(parts.stops.active))

        self._lag_entries = Gauge(
            "garant_log_lag_entries", "Entries that have not reached a place of the log's publication.", ["place"], registry=self._registry
        )
        self._lag_seconds = Gauge(
            "garant_log_lag_seconds", "Seconds since a place that is behind last took a state.", ["place"], registry=self._registry
        )

    def _gauge(self, name: str, words: str, read: Callable[[], float]) -> None:
        Gauge(name, words, registry=self._registry).set_function(read)

    def text(self) -> bytes:
        """The exposition text."""
        for lag in self.lags():
            self._lag_entries.labels(lag.reached.place).set(lag.entries)
            self._lag_seconds.labels(lag.reached.place).set(lag.seconds)
        return generate_latest(self._registry)

    def measured(self, app: ASGIApp) -> ASGIApp:
        """An application that is counted and timed."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            began = time.perf_counter()

            async def counted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self._by_status[message["status"] // 100].inc()
                await send(message)

            await app(scope, receive, counted)
            self._seconds.observe(time.perf_counter() - began)

        return serve

"""Webhooks by Standard Webhooks 1.0: thin (ids only), signed, tried again for about three days, dead receivers dropped.

A notice is owed from the transaction that caused it (`owed`), so none is lost with a process; the one exception is
the notice of a time-critical answer while the database is down, which goes out at once (`Notices.tell_now`).
"""

from __future__ import annotations

import asyncio
import base64
import hmac
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import orjson
import structlog

from gateway.audit.batch import Statement
from gateway.clock import Clock, rfc3339
from gateway.database import BROKEN, connect
from gateway.ids import uuid7
from gateway.signals.bus import Bus, Topic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from gateway.outbound import Outbound
    from gateway.settings import Webhook

RETRY_AFTER: Final = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
"""Seconds between the ten attempts: about 76 hours in all."""
_INSERT: Final = (
    "INSERT INTO notices (id, webhook, kind, suggestion_id, person, created_at, next_at, subject) VALUES ($1, $2, $3, $4, $5, $6, $6, $7)"
)
_CLAIM: Final = """
UPDATE notices SET attempts = attempts + 1, next_at = now() + interval '60 seconds'
WHERE id = (SELECT id FROM notices WHERE next_at <= now() ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, webhook, kind, suggestion_id, person, created_at, attempts, subject
"""
_NEXT: Final = "SELECT extract(epoch FROM min(next_at) - now())::float FROM notices WHERE next_at IS NOT NULL"
_DELIVERED: Final = "UPDATE notices SET delivered_at = now(), next_at = NULL WHERE id = $1"
_RETRY: Final = "UPDATE notices SET next_at = now() + make_interval(secs => $2) WHERE id = $1"
_GONE: Final = "UPDATE notices SET gone = $2, next_at = NULL WHERE id = $1"
_HTTP_GONE: Final = 410

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Notice:
    """What a receiver is told: that something waits, never what it says.

    Args:
        person: a pseudonymous id or a login of the rota.
        subject: what it is about where that is no suggestion: the id of a rota.
    """

    id: UUID
    webhook: str
    kind: str
    suggestion: UUID | None
    person: str
    at: datetime
    attempts: int = 1
    subject: str = ""

    def body(self, review_base: str) -> bytes:
        """The JSON that is posted."""
        data: dict[str, object] = {
            "suggestion": str(self.suggestion or ""),
            "person": self.person,
            "review": f"{review_base}/review/{self.suggestion}",
            "validated": False,
        }
        if self.subject:
            data = {"rota": self.subject, "gaps": f"{review_base}/api/rotas/gaps"}
        return orjson.dumps({"type": self.kind, "timestamp": rfc3339(self.at), "data": data})


def owed(webhook: str, kind: str, suggestion: UUID | None, person: str, at: datetime, *, subject: str = "") -> Statement:
    """The statement that makes a notice owed; goes into the effects of the write that causes it."""
    return Statement(_INSERT, (uuid7(), webhook, kind, suggestion, person, at, subject))


def signed_headers(notice_id: UUID, body: bytes, key: Ed25519PrivateKey, secret: bytes | None, at: int) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of Standard Webhooks: Ed25519 (`v1a`) always, HMAC (`v1`) where the receiver has a shared secret."""
    name = str(notice_id).encode()
    text = b".".join((name, str(at).encode(), body))
    signatures = [b"v1a," + base64.b64encode(key.sign(text))]
    if secret is not None:
        signatures.insert(0, b"v1," + base64.b64encode(hmac.digest(secret, text, "sha256")))
    stamp = (b"webhook-timestamp", str(at).encode())
    return ((b"content-type", b"application/json"), (b"webhook-id", name), stamp, (b"webhook-signature", b" ".join(signatures)))


def shared_secret(webhook: Webhook, environ: Mapping[str, str]) -> bytes | None:
    """The receiver's secret from the environment (`whsec_` + base64), or None."""
    value = environ.get(webhook.secret_env or "", "")
    return base64.b64decode(value.removeprefix("whsec_")) if value else None


class Notices:
    """Delivers what is owed: woken by the commit that owes it, otherwise asleep until the next retry.

    Args:
        url: the database.
        webhooks: the receivers, from the configuration alone.
        outbound: posts.
        key: signs.
        review_base: public address of the review pages.
    """

    def __init__(
        self,
        url: str,
        webhooks: tuple[Webhook, ...],
        outbound: Outbound,
        key: Ed25519PrivateKey,
        review_base: str,
        environ: Mapping[str, str],
        clock: Clock,
    ) -> None:
        self._url = url
        self._webhooks = {webhook.id: webhook for webhook in webhooks}
        self._secrets = {webhook.id: shared_secret(webhook, environ) for webhook in webhooks}
        self._outbound = outbound
        self._key = key
        self._review_base = review_base
        self._clock = clock
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, bus: Bus) -> None:
        """Begin to deliver."""
        bus.subscribe(Topic.NOTICES, lambda _: self._ready.set())
        self._task = asyncio.create_task(self._run(), name="notices")

    async def stop(self) -> None:
        """Stop delivering; what is owed stays owed."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def receivers(self, group: str | None) -> tuple[str, ...]:
        """The webhooks that serve a rota or group."""
        return tuple(name for name, webhook in self._webhooks.items() if not webhook.groups or group in webhook.groups)

    async def tell_now(self, kind: str, suggestion: UUID, person: str, group: str | None) -> int:
        """Post at once, past the database; returns how many receivers accepted."""
        notices = [Notice(uuid7(), name, kind, suggestion, person, self._clock.now()) for name in self.receivers(group)]
        statuses = await asyncio.gather(*(self._post(notice) for notice in notices))
        return sum(1 for status in statuses if 200 <= status < 300)  # noqa: PLR2004 - the class of success

    async def _run(self) -> None:
        while True:
            try:
                await self._deliver_all()
            except BROKEN as error:
                log.warning("notices.database_unreachable", error=type(error).__name__)
                await asyncio.sleep(1.0)

    async def _deliver_all(self) -> None:
        connection = await connect(self._url)
        try:
            while True:
                self._ready.clear()
                while (row := await connection.fetchrow(_CLAIM)) is not None:
                    notice = Notice(*row)
                    sql, *arguments = self._verdict(notice, await self._post(notice))
                    await connection.execute(str(sql), *arguments)
                await self._sleep(await connection.fetchval(_NEXT))
        finally:
            connection.terminate()

    async def _sleep(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(None if seconds is None else max(seconds, 0.05)):
                await self._ready.wait()

    async def _post(self, notice: Notice) -> int:
        webhook = self._webhooks.get(notice.webhook)
        if webhook is None:
            return _HTTP_GONE
        body = notice.body(self._review_base)
        at = int(datetime.now(UTC).timestamp())
        headers = signed_headers(notice.id, body, self._key, self._secrets[webhook.id], at)
        return await self._outbound.post(str(webhook.url), headers, body)

    def _verdict(self, notice: Notice, status: int) -> tuple[object, ...]:
        if 200 <= status < 300:  # noqa: PLR2004 - the class of success
            return _DELIVERED, notice.id
        log.warning("notices.not_delivered", webhook=notice.webhook, status=status, attempt=notice.attempts)
        if status == _HTTP_GONE or notice.attempts > len(RETRY_AFTER):
            return _GONE, notice.id, status == _HTTP_GONE
        return _RETRY, notice.id, float(timedelta(seconds=RETRY_AFTER[notice.attempts - 1]).total_seconds())

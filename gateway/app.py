"""The composition root: builds every part once, and is the only file that knows them all."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from gateway.adapters.protocol import Reading
from gateway.adapters.registry import adapter
from gateway.api import signoff as signoff_routes
from gateway.api import stops as stop_routes
from gateway.api.administration import routes as administration_routes
from gateway.api.administration.operation import Operation
from gateway.api.custody.lookback import router as lookback_api
from gateway.api.custody.routes import router as custody_router
from gateway.api.dependencies import Parts as ApiParts
from gateway.api.frame import control_app
from gateway.api.health import health_router
from gateway.api.impact.routes import router as volumes_router
from gateway.api.publication.routes import router as publication_router
from gateway.api.records.routes import router as record_router
from gateway.audit.batch import LogIdentity
from gateway.audit.publication.building import places_of
from gateway.audit.publication.publisher import Publisher
from gateway.audit.spool import Spool
from gateway.audit.writer import Writer
from gateway.clock import Clock, SystemClock
from gateway.custody.room import Custody, custody
from gateway.database import engine, sessions
from gateway.errors import AuditUnavailable
from gateway.identity.attempts import Attempts
from gateway.identity.machines import Machines
from gateway.identity.methods import signing
from gateway.identity.oidc import in_force
from gateway.identity.oidc.flows import Elsewhere
from gateway.identity.oidc.profiles import sources
from gateway.identity.passkeys.ceremonies import Passkeys
from gateway.identity.passwords import Passwords
from gateway.identity.people import People
from gateway.identity.sessions import Limits, PasswordReauthentication, Sessions
from gateway.operations import policies
from gateway.operations.metrics import Metrics
from gateway.operations.presence.recording import Presence
from gateway.operations.verification.running import Verifications
from gateway.outbound import Outbound
from gateway.policy.lanes import Lane, Lanes
from gateway.policy.rules import decide
from gateway.proxy.held import Held
from gateway.proxy.relay import Relay
from gateway.proxy.routes import Routes
from gateway.proxy.steps.capture import Capturer
from gateway.proxy.steps.cases import Cases
from gateway.proxy.steps.notify import Notifier
from gateway.proxy.steps.parts import Parts
from gateway.proxy.steps.release import Counter
from gateway.signals.bus import Bus
from gateway.signals.notices import Notices
from gateway.signals.stops import Stops
from gateway.signoff.clocks import Clocks
from gateway.signoff.desk import Desk
from gateway.signoff.emergency import Emergency
from gateway.signoff.service import SignOff
from gateway.signoff.stopping import StopButton
from gateway.signoff.watch.rotas import RotaWatch
from gateway.suggestions.repository import Suggestions
from gateway.web import assets
from gateway.web.administration.forms import router as administration_router
from gateway.web.clinician import case, deciding, media, passing, queue
from gateway.web.custody.pages import router as custody_pages
from gateway.web.forms import router as form_router
from gateway.web.identity.account import router as account_router
from gateway.web.identity.signing_in import router as signing_in_router
from gateway.web.impact.kept import Kept
from gateway.web.impact.pages import router as impact_router
from gateway.web.live import QueueWatch
from gateway.web.pages import router as page_router
from gateway.web.quality.changes import router as changes_router
from gateway.web.quality.lookback import router as lookback_router
from gateway.web.quality.search import router as search_router
from gateway.web.quality.verifying import router as verifying_router
from gateway.web.rendering import install
from impact.showing.apart import Apart

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession
    from starlette.types import ASGIApp, Receive, Scope, Send

    from gateway.operations.keys import Keys
    from gateway.settings import Settings

SPOOL_RETRY_SECONDS: Final = 2.0
_API: Final = (
    *(signoff_routes.router, record_router, stop_routes.router, administration_routes.router),
    *(custody_router, lookback_api),
)
_PAGES: Final = (
    *(page_router, form_router, assets.router, queue.router, case.router, deciding.router, passing.router, media.router),
    *(administration_router, signing_in_router, account_router, search_router, verifying_router),
    *(changes_router, lookback_router, impact_router, custody_pages),
)
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Replica:
    """One running gateway process: everything that starts and stops with it."""

    settings: Settings
    relay: Relay
    control: ASGIApp
    parts: Parts
    desk: Desk
    bus: Bus
    clocks: Clocks
    rotas: RotaWatch
    notices: Notices
    spool: Spool
    engine: AsyncEngine
    metrics: Metrics
    presence: Presence
    watch: QueueWatch
    publisher: Publisher
    verifications: Verifications
    custody: Custody
    section: Apart

    def leaving(self) -> None:
        """This replica ends: pages that listen are let go at once."""
        self.watch.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Machines go to the relay, people to the control API and the pages."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http" and self.relay.serves(scope["path"]):
            await self.metrics.measured(self.relay)(scope, receive, send)
        else:
            await self.control(scope, receive, send)


@asynccontextmanager
async def replica(
    settings: Settings, keys: Keys, url: str, clock: Clock | None = None, *, source: Path | None = None
) -> AsyncIterator[Replica]:
    """Build, start, serve, stop; `source`: the file of the settings, which the administration page reads again.

    Raises:
        AuditUnavailable: the log's head is not the one we signed.
        Misconfigured: a task is clinical no more, or the database is another establishment's.
        OSError, asyncpg.PostgresError: the database cannot be reached.
    """
    built = _build(settings, keys, url, clock or SystemClock(), source)
    await _start(built, url)
    merging = asyncio.create_task(_merge_spool(built), name="spool")
    try:
        yield built
    finally:
        merging.cancel()
        with suppress(asyncio.CancelledError):
            await merging
        await _stop(built)


def lanes_of(settings: Settings) -> Lanes:
    """The lanes of a configuration."""
    systems = {system.id: system for system in settings.systems}
    tasks = {task.id: task for task in settings.tasks}
    applied = {policy.id: signing(policy, settings) for policy in settings.policies}
    lanes = []
    for route in settings.routes:
        system, task = systems[route.system], tasks[route.task]
        requirement = decide(task, applied.get(task.policy))
        fields = tuple((part.pointer, part.label) for part in route.fields)
        findings = (route.findings.pointer, route.findings.label) if route.findings else None
        reading = Reading(
            route.case_pointer,
            dict(route.patient_pointers),
            route.version_pointer,
            fields,
            dict(route.columns),
            dict(route.identity_pointers),
            findings,
        )
        lanes.append(Lane(route, system, task, requirement, adapter(system.protocol), reading))
    return Lanes(tuple(lanes))


def _build(settings: Settings, keys: Keys, url: str, clock: Clock, source: Path | None) -> Replica:
    lanes, bus, pool = lanes_of(settings), Bus(url), engine(url)
    made = sessions(pool)
    identity = LogIdentity(settings.establishment.id, settings.establishment.origin, keys.log, keys.vkeys, keys.beside)
    writer, outbound, section = Writer(url, identity), Outbound(settings.systems), Apart(settings.impact_directory)
    core = _Core(settings, keys, url, clock, lanes, bus, made, writer, Suggestions(made, keys.vault), outbound, section)
    notices = Notices(url, settings.webhooks, core.outbound, keys.webhook, core.base, os.environ, clock)
    spool, stops = Spool(settings.spool_directory), Stops(url, settings.establishment.id)
    desk = _desk(core, notices, stops)
    parts = _relay_parts(core, Notifier(settings.rotas, notices, spool), stops)
    places = places_of(settings, keys.vkeys, outbound)
    publisher = Publisher(url, writer, places, clock, settings.publication.interval_seconds)
    metrics = Metrics(parts, publisher.lags)
    presence = Presence(url, settings.establishment.id, parts.machines, core.outbound, clock, keys.vault)
    watch, verifications = QueueWatch(bus), Verifications(url, identity)
    kept = custody(settings, keys, url, core.sessions, core.writer, core.suggestions, clock)
    operation = Operation(core.outbound, presence, spool, source, kept)
    control = _control(core, parts, desk, metrics, watch, operation, verifications)
    clocks = Clocks(desk.signoff, lanes, notices, clock)
    rotas = RotaWatch(settings.establishment.id, settings.rotas, core.writer, notices, clock)
    return Replica(
        settings,
        Relay(parts),
        control,
        parts,
        desk,
        bus,
        clocks,
        rotas,
        notices,
        spool,
        pool,
        metrics,
        presence,
        watch,
        publisher,
        verifications,
        kept,
        section,
    )


@dataclass(frozen=True, slots=True)
class _Core:
    """What every part is built from."""

    settings: Settings
    keys: Keys
    url: str
    clock: Clock
    lanes: Lanes
    bus: Bus
    sessions: async_sessionmaker[AsyncSession]
    writer: Writer
    suggestions: Suggestions
    outbound: Outbound
    section: Apart

    @property
    def base(self) -> str:
        """The public address."""
        return self.settings.server.public_url.rstrip("/")


def _desk(core: _Core, notices: Notices, stops: Stops) -> Desk:
    signoff = SignOff(core.suggestions, core.writer, core.lanes, core.keys, core.clock)
    emergency = Emergency(core.suggestions, core.writer, core.lanes, core.keys, core.clock, notices)
    return Desk(signoff, emergency, StopButton(core.settings, core.suggestions, core.writer, core.keys, core.clock), stops, core.settings)


def _relay_parts(core: _Core, notifier: Notifier, stops: Stops) -> Parts:
    establishment = core.settings.establishment.id
    return Parts(
        server=core.settings.server,
        machines=Machines(core.url),
        routes=Routes(core.lanes.all),
        cases=Cases(core.sessions, core.keys),
        capturer=Capturer(establishment, core.keys.vault),
        notifier=notifier,
        counter=Counter(core.suggestions, core.base, core.lanes),
        suggestions=core.suggestions,
        writer=core.writer,
        outbound=core.outbound,
        held=Held(core.bus),
        stops=stops,
        keys=core.keys,
        clock=core.clock,
        via=f"garant-{establishment}".encode(),
    )


def _control(
    core: _Core,
    parts: Parts,
    desk: Desk,
    metrics: Metrics,
    watch: QueueWatch,
    operation: Operation,
    verifications: Verifications,
) -> ASGIApp:
    people, passwords = People(core.sessions), Passwords()
    identity, attempts = core.settings.identity, Attempts(core.sessions, core.keys, core.clock)
    proving = PasswordReauthentication(people, passwords, core.clock, offered="password" in identity.methods)
    limits = Limits(timedelta(seconds=identity.idle_seconds), timedelta(seconds=identity.lifetime_seconds))
    accounts = Sessions(core.sessions, core.writer, core.keys, core.clock, proving, attempts, limits)
    given = ApiParts(
        settings=core.settings,
        keys=core.keys,
        writer=core.writer,
        bus=core.bus,
        database=core.sessions,
        people=people,
        passwords=passwords,
        sessions=accounts,
        machines=parts.machines,
        clock=core.clock,
        reauthentication=proving,
        attempts=attempts,
        passkeys=Passkeys(accounts, core.settings.establishment.name, core.base, password_counts=core.settings.profile == "pilot"),
        elsewhere=Elsewhere(sources(identity, os.environ), core.base, core.outbound, people, accounts),
        signoff=desk,
        url=core.url,
    )
    app = control_app(given, (*_API, volumes_router))
    for router in (health_router(core.writer, metrics), publication_router, *_PAGES):
        app.include_router(router)
    install(app)
    app.state.queue_watch, app.state.lags, app.state.verifications = watch, metrics.lags, verifications
    app.state.operation = operation
    app.state.impact, app.state.impact_kept = core.section, Kept()
    return app


async def _start(built: Replica, url: str) -> None:
    parts = built.parts
    await parts.writer.start()
    await built.publisher.check()
    if parts.writer.damaged is None:
        await policies.keep(url, parts.writer, parts.routes.lanes, parts.clock.now())
        await in_force.keep(url, parts.writer, built.desk.settings, parts.clock.now())
    await built.bus.start()
    await parts.machines.start(built.bus)
    await parts.stops.start(built.bus)
    parts.cases.start(built.bus)
    built.clocks.start(built.bus)
    built.rotas.start()
    built.notices.start(built.bus)
    await built.presence.start(built.bus)
    built.publisher.start()
    built.custody.retaining.start()
    for scope in parts.stops.active if parts.writer.damaged is None else ():
        await built.desk.stopping.withdraw(scope)
    log.info("replica.started", establishment=built.settings.establishment.id, pid=os.getpid())


async def _stop(built: Replica) -> None:
    """End everything in this order; what fails to end in order, because the database is gone, keeps nothing after it open."""
    background = (
        built.clocks.stop,
        built.rotas.stop,
        built.notices.stop,
        built.presence.stop,
        built.publisher.stop,
        built.custody.retaining.stop,
    )
    lasting = (built.verifications.stop, built.parts.machines.stop, built.bus.stop, built.parts.writer.stop)
    outside = (built.parts.outbound.close, partial(asyncio.to_thread, built.section.close), built.engine.dispose)
    async with AsyncExitStack() as stack:
        for end in reversed((*background, *lasting, *outside)):
            stack.push_async_callback(end)
    log.info("replica.stopped", pid=os.getpid())


async def _merge_spool(built: Replica) -> None:
    """Merge what was spooled as soon as the log can be written again; asleep while there is nothing."""
    while True:
        while built.spool.waiting():
            with suppress(AuditUnavailable):
                merged = await built.spool.merge(built.parts.writer)
                log.warning("spool.merged", entries=merged)
            await asyncio.sleep(SPOOL_RETRY_SECONDS)
        await built.spool.filled.wait()
        built.spool.filled.clear()


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return

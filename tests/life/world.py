"""Two replicas on one database and one event loop, with a clock that stands still until it is moved."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from uuid import UUID, uuid4

import httpx

from gateway.app import replica
from gateway.audit.verifier import verify
from gateway.database import connect, sessions
from gateway.identity.people import People
from gateway.identity.sessions import Authentication
from gateway.operations.auditing import snapshot
from gateway.signoff.models import Advice, Decision, HandingOver, Judging, Passing, Step
from tests.fakes.model_server import CANARY
from tests.stage import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from gateway.app import Replica
    from gateway.identity.people import Person
    from gateway.signoff.models import Opened
    from tests.stage import Stage

T = TypeVar("T")
AMENDED = f"{CANARY} amended"


@dataclass
class StillClock:
    """Time goes on only when a rule says so."""

    moment: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        """The moment."""
        return self.moment


class World:
    """What the rules act on; every method is one act on one replica."""

    def __init__(self, stage: Stage) -> None:
        os.environ.update(ENVIRONMENT)
        self.stage = stage
        self.clock = StillClock()
        self.replicas: list[Replica] = []
        self.people: dict[str, Person] = {}
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self.run(self._begin())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run one act."""
        return self._runner.run(work)

    def close(self) -> None:
        """Stop the replicas."""
        self.run(self._open.aclose())
        self._runner.close()

    def call(self, task: str, at: int) -> tuple[str, UUID | None]:
        """A machine's call: all that it received, and the suggestion that it made."""
        before = self.newest()
        answer = self.run(self._http(at, "POST", f"/call/{task}/v1/chat/completions", _question()))
        after = self.newest()
        return _received(answer), after if after != before else None

    def look(self, suggestion: UUID, at: int) -> str:
        """All that a poll receives."""
        return _received(self.run(self._http(at, "GET", f"/suggestions/{suggestion}")))

    def cancel(self, suggestion: UUID, at: int) -> bool:
        """The caller gives up; whether that was accepted."""
        before = self.state(suggestion)
        self.run(self._http(at, "DELETE", f"/holds/{suggestion}"))
        return self.state(suggestion) != before

    def open(self, who: str, suggestion: UUID, at: int) -> Opened:
        """A person opens a case."""
        return self.run(self.replicas[at].desk.signoff.open(self.people[who], suggestion))

    def decide(self, who: str, opened: Opened, kind: str, at: int) -> None:
        """A person decides on what was opened."""
        self.run(self.deciding(who, opened, kind, at))

    async def deciding(self, who: str, opened: Opened, kind: str, at: int) -> None:
        """The same, to be run together with others."""
        assert opened.row.lease is not None
        amendment = {opened.view.fields[0].pointer: AMENDED} if kind == "amend" else None
        decision = Decision(
            lease=opened.row.lease,
            shown_sha256=opened.shown_sha256 or "0" * 64,
            decision=kind,
            amendment=amendment,
            reason="other" if kind == "reject" else "",
            after_judgement="" if opened.judgement is None else "kept",
        )
        await self.replicas[at].desk.signoff.decide(self.people[who], self.proof(), opened.row.id, decision)

    def judge(self, who: str, opened: Opened, at: int) -> Opened:
        """A person commits an own judgement; until then nothing of the AI was there."""
        assert (opened.step, opened.suggestion, opened.shown, opened.view.fields) == (Step.JUDGE, b"", b"", ())
        assert "suggestion" not in opened.payloads
        assert opened.row.lease is not None
        judging = Judging(lease=opened.row.lease, answer="benign", confidence=70)
        return self.run(self.replicas[at].desk.signoff.judge(self.people[who], opened.row.id, judging))

    def defer(self, who: str, opened: Opened, at: int) -> None:
        """A person puts a case back."""
        assert opened.row.lease is not None
        self.run(self.replicas[at].desk.signoff.defer(self.people[who], opened.row.id, Passing(lease=opened.row.lease)))

    def hand_over(self, who: str, opened: Opened, to: str, mode: Literal["give", "ask"], at: int) -> None:
        """A person gives a case to another, or asks for an opinion."""
        assert opened.row.lease is not None
        given = HandingOver(lease=opened.row.lease, mode=mode, comment="please look")
        self.run(self.replicas[at].desk.signoff.hand_over(self.people[who], opened.row.id, self.people[to], given))

    def advise(self, who: str, opened: Opened, at: int) -> None:
        """A person gives the opinion that was asked for."""
        assert opened.row.lease is not None
        advice = Advice(lease=opened.row.lease, text="I agree")
        self.run(self.replicas[at].desk.signoff.give_opinion(self.people[who], opened.row.id, advice))

    def proof(self) -> Authentication:
        """A proof of identity made now, a moment after any other: one proof signs one case."""
        self.clock.moment += timedelta(microseconds=1)
        return Authentication("password", self.clock.now())

    def together(self, *acts: Coroutine[Any, Any, None]) -> list[BaseException | None]:
        """Acts at the same time; what each raised."""
        return self.run(_together(*acts))

    def move(self, seconds: float, at: int) -> None:
        """Let time pass, and every clock strike that is due."""
        self.clock.moment += timedelta(seconds=seconds)
        for _ in range(20):
            if not self.run(self.replicas[at].clocks.strike()):
                return
        message = "the clocks strike without end"
        raise AssertionError(message)

    def stopped(self, at: int, scope: str, *, expected: bool) -> None:
        """Wait until a replica has heard of a stop."""
        self.run(_until(lambda: (scope in self.replicas[at].parts.stops.active) == expected))

    def state(self, suggestion: UUID) -> str:
        """Where a suggestion is."""
        return str(self.rows("SELECT state FROM suggestions WHERE id = $1", suggestion)[0]["state"])

    def newest(self) -> UUID | None:
        """The suggestion made last."""
        found = self.rows("SELECT id FROM suggestions ORDER BY id DESC LIMIT 1")
        return found[0]["id"] if found else None

    def rows(self, query: str, *arguments: object) -> list[Any]:
        """Rows of the database."""
        return self.run(self._rows(query, *arguments))

    def problems(self) -> list[str]:
        """What the verifier finds wrong with the log."""
        found = self.run(snapshot(self.stage.url, "test"))
        report = verify(found.leaves, found.checkpoint, self.stage.keys.vkeys, found.policies, found.kept, found.assertions)
        return [] if report.ok else [f"{problem.index}: {problem.sentence}" for problem in report.problems]

    def story(self, suggestion: UUID) -> list[str]:
        """The entries about a suggestion, by type."""
        found = self.rows("SELECT leaf FROM entries WHERE suggestion_id = $1 ORDER BY index", suggestion)
        return [json.loads(row["leaf"])["type"] for row in found]

    async def _begin(self) -> None:
        for _ in range(2):
            built = replica(self.stage.settings, self.stage.keys, self.stage.url, self.clock)
            self.replicas.append(await self._open.enter_async_context(built))
        self._database = await connect(self.stage.url, role=None)
        self._open.push_async_callback(self._database.close)
        known = People(sessions(self.replicas[0].engine))
        self.people = {person.login: person for person in await known.listed()}

    async def _rows(self, query: str, *arguments: object) -> list[Any]:
        return list(await self._database.fetch(query, *arguments))

    async def _http(self, at: int, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.stage.key}", "prefer": "wait=0"}
        transport = httpx.ASGITransport(self.replicas[at])
        async with httpx.AsyncClient(transport=transport, base_url="http://garant.test") as client:
            return await client.request(method, path, json=body, headers=headers)


def _question() -> dict[str, object]:
    return {"model": "reader", "messages": [{"role": "user", "content": uuid4().hex}]}


def _received(answer: httpx.Response) -> str:
    return f"{answer.status_code} {dict(answer.headers)} {answer.text}"


async def _together(*acts: Coroutine[Any, Any, None]) -> list[BaseException | None]:
    return list(await asyncio.gather(*acts, return_exceptions=True))


async def _until(check: Any) -> None:  # noqa: ANN401 - any condition
    async with asyncio.timeout(10):
        while not check():  # noqa: ASYNC110 - the product tells its own, not the test
            await asyncio.sleep(0.01)

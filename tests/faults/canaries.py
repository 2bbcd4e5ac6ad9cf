"""R1 at scale: `python -m tests.faults.canaries --calls 100000` calls two gateways through every adapter, streams included.

Each AI answer carries a token that no caller knows. Every byte that any caller receives is searched for tokens. A token of a
clinical suggestion may arrive only after the COMMIT of its `signed_off` entry (the last one where two people sign), as PostgreSQL's
own commit timestamps tell; a token of another call may never arrive. Ends with 1 where one leaked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import secrets
import shutil
import sys
import tempfile
import time
from collections import Counter
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from gateway.database import connect
from gateway.operations import serving
from tests.benchmarks.load import Connection, WrongAnswerError
from tests.benchmarks.load import connect as dial
from tests.fakes.model_server import Script
from tests.faults.postgres import Postgres
from tests.faults.test_gateway_killed import Process
from tests.faults.tokens import RESPONSES, Model, canary, request
from tests.stage import Stage, built, eventually

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Iterator

HOST = "127.0.0.1"
CALLERS, WAITING_SECONDS = 24, 30.0
TOKEN = re.compile(rb"CANARY-[0-9a-f]{32}")
CHUNK = re.compile(rb"\r\n[0-9a-f]{1,8}\r\n")
BY_POLICY = frozenset({"draft", "telling", "letter"})  # what leaves labelled, or passes
READER_TASKS = ("diagnosis", "refusing", "pair", "undoable", "triage", "trial", "diagnosis", "refusing", *BY_POLICY)
DOORS = ("chat", "chat", "chat stream", "responses", "responses background", "tensors", "json", "json polled")
_SWEEP = "UPDATE suggestions SET state = 'cancelled', next_clock_at = NULL, attach_key = NULL WHERE state = ANY($1) AND received_at < now() - interval '8 s'"
_COMMITS = """
SELECT suggestion_id::text AS suggestion, max(extract(epoch FROM pg_xact_commit_timestamp(xmin)))::float AS at
FROM entries WHERE type = 'signed_off' GROUP BY suggestion_id
"""


@dataclass(frozen=True)
class Arrival:
    """A token on a caller's socket: whose it is, when it came, under which suggestion, on whose call."""

    token: bytes
    at: float
    suggestion: str
    question: bytes


@dataclass
class Outcome:
    """What was counted."""

    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    received: int = 0
    asked: int = 0
    arrivals: list[Arrival] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    after_signature: int = 0
    by_policy: int = 0
    broken: int = 0
    seconds: float = 0.0

    @property
    def made(self) -> int:
        """All calls."""
        return self.calls.total()

    def table(self) -> str:
        """The counts, for people."""
        lines = [f"| {door} | {task} | {count:,} |" for (door, task), count in sorted(self.calls.items())]
        told = ", ".join(f"{status}: {count:,}" for status, count in sorted(self.statuses.items()))
        return "\n".join(
            (
                "| door | task | calls |\n|---|---|---|",
                *lines,
                f"calls {self.made:,} in {self.seconds:.0f} s ({self.made / max(self.seconds, 0.01):.0f}/s), answered by the AI {self.asked:,}",
                f"answers {told}; broken off {self.broken}; bytes searched {self.received:,}",
                f"decisions {dict(self.decisions)}",
                f"tokens received: {self.after_signature:,} after their signature, {self.by_policy:,} where the policy lets them out",
                f"LEAKS {len(self.leaks)}" + "".join(f"\n  {leak}" for leak in self.leaks[:20]),
            )
        )


@dataclass
class Canaries:
    """One run.

    Args:
        stage: people, key, database.
        bases: the gateways' ports.
        calls, seconds: it ends with whichever is reached first.
    """

    stage: Stage
    bases: tuple[int, ...]
    calls: int
    seconds: float
    dice: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - a mix, no secret
    outcome: Outcome = field(default_factory=Outcome)
    questions: dict[bytes, tuple[bytes, str]] = field(default_factory=dict)
    decided: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    async def run(self) -> Outcome:
        """Call, sign, search; then compare with the commits."""
        began = time.monotonic()
        helpers = [asyncio.create_task(work) for work in (self._signing("dr.a"), self._signing("dr.b"), self._polling(), self._sweeping())]
        try:
            async with asyncio.timeout(self.seconds + WAITING_SECONDS):
                await asyncio.gather(*(self._calling(began + self.seconds) for _ in range(CALLERS)))
            await asyncio.sleep(1.0)
        finally:
            for helper in helpers:
                helper.cancel()
            ended = await asyncio.gather(*helpers, return_exceptions=True)
        failed = [error for error in ended if isinstance(error, Exception)]
        if failed:
            raise failed[0]
        self.outcome.seconds = time.monotonic() - began
        await self._judge()
        return self.outcome

    async def _calling(self, until: float) -> None:
        async with self._line() as line:
            while self.outcome.made < self.calls and time.monotonic() < until:
                door = self.dice.choice(DOORS)
                task = self.dice.choice(READER_TASKS) if door.startswith(("chat", "responses")) else "diagnosis"
                self.outcome.calls[door, task] += 1
                await self._one(line, door, task)

    async def _one(self, line: Line, door: str, task: str) -> None:
        question = b"q-" + secrets.token_hex(16).encode()
        self.questions[canary(question)] = (question, task)
        path, body = request(door, question.decode())
        prefer = "respond-async" if door == "json polled" else "wait=2" if self.dice.random() < 0.1 else "wait=0"
        answer = await line.ask("POST", f"/call/{task}{path}", body, self.stage.key, question, prefer)
        named = re.search(rb'"id": ?"(resp_[0-9a-f]+)"', answer) if door == "responses background" else None
        if named:
            await line.ask("GET", f"/call/{task}{RESPONSES}/{named[1].decode()}", None, self.stage.key, question)
        place = re.search(rb"(?i)\r\nlocation: (\S+)", answer)
        if place:
            await line.ask("GET", place[1].decode(), None, self.stage.key, question)

    async def _signing(self, login: str) -> None:
        """A clinician who decides all the time: three in four are approved or amended, one is rejected."""
        doctor = await asyncio.to_thread(self.stage.clinician, login)
        async with self._line() as line:
            while True:
                answer = await line.ask("GET", "/api/queue", None, doctor.token)
                cases = json.loads(answer.partition(b"\r\n\r\n")[2]).get("cases", ())
                if answer.startswith(b"HTTP/1.1 401"):  # a long run outlives a session
                    again = {"login": login, "password": doctor.password, "bearer": True}
                    doctor.token = json.loads((await line.ask("POST", "/api/session", again, "")).partition(b"\r\n\r\n")[2])["token"]
                for case in self.dice.sample(cases, min(len(cases), 4)):
                    await self._decide(line, doctor.token, doctor.password, str(case["id"]))
                await asyncio.sleep(0.02)

    async def _decide(self, line: Line, token: str, password: str, suggestion: str) -> None:
        place = f"/api/suggestions/{suggestion}"
        shown = json.loads((await line.ask("POST", f"{place}/open", {}, token, search=False)).partition(b"\r\n\r\n")[2])
        if "lease" not in shown:  # the colleague has it, or it was swept away
            return
        kind = self.dice.choice(("approve", "approve", "amend", "reject"))
        body = {"lease": shown["lease"], "shown_sha256": shown["shown_sha256"], "decision": kind}
        if self.outcome.decisions.total() % 100 == 0:  # the policies let one proof stand for 900 seconds
            body["proof"] = password
        fields = [part for part in shown["content"]["fields"] if part["kind"] == "text"]
        if kind == "amend" and fields:
            body["amendment"] = {fields[0]["pointer"]: f"{fields[0]['value']} (seen)"}
        elif kind == "amend":
            body["decision"] = "approve"
        answer = await line.ask("POST", f"{place}/decision", {**body, "reason": "other" if kind == "reject" else ""}, token, search=False)
        done = answer.startswith(b"HTTP/1.1 200")
        told = str(body["decision"]) if done else "refused: " + str(json.loads(answer.partition(b"\r\n\r\n")[2]).get("code", "broken off"))
        self.outcome.decisions[told] += 1
        self.decided.put_nowait(suggestion)

    async def _polling(self) -> None:
        """Machines fetch what was decided: signed bytes come, rejected ones do not."""
        async with self._line() as line:
            while True:
                suggestion = await self.decided.get()
                await line.ask("GET", f"/suggestions/{suggestion}", None, self.stage.key)

    async def _sweeping(self) -> None:
        """What nobody signs is withdrawn, so that the queue stays as short as a real one."""
        database = await connect(self.stage.url, role=None)
        try:
            while True:
                await database.execute(_SWEEP, ["held", "notified", "first_signed", "drafted", "queued"])
                await asyncio.sleep(2)
        finally:
            database.terminate()

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[Line]:
        line = Line(self, self.dice.choice(self.bases))
        try:
            yield line
        finally:
            line.close()

    def searched(self, answer: bytes, question: bytes | None) -> None:
        """Every token in some bytes from a socket; also one that a chunk's head cuts in two."""
        self.outcome.received += len(answer)
        found = set(TOKEN.findall(answer)) | set(TOKEN.findall(CHUNK.sub(b"", answer)))
        named = re.search(rb"(?i)\r\ngarant-suggestion: (\S+)", answer)
        for token in found:
            self.outcome.arrivals.append(Arrival(token, time.time(), named[1].decode() if named else "", question or b""))

    async def _judge(self) -> None:
        database = await connect(self.stage.url, role=None)
        committed = {row["suggestion"]: row["at"] for row in await database.fetch(_COMMITS)}
        await database.close()
        for arrival in self.outcome.arrivals:
            fault = self._fault(arrival, committed)
            if fault:
                self.outcome.leaks.append(fault)

    def _fault(self, arrival: Arrival, committed: dict[str, float]) -> str:
        question, task = self.questions.get(arrival.token, (b"", "nobody's"))
        name = f"{arrival.token.decode()} of '{task}'"
        if arrival.question not in {b"", question}:
            return f"{name} came to another caller"
        if task in BY_POLICY:
            self.outcome.by_policy += 1
            return ""
        signed = committed.get(arrival.suggestion)
        if signed is None or arrival.at < signed:
            return f"{name} came {'without a signature' if signed is None else f'{signed - arrival.at:.4f} s before its signature'}"
        self.outcome.after_signature += 1
        return ""


class Line:
    """One caller's connection, made again when it breaks; everything that comes on it is searched."""

    def __init__(self, run: Canaries, port: int) -> None:
        self._run, self._port = run, port
        self._connection: Connection | None = None

    async def ask(
        self,
        method: str,
        path: str,
        document: object,
        bearer: str,
        question: bytes | None = None,
        prefer: str = "wait=0",
        *,
        search: bool = True,
    ) -> bytes:
        """One whole answer, head and body, as it came; empty where the connection broke."""
        body = b"" if document is None else json.dumps(document).encode()
        lines = (f"{method} {path} HTTP/1.1", f"host: {HOST}", f"authorization: Bearer {bearer}", f"prefer: {prefer}")
        head = "\r\n".join((*lines, "content-type: application/json", f"content-length: {len(body)}", "", ""))
        try:
            if self._connection is None or self._connection.transport is None:
                self._connection = await dial(HOST, self._port)
            async with asyncio.timeout(WAITING_SECONDS):
                answer = await self._connection.send(head.encode() + body)
        except (OSError, TimeoutError, WrongAnswerError):
            self._run.outcome.broken += 1
            self.close()
            return b"HTTP/1.1 000\r\n\r\n{}"
        if search:
            self._run.outcome.statuses[int(answer[9:12])] += 1
            self._run.searched(answer, question)
        return answer

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Gateway(Process):
    """A gateway as a process; `leak`: its adapters let one answer in so many out."""

    def __init__(self, leak: int) -> None:
        super().__init__()
        self._leak = leak

    def program(self) -> list[str]:
        """How it is started."""
        return [sys.executable, "-m", "tests.faults.leaky", str(self._leak)] if self._leak else super().program()


@contextmanager
def gateways(leak: int = 0, count: int = 2) -> Iterator[tuple[Stage, socket.socket, tuple[int, ...]]]:
    """Gateways as processes on a database that keeps commit times; the socket on which their AI systems are to listen."""
    folder, upstream = Path(tempfile.mkdtemp(prefix="garant-")), serving.bound(HOST, 0)
    database = Postgres(folder / "pg", ("track_commit_timestamp=on",))
    database.prepare()
    database.start()
    try:
        for stage in built(database.url, 0):
            stage.pager.scripts["/hook"] = Script(status=204)
            config = stage.settings.keys_directory.parent / "garant.toml"
            text = config.read_text().replace(stage.model.url, f"http://{HOST}:{upstream.getsockname()[1]}")
            config.write_text(re.sub(r'(release_mode = "\w+")', r"\1\nreauthenticate_seconds = 900", text))
            for _ in range(count):
                started = Gateway(leak)
                started.begin(stage)
                stage.replicas.append(started)
                eventually(started.ready, 90)
            yield stage, upstream, tuple(replica.port for replica in stage.replicas)
    finally:
        database.stop()
        upstream.close()
        shutil.rmtree(folder, ignore_errors=True)


def run(calls: int, seconds: float, leak: int = 0) -> Outcome:
    """One whole run."""

    async def work(stage: Stage, upstream: socket.socket, ports: tuple[int, ...]) -> Outcome:
        model = Model()
        async with await asyncio.start_server(model.serve, sock=upstream):
            outcome = await Canaries(stage, ports, calls, seconds).run()
        outcome.asked = model.asked
        return outcome

    with gateways(leak) as (stage, upstream, ports), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work(stage, upstream, ports))


def main() -> int:
    """Run, print the counts, and fail where something leaked."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.canaries", description=__doc__)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=3600.0, help="it ends after this time even with fewer calls")
    parser.add_argument("--leak", type=int, default=0, help="the control: adapters that let one answer in so many out")
    given = parser.parse_args()
    outcome = run(given.calls, given.seconds, given.leak)
    print(outcome.table())  # noqa: T201 - what it is for
    return 1 if outcome.leaks else 0


if __name__ == "__main__":
    sys.exit(main())

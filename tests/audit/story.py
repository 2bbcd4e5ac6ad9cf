"""Logs for tests and benchmarks: short stories of suggestions, encoded and signed like real ones."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.leaf import Event, EventType, encode
from gateway.audit.note import SigningKey, sign_checkpoint
from gateway.audit.tree import leaf_hash, root_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ORIGIN = "gateway.example/garant/ward"
KEY = SigningKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
VKEYS = (KEY.verifier(),)
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def document(task: str, kind: str, mode: str, **more: object) -> str:
    """A policy document as the gateway names it in entries."""
    policy = {"id": f"{task}-policy", "release_mode": mode, **more}
    return json.dumps({"policy": policy, "task": {"id": task, "kind": kind}}, sort_keys=True, separators=(",", ":"))


def digest(text: str) -> str:
    """The name of a policy document."""
    return sha256(text.encode()).hexdigest()


DOCUMENTS = {
    "cytology": document("cytology", "diagnosis", "hold"),
    "dose": document("dose", "treatment", "hold", two_person=True),
    "letter": document("letter", "administrative", "log_only"),
    "report": document("report", "documentation", "draft"),
    "stroke": document("stroke", "triage", "notify_now", unsigned_content_to_caller=True),
    "lenient": document("lenient", "diagnosis", "log_only"),
    "trial": document("trial", "diagnosis", "shadow"),
    "soft": document("cytology", "administrative", "log_only"),
    "quiet": document("quiet", "triage", "notify_now"),
    "judged": document("judged", "diagnosis", "hold", judge_first=True),
}
POLICIES = {digest(text): text for text in DOCUMENTS.values()}


def mark(*words: object) -> str:
    """Something that looks like a commitment, the same for the same words."""
    return sha256(repr(words).encode()).hexdigest()


@dataclass
class Story:
    """Events in order; `leaves` gives what the log would hold."""

    events: list[Event] = field(default_factory=list)
    serial: int = 0

    def add(
        self, kind: str, suggestion: int | None, task: str | None = "cytology", actor: str = "p1", role: str = "clinician", **more: object
    ) -> None:
        """Append one event; `suggestion` also numbers its case."""
        self.serial += 1
        detail = {"site": "main", "system": "reader"} if suggestion is not None else {}
        event = Event(
            id=UUID(int=self.serial),
            type=EventType(kind),
            at=START + timedelta(seconds=self.serial),
            actor=actor,
            role=role,
            case=None if suggestion is None else UUID(int=suggestion + (1 << 64)),
            suggestion=None if suggestion is None else UUID(int=suggestion + (2 << 64)),
            task=task,
            policy=digest(DOCUMENTS[task]) if task in DOCUMENTS else None,
            detail=detail,
        )
        self.events.append(replace(event, **more))  # type: ignore[arg-type]

    def receive(self, n: int, task: str = "cytology") -> None:
        """The AI system has answered."""
        self.add("received", n, task, "machine:m", "machine", commitments={"suggestion": mark(n)})

    def sign(self, n: int, task: str = "cytology", actor: str = "p1", decision: str = "approve") -> None:
        """A clinician opens and signs."""
        self.add("viewed", n, task, actor, commitments={"shown": mark(n, "shown")})
        said = {"shown": mark(n, "s"), "final": mark(n, "final")}
        self.add("signed_off", n, task, actor, decision=decision, commitments=said, auth={"method": "password"})

    def judge(self, n: int, task: str = "judged", actor: str = "p1") -> None:
        """A clinician opens without seeing the AI, and judges first."""
        self.add("viewed", n, task, actor)
        self.add("judged_first", n, task, actor, commitments={"judgement": mark(n, "own"), "confidence": mark(n, "sure")})

    def release(self, n: int, task: str = "cytology", decision: str = "approve") -> None:
        """The answer leaves."""
        name = "final" if decision in {"approve", "amend"} else "suggestion"
        self.add(
            "released",
            n,
            task,
            "system:release",
            "system",
            decision=decision,
            commitments={name: mark(n, "final") if name == "final" else mark(n)},
        )

    def deliver(self, n: int, task: str = "cytology") -> None:
        """The caller has it."""
        self.add("delivered", n, task, "system:release", "system")

    def scope(self, kind: str, scope: str) -> None:
        """The stop button is pressed or lifted."""
        self.add(kind, None, None, "q1", "quality", detail={"scope": scope})

    def leaves(self) -> list[bytes]:
        """The entries' bytes."""
        last: dict[UUID, int] = {}
        leaves = []
        for index, event in enumerate(self.events):
            leaves.append(encode(event, last.get(event.case) if event.case else None))
            if event.case:
                last[event.case] = index
        return leaves


def signed(leaves: Sequence[bytes]) -> str:
    """The checkpoint over these leaves."""
    return sign_checkpoint(ORIGIN, len(leaves), root_of(map(leaf_hash, leaves)), KEY)


def held(n: int = 1) -> Story:
    """One suggestion, held, signed, released, delivered: five entries."""
    story = Story()
    tell_held(story, n)
    return story


def tell_held(story: Story, n: int) -> None:
    """Append a held suggestion's five entries."""
    story.receive(n)
    story.sign(n)
    story.release(n)
    story.deliver(n)


def mixed(suggestions: Iterable[int]) -> Story:
    """A day: of three suggestions, two are held and signed, one is a letter that passes."""
    story = Story()
    for n in suggestions:
        if n % 3:
            tell_held(story, n)
        else:
            story.receive(n, "letter")
            story.release(n, "letter", "log_only")
    return story

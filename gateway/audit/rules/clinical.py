"""The clinical rules, read off the log alone: nothing leaves before the sign-off its policy demands, or a declared exception.

`Rules.check` is called with one sound entry after another and raises `BrokenRuleError` in words. Contract: `audit.md`, I1.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from sys import intern
from typing import TYPE_CHECKING, Final

from gateway.audit.rules.entries import BrokenRuleError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.audit.rules.entries import Entry

SUPPORT_KINDS: Final = frozenset({"documentation", "administrative", "logistic"})
"""Kinds of task that may go without a sign-off; every other kind, an unknown one too, needs it."""
_ABOUT_A_SUGGESTION: Final = frozenset(
    {"received", "viewed", "judged_first", "signed_off", "rejected", "expired", "recalled", "break_glass", "released", "delivered"}
)
_NOBODY: Final = frozenset({"machine", "system"})
_RESUMES: Final = frozenset({"quality", "it"})
_SERVER: Final = "system:command_line"
"""Whoever runs commands on the server: may let run again what is stopped, and has proven no name."""
_TWO: Final = 2
READ: Final = "read"
"""The decision of a `viewed` entry that is a reading of what is stored, and no opening for a decision."""
_REJECTED: Final = "rejected"


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """What the verifier needs of a policy document."""

    mode: str
    two_person: bool
    unsigned_content: bool
    task: str
    kind: str
    judge_first: bool = False


def open_policy(digest: str, document: str) -> PolicyDocument:
    """The policy document that has this digest. Raises BrokenRuleError where it is malformed or was changed."""
    try:
        fits = sha256(document.encode()).hexdigest() == digest
        parsed = json.loads(document)
        policy, task = parsed["policy"], parsed["task"]
        two_person, unsigned = policy.get("two_person", False), policy.get("unsigned_content_to_caller", False)
        judge_first = bool(policy.get("judge_first", False))
        names = (policy["release_mode"], task["id"], task["kind"])
        mode, identity, kind = ("" + name for name in names)
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        raise BrokenRuleError(f"The policy document {digest[:16]!r} is malformed.") from None
    if not fits:
        raise BrokenRuleError(f"The policy document {digest[:16]!r} was changed: it does not give its own digest.")
    return PolicyDocument(mode, bool(two_person), bool(unsigned), identity, kind, judge_first)


@dataclass(slots=True)
class _Life:
    """What happened to one suggestion so far."""

    place: tuple[str | None, str | None] | None = None  # case and task
    task: str | None = None
    policy: str | None = None
    content: str | None = None
    scopes: frozenset[str] = frozenset()
    viewers: tuple[str, ...] = ()
    judges: tuple[str, ...] = ()
    positions: tuple[tuple[str, str], ...] = ()  # actor, commitment to the final content or REJECTED
    decided: tuple[tuple[str, str], ...] = ()  # commitment to the final content, decision
    emergency: str | None = None
    released: tuple[str, ...] = ()
    ended: str | None = None


@dataclass(slots=True)
class Rules:
    """The clinical rules; `check` raises BrokenRuleError in words."""

    policies: Mapping[str, PolicyDocument]
    stopped: set[str] = field(default_factory=set)
    lives: dict[str, _Life] = field(default_factory=dict)
    clinical: set[str] = field(default_factory=set)  # tasks that were declared clinical at least once

    def check(self, entry: Entry) -> None:
        """Apply the rules of the entry's type and remember what it says."""
        rule = _RULES.get(entry["type"])
        if rule is None:
            return
        suggestion = entry.get("suggestion")
        if suggestion is not None:
            life = self.lives.get(suggestion)
            if life is None:
                life = self.lives[suggestion] = _Life((entry.get("case"), _shared(entry.get("task"))))
            if life.place != (entry.get("case"), entry.get("task")):
                raise BrokenRuleError("The entry speaks of this suggestion in another case or task than the entries before it.")
            rule(self, entry, life)
        elif entry["type"] == "viewed" and entry.get("decision") == READ:
            return  # a whole case, or the log itself
        elif entry["type"] in _ABOUT_A_SUGGESTION:
            raise BrokenRuleError(f"An entry {entry['type']!r} must name the suggestion it is about.")
        elif entry["type"] != "deferred":
            self._switch(entry)

    def _switch(self, entry: Entry) -> None:
        scope = entry.get("detail", {}).get("scope", "")
        if not scope.startswith(("system:", "task:", "site:")):
            raise BrokenRuleError("A stop or its end does not say which AI system, task or site it concerns.")
        if entry["type"] == "resumed":
            _check_resumes(entry, scope)
        (self.stopped.add if entry["type"] == "suspended" else self.stopped.discard)(scope)

    def received(self, entry: Entry, life: _Life) -> None:
        """A call came in, or the answer to it; neither changes afterwards."""
        content = entry.get("commitments", {}).get("suggestion")
        _check_machine(entry, "received")
        if life.policy not in {None, entry.get("policy")}:
            raise BrokenRuleError("The suggestion was received a second time, under another policy.")
        if life.content is not None:
            raise BrokenRuleError("The suggestion was received although its content stood in the log already.")
        life.task, life.policy, life.content = entry.get("task"), _shared(entry.get("policy")), content
        life.scopes = _scopes(entry)
        policy = self.policies.get(life.policy or "")
        if policy is not None and policy.kind not in SUPPORT_KINDS:
            self.clinical.add(policy.task)

    def viewed(self, entry: Entry, life: _Life) -> None:
        """A person opened it; only a clinician's opening leads to a signature, and only what was shown after an own judgement counts."""
        shown, first = entry.get("commitments", {}).get("shown"), self._judges_first(life)
        if entry.get("decision") == READ:
            return  # read afterwards or by quality, with a reason: nobody decides on the strength of it
        if first and shown is not None and entry["actor"] not in life.judges:
            raise BrokenRuleError(f"The suggestion of task {life.task} was shown to a person who had not recorded an own judgement first.")
        if entry["role"] == "clinician" and (shown is not None or not first):
            life.viewers = (*life.viewers, intern(entry["actor"]))

    def judged_first(self, entry: Entry, life: _Life) -> None:
        """An own judgement, once a person, before anything was shown."""
        if entry["role"] != "clinician" or "judgement" not in entry.get("commitments", {}):
            raise BrokenRuleError("An own judgement is not a clinician's, or does not say by commitment which.")
        if entry["actor"] in life.judges:
            raise BrokenRuleError("A person judged the suggestion a second time; a first judgement is never changed.")
        life.judges = (*life.judges, entry["actor"])

    def signed_off(self, entry: Entry, life: _Life) -> None:
        """Only a clinician who opened it may sign, and only by name of the final content."""
        final = entry.get("commitments", {}).get("final")
        _check_person(entry, "The suggestion was signed off")
        if life.content is None:
            raise BrokenRuleError("The suggestion was signed off before the AI system had answered.")
        if not entry.get("auth", {}).get("method"):
            raise BrokenRuleError("The sign-off rests on no proof of who signed.")
        if entry.get("decision") not in {"approve", "amend"} or final is None:
            raise BrokenRuleError("The sign-off does not say whether it approves or amends, or not which content.")
        if entry["actor"] not in life.viewers:
            raise BrokenRuleError("The suggestion was signed off by a person who had not opened it before.")
        life.positions = (*life.positions, (intern(entry["actor"]), final))
        life.decided = (*life.decided, (final, intern(entry["decision"])))

    def rejected(self, entry: Entry, life: _Life) -> None:
        """A rejection ends it; of two people, both have to reject, or the arbiter after they differed."""
        life.positions = (*life.positions, (entry["actor"], _REJECTED))
        policy = self.policies.get(life.policy or "")
        if policy is None or not policy.two_person or _settled(life) == _REJECTED:
            life.ended = _REJECTED

    def deferred(self, entry: Entry, life: _Life) -> None:
        """Who takes an own sign-off back (decision `undone`) opens the case for all who decided; putting it back changes nothing."""
        if entry.get("decision") == "undone":
            if all(actor != entry["actor"] for actor, _ in life.positions):
                raise BrokenRuleError("A decision was taken back by somebody who had not made it.")
            life.positions, life.decided = (), ()

    def _judges_first(self, life: _Life) -> bool:
        policy = self.policies.get(life.policy or "")
        return policy is not None and policy.judge_first

    def break_glass(self, entry: Entry, life: _Life) -> None:
        """A clinician declares an emergency."""
        _check_person(entry, "Break-glass was used")
        if not entry.get("detail", {}).get("reason"):
            raise BrokenRuleError("Break-glass was used without a reason.")
        life.emergency = entry.get("commitments", {}).get("suggestion")

    def ended(self, entry: Entry, life: _Life) -> None:
        """Expired, recalled or suspended: it may not leave any more."""
        if entry["type"] != "resumed":
            life.ended = entry["type"]

    def delivered(self, entry: Entry, life: _Life) -> None:
        """Nothing arrives that was not released."""
        if not life.released:
            raise BrokenRuleError(f"The suggestion of task {entry.get('task')} was delivered, but never released.")

    def released(self, entry: Entry, life: _Life) -> None:
        """The heart: an answer leaves only after the sign-off its policy demands, or a declared exception."""
        decision = entry.get("decision", "")
        _check_machine(entry, "released")
        self._check_allowed(entry, life)
        policy = self._policy(entry, life)
        if policy.mode == "shadow":
            raise BrokenRuleError(f"The suggestion of task {life.task} was released, but its policy only measures and releases nothing.")
        _check_repeated(decision, life)
        if decision in {"approve", "amend"}:
            _check_signed(entry, life, policy)
        elif decision == "break_glass":
            _check_emergency(entry, life)
        else:
            _check_unsigned(decision, entry, life, policy)
            if decision != "notify_now" and policy.task in self.clinical:
                raise BrokenRuleError(
                    f"Task {policy.task} was clinical before and then declared {policy.kind}, so that it leaves unsigned."
                )
        life.released = (*life.released, intern(decision))

    def _check_allowed(self, entry: Entry, life: _Life) -> None:
        if life.ended is not None:
            raise BrokenRuleError(f"The suggestion was released although it had been {life.ended} before.")
        stops = self.stopped & (life.scopes | _scopes(entry)) if self.stopped else ()
        if stops:
            raise BrokenRuleError(f"The suggestion was released while {', '.join(sorted(stops))} was stopped.")

    def _policy(self, entry: Entry, life: _Life) -> PolicyDocument:
        if life.policy is None:
            raise BrokenRuleError("An answer was released of which the log does not say under which policy it was received.")
        if (entry.get("policy"), entry.get("task")) != (life.policy, life.task):
            raise BrokenRuleError("The suggestion was released under another policy or task than it was received under.")
        policy = self.policies.get(life.policy)
        if policy is None or policy.task != life.task:
            raise BrokenRuleError(f"The policy document {life.policy[:16]} of task {life.task} is missing or belongs to another task.")
        return policy


def _check_machine(entry: Entry, what: str) -> None:
    if entry["role"] not in _NOBODY:
        raise BrokenRuleError(
            f"The suggestion was {what} by someone in the role {entry['role'][:40]!r}; only the gateway does that, never a person."
        )


def _check_resumes(entry: Entry, scope: str) -> None:
    if entry["role"] in _NOBODY and entry["actor"] != _SERVER:
        raise BrokenRuleError(f"{scope[:60]} was allowed to run again in nobody's name; only a person may do so.")
    if entry["role"] not in _RESUMES | _NOBODY:
        raise BrokenRuleError(
            f"{scope[:60]} was allowed to run again by someone in the role {entry['role'][:40]!r}; only quality or IT may do so."
        )


def _check_person(entry: Entry, what: str) -> None:
    if entry["role"] != "clinician":
        raise BrokenRuleError(f"{what} by someone in the role {entry['role'][:40]!r}; only a clinician may.")
    if entry["actor"].startswith(("machine:", "system:")):
        raise BrokenRuleError(f"{what} in the name of {entry['actor'][:40]!r}, which is no person.")


def _scopes(entry: Entry) -> frozenset[str]:
    detail = entry.get("detail", {})
    return _shared_scopes(entry.get("task"), detail.get("system"), detail.get("site"))


def _shared(text: str | None) -> str | None:
    """The same text once for a million suggestions."""
    return None if text is None else intern(text)


@lru_cache(maxsize=4096)
def _shared_scopes(task: str | None, system: str | None, site: str | None) -> frozenset[str]:
    """The same few sets for a million suggestions."""
    return frozenset((f"task:{task}", f"system:{system}", f"site:{site}"))


def _check_repeated(decision: str, life: _Life) -> None:
    before = set(life.released)
    signed_now = decision in {"approve", "amend"}
    allowed = {"break_glass", "draft", "notify_now"} if signed_now else {"notify_now"} if decision == "break_glass" else set()
    if before - allowed:
        raise BrokenRuleError(f"The suggestion was released a second time ({decision} after {', '.join(life.released)}).")


def _decisions(life: _Life) -> list[tuple[str, str]]:
    """What each person decided first, in order: nobody decides twice on one suggestion."""
    first: dict[str, str] = {}
    for actor, position in life.positions:
        first.setdefault(actor, position)
    return list(first.items())


def _settled(life: _Life) -> str | None:
    """What two people agree on, or the arbiter, a third one, decides after they differed; None while that is open."""
    decided = [position for _, position in _decisions(life)]
    if len(decided) < _TWO:
        return None
    if decided[0] == decided[1]:
        return decided[0]
    return decided[_TWO] if len(decided) > _TWO else None


def _check_signed(entry: Entry, life: _Life, policy: PolicyDocument) -> None:
    final = entry.get("commitments", {}).get("final")
    signed = [position for _, position in life.positions if position != _REJECTED]
    if final not in signed:
        what = "of exactly this content" if signed else "of a clinician"
        raise BrokenRuleError(f"The suggestion of task {life.task} was released without a sign-off {what}.")
    if (final, entry.get("decision")) not in life.decided:
        raise BrokenRuleError(f"The release says {entry.get('decision')!r}, but nobody signed that of this content.")
    if policy.two_person and _settled(life) != final:
        raise BrokenRuleError(f"Task {life.task} needs the sign-off of two different people on the same content{_missing(life)}.")


def _missing(life: _Life) -> str:
    decided = len(_decisions(life))
    if decided < _TWO:
        return "; only one had signed"
    if decided == _TWO:
        return ", or of an arbiter, a third person, after they differed; they differed, and no arbiter had signed"
    return ", or of an arbiter, a third person, after they differed; the arbiter had decided otherwise"


def _check_emergency(entry: Entry, life: _Life) -> None:
    content = entry.get("commitments", {}).get("suggestion")
    if life.emergency is None or content != life.emergency:
        raise BrokenRuleError("The suggestion was released as an emergency, but no clinician had declared one for this content.")


def _check_unsigned(decision: str, entry: Entry, life: _Life, policy: PolicyDocument) -> None:
    if decision not in {"log_only", "draft", "notify_now"} or policy.mode != decision:
        raise BrokenRuleError(
            f"The suggestion of task {life.task} was released unsigned as {decision[:40]!r}, but its policy says {policy.mode!r}."
        )
    if decision != "notify_now" and policy.kind not in SUPPORT_KINDS:
        raise BrokenRuleError(
            f"The suggestion of task {life.task} ({policy.kind}) was released unsigned; such a task always needs a sign-off."
        )
    if decision == "notify_now" and not policy.unsigned_content:
        raise BrokenRuleError(f"The policy of task {life.task} lets only a notification out unsigned, not the content.")
    content = entry.get("commitments", {}).get("suggestion")
    if content is not None and content != life.content:
        raise BrokenRuleError("Another content was released than the one that was received.")


_RULES: Final[Mapping[str, Callable[[Rules, Entry, _Life], None]]] = {
    "received": Rules.received,
    "viewed": Rules.viewed,
    "judged_first": Rules.judged_first,
    "signed_off": Rules.signed_off,
    "rejected": Rules.rejected,
    "deferred": Rules.deferred,
    "break_glass": Rules.break_glass,
    "released": Rules.released,
    "delivered": Rules.delivered,
} | dict.fromkeys(("expired", "recalled", "suspended", "resumed"), Rules.ended)

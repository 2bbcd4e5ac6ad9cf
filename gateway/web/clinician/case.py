"""A case on one screen: the patient, what the AI was sent, what it suggests, who it is, and the decision beside it.

Promises: a case is shown to whoever has it open and nobody else, what was decided to whoever may read it; before a demanded own judgement nothing of the AI is
in the page (R13), in a second reading nothing of the first (R12); a refused form comes back with all that was typed.
"""

from __future__ import annotations

import gzip
import json
import zlib
from base64 import b64decode
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID  # noqa: TC003 - FastAPI reads annotations at run time

import brotli
from fastapi import APIRouter
from fastapi.responses import Response  # noqa: TC002 - FastAPI reads annotations at run time

from gateway.api import signoff
from gateway.api.dependencies import demand
from gateway.api.reading import asks_reason
from gateway.display import links
from gateway.display import parts as display
from gateway.errors import Conflict, Forbidden, GarantError
from gateway.identity.methods import accepted
from gateway.identity.roles import Right
from gateway.signoff.models import EmergencyReason
from gateway.signoff.record import MEANING
from gateway.suggestions.states import AWAITING, State
from gateway.web.clinician.editing import Rewritten, editors
from gateway.web.clinician.onward import asked_of, decided, done, passed_on, within_of
from gateway.web.clinician.queue import signer
from gateway.web.custody.shown import reasons_of
from gateway.web.rendering import Fault, PageRoute, TheVisitor, Visitor, informed, person, posted, to, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.identity.sessions import Session
    from gateway.messages import JsonValue
    from gateway.suggestions.tables import Suggestion

router = APIRouter(include_in_schema=False, route_class=PageRoute)
ATTRIBUTES: Final = ("intended_use", "population", "known_limits", "validation", "subgroups", "local_validation", "provider", "contact")
SURENESS: Final = (10, 30, 50, 70, 90, 99)
READING_SECONDS: Final = 45
PRESSING: Final = timedelta(seconds=50)
"""How long after a proof of identity that counts for one decision the page still takes it as given; the desk takes it for a minute."""
EMERGENCIES: Final = tuple(reason.value for reason in EmergencyReason)


@dataclass(frozen=True, slots=True)
class Sent:
    """A form that came back: what was typed, what is wrong with it, the difference to look at before signing."""

    typed: Mapping[str, str] = field(default_factory=dict)
    faults: Sequence[Fault] = ()
    status: int = 200
    changes: Sequence[Rewritten] = ()
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Proving:
    """Whether a decision has to be confirmed anew, and by which of the ways that count here this person can; `just`: they did, for this one."""

    needed: bool
    passkey: bool
    password: bool
    provider: bool
    just: bool


@router.post("/review/{suggestion}/open")
async def open_case(suggestion: UUID, seen: TheVisitor) -> Response:
    """Take the lease, then go to the case."""
    await posted(seen)
    session = await signer(seen)
    await signoff.open_case(suggestion, session, seen.parts, signoff.desk_of(seen.parts))
    return to(f"/review/{suggestion}")


@router.get("/review/{suggestion}")
async def review(suggestion: UUID, seen: TheVisitor) -> Response:
    """The case, where it is open for me; else where it stands, who signed it, and what can be done."""
    session, desk = person(seen), signoff.desk_of(seen.parts)
    await demand(seen.parts, session, Right.READ_CASES)
    try:
        if Right.SIGN in session.person.rights:
            return await _drawn(seen, session, await signoff.look(suggestion, session, desk), Sent())
    except (Conflict, Forbidden):
        pass  # not open for this person: it stands where it stands
    if asks_reason(session) and not seen.request.query_params.get("reason"):
        return seen.page("reading_reason.html", action=f"/review/{suggestion}", reasons=reasons_of(seen), kept={}, name="reason")
    return await standing_page(seen, session, await desk.signoff.suggestions.get(suggestion))


async def standing_page(seen: Visitor, session: Session, row: Suggestion, faults: Sequence[Fault] = (), status: int = 200) -> Response:
    """Where a case stands."""
    desk, awaiting = signoff.desk_of(seen.parts), row.state in AWAITING
    reason = seen.request.query_params.get("reason", "")
    signed = [] if awaiting else await signoff.signatures(row.id, session, seen.parts, desk, reason)
    mine = await decided(seen, session, row.id)
    return seen.page(
        "review.html",
        status,
        row=row,
        signed=signed,
        reason=reason,
        standard=MEANING,
        done=mine,
        names=seen.names(),
        problems=faults,
        emergencies=EMERGENCIES if row.state in {State.HELD, State.FIRST_SIGNED} else (),
        awaiting=awaiting,
        free=row.leased_until is None or row.leased_until < seen.parts.clock.now(),
    )


async def case_page(seen: Visitor, suggestion: UUID, sent: Sent | None = None) -> Response:
    """The case as it is for this person now; a form that came back keeps what was typed, even where the case is gone."""
    session, sent, seen = await signer(seen), sent or Sent(), await informed(seen)
    try:
        shown = await _shown(seen, session, suggestion)
    except GarantError as error:
        if not sent.typed:
            raise
        said = Fault(error.said(seen.language))
        faults = sent.faults if any(one.sentence == said.sentence for one in sent.faults) else (*sent.faults, said)
        return seen.page("refused.html", error.status, problems=faults, kept=written(sent.typed), suggestion=suggestion)
    return await _drawn(seen, session, shown, sent)


async def _drawn(seen: Visitor, session: Session, shown: signoff.Shown, sent: Sent) -> Response:
    values = {"shown": shown, "names": seen.names(), "sent": sent, "typed": sent.typed, "problems": sent.faults}
    values |= {"done": await done(seen, session), "passed": await passed_on(seen, session)}
    values["proving"] = await _proving(seen, session, shown)
    values["within"] = (within_of(sent.typed) if sent.typed else asked_of(seen.request.query_params)).query()
    return seen.page("case.html", sent.status, **values, **_parts(seen, shown))


async def _shown(seen: Visitor, session: Session, suggestion: UUID) -> signoff.Shown:
    """What is open already; else, where the lease is over and nobody else has the case, opened again."""
    try:
        return await signoff.look(suggestion, session, signoff.desk_of(seen.parts))
    except Conflict:
        return await signoff.open_case(suggestion, session, seen.parts, signoff.desk_of(seen.parts))


def _parts(seen: Visitor, shown: signoff.Shown) -> dict[str, object]:
    """What the page draws: the input, the suggestion, its editors, the provider's words, the clocks."""
    language, content = seen.language, shown.content if isinstance(shown.content, dict) else {}
    lane = signoff.desk_of(seen.parts).signoff.lanes.of(shown.system, shown.task)
    asked = display.sent(lane.system.protocol, b64decode(shown.input), language, lane.reading.columns)
    given = display.suggestion(content, asked, language) if content else ()
    return {
        "asked": asked,
        "given": given,
        "edits": editors(content, document_of(b64decode(shown.suggestion))),
        "called": {part.field: part.label for part in reversed(given)},
        "model": content,
        "changed": tuple(_changed(shown)),
        "viewers": links.viewer_links(lane.route, shown.patient, language),
        "attributes": [(name, shown.attributes[name]) for name in ATTRIBUTES if shown.attributes.get(name)],
        "emergencies": EMERGENCIES,
        "sureness": SURENESS,
        "left": max(0, int((shown.leased_until - seen.parts.clock.now()).total_seconds())),
        "lease_seconds": lane.requirement.policy.lease_seconds,
    }


def document_of(body: bytes) -> JsonValue:
    """The AI system's answer as JSON, also where it came compressed; None where it is something else."""
    for unpack in (bytes, gzip.decompress, zlib.decompress, brotli.decompress):
        try:
            document: JsonValue = json.loads(unpack(body))
        except (ValueError, OSError, EOFError, zlib.error, brotli.error, RecursionError):
            continue
        return document
    return None


async def _proving(seen: Visitor, session: Session, shown: signoff.Shown) -> Proving:
    """How this decision may be confirmed."""
    policy = signoff.desk_of(seen.parts).signoff.lanes.of(shown.system, shown.task).requirement.policy
    counted = accepted(policy, seen.parts.settings)
    once = shown.reauthenticate_seconds == 0
    fresh = session.authentication.method in counted and (
        await _made_for_this(seen, session, shown) if once else _lasts(seen, session, shown)
    )
    passkey = "passkey" in counted and bool(await seen.parts.passkeys.listed(session.person))
    return Proving(not fresh, passkey=passkey, password="password" in counted, provider="oidc" in counted, just=fresh and once)


def _lasts(seen: Visitor, session: Session, shown: signoff.Shown) -> bool:
    """The last proof still counts when somebody has read the case."""
    age = (seen.parts.clock.now() - session.authenticated_at).total_seconds()
    return age <= shown.reauthenticate_seconds - READING_SECONDS


async def _made_for_this(seen: Visitor, session: Session, shown: signoff.Shown) -> bool:
    """The last proof was made with this case open, no decision rests on it, and there is time left to press; a passkey signs each itself."""
    row, proof = await signoff.desk_of(seen.parts).signoff.suggestions.get(shown.id), session.authentication
    now = seen.parts.clock.now()
    return (
        proof.method != "passkey"
        and not proof.used
        and row.leased_at is not None
        and row.leased_at <= proof.at <= now <= proof.at + PRESSING
    )


def _changed(shown: signoff.Shown) -> Iterator[Rewritten]:
    """Where the suggestion is another than this person saw before (R3)."""
    if not shown.changed:
        return
    before, after = _by_pointer(shown.changed.before), _by_pointer(shown.changed.after)
    for pointer in dict.fromkeys((*before, *after)):
        texts = [_text(fields.get(pointer, {}).get("value")) for fields in (before, after)]
        if texts[0] != texts[1]:
            yield Rewritten(str((after.get(pointer) or before[pointer]).get("label")), *texts)


def _by_pointer(fields: Sequence[JsonValue]) -> dict[str, Mapping[str, JsonValue]]:
    return {str(field.get("pointer")): field for field in fields if isinstance(field, dict)}


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False, indent=1)

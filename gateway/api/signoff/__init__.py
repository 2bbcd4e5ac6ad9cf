"""Sign-off over HTTP: queue, open, judge first, decide, hand over, records. What the pages call is named here.

Promises: a decision has no default and there is no bulk form; every refusal is logged with its code and told in words.
"""

from fastapi import APIRouter

from gateway.api.signoff import cases, passing, records, waiting
from gateway.api.signoff.answers import OWED, Colleague, Queue, Record, Shown, Stand, Waiting
from gateway.api.signoff.bodies import (
    BreakGlass,
    DecisionBody,
    Extension,
    Filters,
    HandOver,
    JudgementBody,
    LeaseBody,
    Opinion,
)
from gateway.api.signoff.cases import break_glass, decide, extend, judge, look, meant, open_case, press, stand, undo
from gateway.api.signoff.doors import TheDesk, desk_of
from gateway.api.signoff.passing import colleagues, defer, hand_over, leave, opinion
from gateway.api.signoff.records import reasons, signatures
from gateway.api.signoff.waiting import find, open_next, patients, queue, take_next

router = APIRouter(tags=["sign-off"])
for part in (waiting, cases, passing, records):
    router.include_router(part.router)

__all__ = [
    "OWED",
    "BreakGlass",
    "Colleague",
    "DecisionBody",
    "Extension",
    "Filters",
    "HandOver",
    "JudgementBody",
    "LeaseBody",
    "Opinion",
    "Queue",
    "Record",
    "Shown",
    "Stand",
    "TheDesk",
    "Waiting",
    "break_glass",
    "colleagues",
    "decide",
    "defer",
    "desk_of",
    "extend",
    "find",
    "hand_over",
    "judge",
    "leave",
    "look",
    "meant",
    "open_case",
    "open_next",
    "opinion",
    "patients",
    "press",
    "queue",
    "reasons",
    "router",
    "signatures",
    "stand",
    "take_next",
    "undo",
]

"""What a clinician took back never leaves: the bytes released are those of the decision that stands."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from tests.stage import eventually

if TYPE_CHECKING:
    from tests.stage import Stage

TEXT = "/output/0/content/0/text"


def test_an_amendment_taken_back_is_not_what_a_later_approval_releases(stage: Stage) -> None:
    asked = {"model": "reader", "input": uuid4().hex, "background": True}
    place = f"/v1/responses/{stage.post('undoable', '/v1/responses', asked).json()['id']}"
    known = stage.clinician()
    case = known.waiting("undoable")
    known.decide(case, "amend", amend=lambda _: {TEXT: "taken back"})
    assert stage.api(known, "POST", f"/suggestions/{case}/undo").status_code == 200
    known.decide(case, "approve")
    answer = eventually(lambda: (found := stage.get(place)).json()["status"] == "completed" and found)
    assert answer.json()["output"][0]["content"][0]["text"] == "CANARY-7f3a response"

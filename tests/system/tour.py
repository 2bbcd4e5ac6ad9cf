"""Every page of Garant and every state of it, by name: how to get there, whoever looks and in whatever language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.system import ward

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.system.visitor import Visit

EDITOR: Final = "#edit textarea[name^='text:'], #edit input[type=text]"
NOTES: Final = ("draft-found", "offline", "lease-lost", "lease-soon", "no-choice")


def case_of(seen: Visit, task: str, question: object = ward.QUESTION) -> ward.Waiting:
    """A case of a task, open."""
    waiting = ward.call(seen.stage, task, question=question)
    seen.at_case(waiting)
    return waiting


def sign_in_refused(seen: Visit) -> None:
    seen.page.goto("/")
    seen.page.locator("[name=login]").fill("nobody")
    seen.page.locator("[name=password]").fill("wrong")
    seen.page.keyboard.press("Enter")
    seen.page.locator(".problem").wait_for()


def session_ended(seen: Visit) -> None:
    case_of(seen, "chest")
    seen.page.locator("#comment").fill("half a sentence")
    seen.context.clear_cookies(name="garant_session")
    seen.page.locator("[value=approve]").check()
    seen.page.locator("#proof").fill("x")
    seen.page.locator(".sign").click()
    seen.page.locator("#kept-1").wait_for()


def preferences_refused(seen: Visit) -> None:
    page = seen.come(path="/preferences")
    page.locator("#key-approve").fill("s")
    page.locator("main .primary").click()
    page.locator("#errors").wait_for()


def busy_queue(seen: Visit) -> None:
    """Cases of every kind: free, open here, open elsewhere, overdue and escalated, released in an emergency, half signed."""
    stage = seen.stage
    ids = {task: ward.call(stage, task).id for task in ("chest", "sepsis-score", "two", "treatment", "breast", "lesions")}
    stage.clinician("dr.b").decide(ids["two"], "approve")
    stage.api(stage.clinician("dr.b"), "POST", f"/suggestions/{ids['treatment']}/open", {})
    stage.api(stage.clinician("dr.b"), "POST", f"/suggestions/{ids['lesions']}/break-glass", {"reason": "vital_risk"})
    stage.rows("UPDATE suggestions SET overdue = true, rung = 1, asked = ARRAY['oncall'] WHERE id = $1::uuid", ids["sepsis-score"])
    seen.come()
    seen.page.locator("[data-live=on]").wait_for()


def empty_filter(seen: Visit) -> None:
    seen.come(path="/queue?task=chest&overdue=yes")


def amending(seen: Visit, task: str = "chest") -> None:
    case_of(seen, task)
    seen.page.locator("[value=amend]").check()
    field = seen.page.locator(EDITOR).first
    field.fill(field.input_value().replace("left", "right") + "1")
    seen.page.locator("#difference ins").first.wait_for()


def findings(seen: Visit) -> None:
    case_of(seen, "lesions")
    seen.page.locator("[value=amend]").check()
    for place, answer in enumerate(("keep", "keep", "remove")):
        seen.page.locator(f"#findings [value={answer}]").nth(place).check()
    seen.page.locator("#proof").fill("x")
    seen.page.locator(".sign").click()
    seen.page.locator("#errors").wait_for()


def rejecting(seen: Visit) -> None:
    case_of(seen, "chest")
    seen.page.locator("[value=reject]").check()
    seen.page.locator("#reasons summary").click()


def wrong_proof(seen: Visit) -> None:
    case_of(seen, "chest")
    seen.page.locator("[value=approve]").check()
    seen.page.locator("#proof").fill("wrong")
    seen.page.locator(".sign").click()
    seen.page.locator("#errors").wait_for()


def told(seen: Visit) -> None:
    """Everything that a script may have to say on a case."""
    case_of(seen, "chest")
    seen.page.evaluate("names => names.forEach(name => { document.getElementById(name).hidden = false; })", list(NOTES))


def judged(seen: Visit) -> None:
    case_of(seen, "breast", ward.with_film())
    seen.page.locator("[name=answer]").first.check()
    seen.page.locator("[name=confidence][value='70']").check()
    seen.page.locator(".sign").click()
    seen.page.locator("#after-judgement").wait_for()
    seen.armed()


def not_judged(seen: Visit) -> None:
    case_of(seen, "spoken")
    seen.page.locator(".sign").click()
    seen.page.locator("#errors").wait_for()


def second_reading(seen: Visit) -> None:
    waiting = ward.call(seen.stage, "two")
    seen.stage.clinician("dr.b").decide(waiting.id, "approve")
    seen.at_case(waiting)


def arbitration(seen: Visit) -> None:
    waiting = ward.call(seen.stage, "two")
    seen.stage.clinician("dr.b").decide(waiting.id, "approve", comment="Typical for the left side.")
    seen.stage.clinician("dr.c").decide(waiting.id, "reject", reason="wrong_finding", comment="The right lung is meant.")
    seen.at_case(waiting, "dr.s")


def passed(seen: Visit, mode: str) -> ward.Waiting:
    """A case that dr.a gave or showed to dr.b."""
    waiting, doctor = ward.call(seen.stage, "chest"), seen.stage.clinician("dr.a")
    lease = seen.stage.api(doctor, "POST", f"/suggestions/{waiting.id}/open", {}).json()["lease"]
    body = {"lease": lease, "to": "dr.b", "mode": mode, "comment": "Is this a consolidation or the heart?"}
    answer = seen.stage.api(doctor, "POST", f"/suggestions/{waiting.id}/hand-over", body)
    assert answer.status_code == 200, answer.text
    return waiting


def asked(seen: Visit) -> None:
    seen.at_case(passed(seen, "ask"), "dr.b")


def answered(seen: Visit) -> None:
    waiting, colleague = passed(seen, "ask"), seen.stage.clinician("dr.b")
    lease = seen.stage.api(colleague, "POST", f"/suggestions/{waiting.id}/open", {}).json()["lease"]
    body = {"lease": lease, "text": "A consolidation, behind the heart."}
    assert seen.stage.api(colleague, "POST", f"/suggestions/{waiting.id}/opinion", body).status_code == 200
    seen.at_case(waiting)


def handing_over(seen: Visit) -> None:
    waiting = case_of(seen, "chest")
    seen.page.goto(f"/review/{waiting.id}/hand-over")


def handed_to_nobody(seen: Visit) -> None:
    handing_over(seen)
    seen.page.locator("main .primary").click()
    seen.page.locator("#errors").wait_for()


def emergency(seen: Visit) -> None:
    case_of(seen, "chest")
    seen.page.locator(".acts summary").click()


def standing(seen: Visit, decision: str = "", **more: str) -> None:
    """Where a case stands, for somebody who has it not open."""
    waiting = ward.call(seen.stage, "chest")
    if decision:
        seen.stage.clinician("dr.a").decide(waiting.id, decision, **more)
    seen.come(path=f"/review/{waiting.id}")


def undoable(seen: Visit) -> None:
    case_of(seen, "calm")
    seen.page.locator("[value=approve]").check()
    seen.page.locator(".sign").click()
    seen.page.locator(".undo button").wait_for()


def refused(seen: Visit) -> None:
    """A decision that came too late, with what was typed."""
    waiting = ward.call(seen.stage, "brief")
    seen.at_case(waiting)
    seen.page.locator("#comment").fill("My comment.")
    seen.stage.rows("UPDATE suggestions SET leased_until = now() - interval '1 second' WHERE id = $1::uuid", waiting.id)
    seen.stage.clinician("dr.b").decide(waiting.id, "approve")
    seen.page.locator("[value=approve]").check()
    seen.page.locator("#proof").fill(seen.password())
    seen.page.locator(".sign").click()
    seen.page.locator("#kept-1").wait_for()


def unknown(seen: Visit) -> None:
    seen.come(path="/review/00000000-0000-7000-8000-000000000000")


def stopped(seen: Visit) -> None:
    seen.come("quality", "/stops")
    seen.page.locator("[name=scope]").last.select_option("site:north")
    seen.page.locator("form[action='/stops/stop'] [name=reason]").fill("exercise")
    seen.page.locator("form[action='/stops/stop'] .danger").click()
    seen.page.locator("form[action='/stops/resume']").wait_for()


def resumed(seen: Visit) -> None:
    """Take the stop of `stopped` back, whatever became of the look at it."""
    seen.come("quality", "/stops")
    seen.page.locator("form[action='/stops/resume'] [name=reason]").fill("over")
    seen.page.locator("form[action='/stops/resume'] button").click()
    seen.page.locator("form[action='/stops/resume']").wait_for(state="detached")


LEAVING: Final[Mapping[str, Callable[[Visit], object]]] = {"stops, one stopped": resumed}
"""What has to be undone afterwards, so that the next page is as always."""


def verified(seen: Visit) -> None:
    seen.come("quality", "/log")
    seen.page.locator("main .primary").click()
    seen.page.locator("main .good").wait_for()


def administered(seen: Visit) -> None:
    """A new key, shown once."""
    page = seen.come("it", "/administration")
    form = page.locator("form[action='/administration/machines']")
    form.evaluate("one => { for (let up = one; up; up = up.parentElement) if (up.matches('details')) up.open = true; }")
    form.locator("[name=name]").fill("ward system")
    form.locator("[name=tasks]").first.check()
    form.locator("button").click()
    page.locator("main .good, main .note, main .warning").first.wait_for()


def account_of_somebody(seen: Visit) -> None:
    page = seen.come("it", "/administration")
    page.goto(str(page.locator("a[href^='/administration/accounts/']").first.get_attribute("href")))


def kept_and_erased(seen: Visit) -> None:
    """Clocks, a hold, a request to erase that waits for another person, one that was closed, and the forms open."""
    stage = seen.stage
    cases = []
    for _ in range(3):
        waiting = ward.call(stage, "chest")
        stage.clinician().decide(waiting.id, "approve")
        cases.append(str(stage.rows("SELECT case_id FROM suggestions WHERE id = $1::uuid", waiting.id)[0]["case_id"]))
    who = stage.clinician("quality")
    stage.api(who, "POST", "/custody/holds", {"case": cases[0], "reason": "litigation"})
    for case in cases[1:]:
        stage.api(who, "POST", "/custody/erasures", {"case": case, "basis": "wrong_patient", "proof": who.password})
    erasure = stage.rows("SELECT id FROM erasures WHERE case_id = $1::uuid", cases[1])[0]["id"]
    stage.api(who, "POST", f"/custody/erasures/{erasure}/withdraw")
    page = seen.come("quality", "/custody")
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    page.locator("h3").last.scroll_into_view_if_needed()


def why_read(seen: Visit) -> None:
    waiting = ward.call(seen.stage, "chest")
    seen.stage.clinician().decide(waiting.id, "approve")
    seen.come("quality", f"/review/{waiting.id}")


def looked_back(seen: Visit) -> None:
    why_read(seen)
    back = seen.stage.api(seen.stage.clinician("quality"), "POST", "/lookbacks", {"system": "chest-reader"}).json()
    seen.come("quality", f"/log/lookback/{back['id']}")


PAGES: Final[Mapping[str, Callable[[Visit], object]]] = {
    "sign-in": lambda seen: seen.page.goto("/"),
    "sign-in, refused": sign_in_refused,
    "session ended while deciding": session_ended,
    "queue, nothing waits": lambda seen: seen.come(),
    "queue": busy_queue,
    "queue, filtered to nothing": empty_filter,
    "case, text": lambda seen: case_of(seen, "treatment"),
    "case, text and image": lambda seen: case_of(seen, "chest", ward.with_film()),
    "case, tensor": lambda seen: case_of(seen, "sepsis-score"),
    "case, JSON": lambda seen: case_of(seen, "lesions"),
    "case, what scripts say": told,
    "case, wrong proof": wrong_proof,
    "amend, text": amending,
    "amend, tensor": lambda seen: amending(seen, "sepsis-score"),
    "amend, JSON": lambda seen: amending(seen, "lesions"),
    "amend, findings": findings,
    "reject": rejecting,
    "judge first": lambda seen: case_of(seen, "breast", ward.with_film()),
    "judge first, free": lambda seen: case_of(seen, "spoken"),
    "judge first, incomplete": not_judged,
    "judged, AI revealed": judged,
    "second reading": second_reading,
    "arbiter": arbitration,
    "opinion asked": asked,
    "opinion received": answered,
    "hand over": handing_over,
    "hand over, incomplete": handed_to_nobody,
    "emergency release": emergency,
    "signed, can be undone": undoable,
    "record, approved": lambda seen: standing(seen, "approve"),
    "record, rejected": lambda seen: standing(seen, "reject", reason="wrong_finding"),
    "record, unsigned": standing,
    "decided too late": refused,
    "no such page": unknown,
    "preferences": lambda seen: seen.come(path="/preferences"),
    "preferences, refused": preferences_refused,
    "password": lambda seen: seen.come(path="/password"),
    "account": lambda seen: seen.come(path="/account"),
    "log": lambda seen: seen.come("quality", "/log?before=40"),
    "log, verified": verified,
    "retention and erasure": kept_and_erased,
    "retention, for hospital IT": lambda seen: seen.come("it", "/custody"),
    "why a record is read": why_read,
    "look-back": looked_back,
    "look-backs": lambda seen: seen.come("quality", "/log/lookback"),
    "impact": lambda seen: seen.come("quality", "/impact"),
    "stops": lambda seen: seen.come("quality", "/stops"),
    "stops, one stopped": stopped,
    "administration": lambda seen: seen.come("it", "/administration"),
    "administration, a new key": administered,
    "administration, an account": account_of_somebody,
}

"""The case page: seen whole, judged before the AI is shown, decided with what was typed kept, taken back in time."""

from __future__ import annotations

import re
import time
from base64 import b64decode
from html import unescape
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from gateway.web.texts import LANGUAGES
from tests.fakes.model_server import Script, chat
from tests.stage import eventually
from tests.web.browsing import POINTER, field, form, held, opened, released, signed_in

if TYPE_CHECKING:
    import httpx

    from tests.stage import Stage

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> {{ 7*7 }} \"'></textarea>\u202e\u200b"
PATIENT_CHANGES = "the clinical picture differs"


def proven(stage: Stage, page: httpx.Response, login: str = "dr.a", **more: str) -> dict[str, str]:
    return form(page, proof=stage.clinician(login).password, **more)


def decide(browser: httpx.Client, suggestion: str, data: dict[str, str]) -> httpx.Response:
    return browser.post(f"/review/{suggestion}/decision", data=data)


def content(answer: httpx.Response) -> str:
    return str(answer.json()["choices"][0]["message"]["content"])


def test_an_approved_case_leaves_as_it_was_and_its_hostile_text_did_nothing(stage: Stage, browser: httpx.Client) -> None:
    stage.model.scripts["/v1/chat/completions"] = Script(body=chat(HOSTILE))
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    page = opened(browser, suggestion)
    assert "<script>alert" not in page.text
    assert "onerror=alert(2)>" not in page.text
    assert "\u202e" not in re.sub(r"<textarea.*?</textarea>", "", page.text, flags=re.DOTALL)
    assert decide(browser, suggestion, proven(stage, page, decision="approve")).url.path == "/queue"
    assert content(eventually(lambda: released(stage, suggestion))) == HOSTILE


@pytest.mark.parametrize(
    ("language", "meaning"), [("en", "I have examined the patient's data shown"), ("fr", "J'ai examiné les données du patient")]
)
def test_what_a_signature_means_is_said_in_the_reader_s_language(stage: Stage, browser: httpx.Client, language: str, meaning: str) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    decide(browser, suggestion, proven(stage, opened(browser, suggestion), decision="approve"))
    assert meaning in unescape(browser.get(f"/review/{suggestion}?lang={language}").text)


def test_nothing_is_chosen_before_a_person_chooses(stage: Stage, browser: httpx.Client) -> None:
    """R2: no default, no pre-tick."""
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    assert re.findall(r"<input[^>]*\schecked", opened(browser, suggestion).text) == []


@pytest.mark.parametrize(("language", "said"), [("en", "Choose first: approve, amend or reject."), ("fr", "Choisissez d’abord")])
def test_a_form_without_choice_is_refused_in_place_with_everything_kept(
    stage: Stage, browser: httpx.Client, language: str, said: str
) -> None:
    """R2: 422 in words."""
    signed_in(stage, browser)
    suggestion, answers, _ = held(stage)
    page = browser.get(f"/review/{suggestion}?lang={language}")
    again = decide(browser, suggestion, proven(stage, opened(browser, suggestion), comment="typed words"))
    assert page.status_code == 200
    assert again.status_code == 422
    assert f'<a href="#decision">{said}' in again.text
    assert "typed words" in again.text
    assert answers == []


def test_a_rejection_needs_its_reason_and_keeps_the_choice(stage: Stage, browser: httpx.Client) -> None:
    """R8."""
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    again = decide(browser, suggestion, proven(stage, opened(browser, suggestion), decision="reject", comment=PATIENT_CHANGES))
    assert (again.status_code, PATIENT_CHANGES in again.text) == (422, True)
    assert re.search(r'value="reject"[^>]* checked', again.text)
    done = decide(browser, suggestion, proven(stage, again, decision="reject", reason="patient_context_differs", comment=PATIENT_CHANGES))
    assert done.url.path == "/queue"
    assert stage.rows("SELECT code FROM suggestions WHERE id = $1", suggestion)[0]["code"] == "patient_context_differs"


def test_a_wrong_password_is_said_beside_its_field_and_nothing_is_lost(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    again = decide(browser, suggestion, form(opened(browser, suggestion), decision="approve", comment="kept", proof="wrong"))
    assert again.status_code == 401
    assert '<a href="#proof">' in again.text
    assert ">\nkept</textarea>" in again.text


def test_a_very_long_comment_is_refused_in_words_and_comes_back_whole(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    words = "word " * 250_000
    again = decide(browser, suggestion, proven(stage, opened(browser, suggestion), decision="approve", comment=words))
    assert again.status_code == 422
    assert "longer than 10,000 characters" in again.text
    assert words.strip() in again.text


def test_an_amendment_is_signed_only_after_its_difference_was_on_the_screen(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    page = opened(browser, suggestion)
    was = unescape(re.search(rf'name="was:{POINTER}"[^>]*>\n(.*?)</textarea>', page.text, re.DOTALL)[1])  # type: ignore[index]
    typed = {f"was:{POINTER}": was, f"text:{POINTER}": "benign", f"label:{POINTER}": "text", "change_kind": "decision"}
    looked = decide(browser, suggestion, proven(stage, page, decision="amend", **typed))
    assert "<del>" in looked.text
    assert "<ins>" in looked.text
    assert "nothing is signed yet" in looked.text
    decide(browser, suggestion, proven(stage, looked, decision="amend", seen=field(looked, "seen"), **typed))
    assert content(eventually(lambda: released(stage, suggestion))) == "benign"


def test_an_amendment_says_whether_words_or_the_decision_change(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    typed = {f"was:{POINTER}": "malignant", f"text:{POINTER}": "benign", "decision": "amend"}
    again = decide(browser, suggestion, proven(stage, opened(browser, suggestion), **typed))
    assert again.status_code == 422
    assert '<a href="#change-kind">' in again.text
    assert ">\nbenign</textarea>" in again.text


def test_as_it_is_with_a_changed_text_is_refused_as_a_contradiction(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    typed = {f"was:{POINTER}": "malignant", f"text:{POINTER}": "benign", "decision": "approve"}
    again = decide(browser, suggestion, proven(stage, opened(browser, suggestion), **typed))
    assert (again.status_code, "your changes would be lost" in again.text) == (422, True)


def test_the_difference_can_be_asked_for_while_typing(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    page = opened(browser, suggestion)
    typed = {"csrf": field(page, "csrf"), f"was:{POINTER}": "left lung", f"text:{POINTER}": "right lung"}
    part = browser.post(f"/review/{suggestion}/difference", data=typed)
    assert "data-seen=" in part.text
    assert "<html" not in part.text


def test_before_the_own_judgement_nothing_of_the_ai_is_in_the_page(stage: Stage, browser: httpx.Client) -> None:
    """R13."""
    secret = f"canary-{uuid4().hex}"
    stage.model.scripts["/v1/chat/completions"] = Script(body=chat(secret))
    signed_in(stage, browser)
    suggestion, _, _ = held(stage, "judged")
    page = opened(browser, suggestion)
    assert secret not in page.text
    assert browser.get(f"/review/{suggestion}/media/suggestion/0").status_code == 404
    data = {"csrf": field(page, "csrf"), "lease": field(page, "lease"), "answer": "benign", "confidence": "70"}
    shown = browser.post(f"/review/{suggestion}/judgement", data=data)
    assert secret in shown.text
    assert "benign (70 %)" in shown.text


def test_after_an_own_judgement_one_says_whether_it_is_kept(stage: Stage, browser: httpx.Client) -> None:
    """R13."""
    signed_in(stage, browser)
    suggestion, _, _ = held(stage, "judged")
    page = opened(browser, suggestion)
    data = {"csrf": field(page, "csrf"), "lease": field(page, "lease"), "answer": "benign", "confidence": "70"}
    shown = browser.post(f"/review/{suggestion}/judgement", data=data)
    again = decide(browser, suggestion, proven(stage, shown, decision="approve", judged="yes"))
    assert '<a href="#after-judgement">' in again.text
    done = decide(browser, suggestion, proven(stage, again, decision="approve", judged="yes", after_judgement="changed"))
    assert done.url.path == "/queue"


@pytest.mark.parametrize("missing", ["answer", "confidence"])
def test_a_judgement_needs_answer_and_confidence(stage: Stage, browser: httpx.Client, missing: str) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage, "spoken")
    page = opened(browser, suggestion)
    data = {"csrf": field(page, "csrf"), "lease": field(page, "lease"), "answer": "my words", "confidence": "70"} | {missing: ""}
    again = browser.post(f"/review/{suggestion}/judgement", data=data)
    assert (again.status_code, f'<a href="#{missing}">' in again.text) == (422, True)


def test_the_second_reader_sees_nothing_of_the_first(stage: Stage, browser: httpx.Client, colleague: httpx.Client) -> None:
    """R12."""
    signed_in(stage, browser)
    signed_in(stage, colleague, "dr.b")
    suggestion, _, _ = held(stage, "pair")
    remark = f"remark-{uuid4().hex}"
    decide(browser, suggestion, proven(stage, opened(browser, suggestion), decision="approve", comment=remark))
    page = opened(colleague, suggestion)
    assert "Deuxième lecture" in page.text
    assert remark not in page.text
    assert "Dr dr.a" not in page.text


def test_an_undoable_signature_can_be_taken_back_from_the_next_page(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage, "calm")
    done = decide(browser, suggestion, form(opened(browser, suggestion), decision="approve"))
    assert done.url.path == "/queue"
    assert f'action="/review/{suggestion}/undo"' in done.text
    again = browser.post(f"/review/{suggestion}/undo", data={"csrf": field(done, "csrf")})
    assert again.url.path == f"/review/{suggestion}"
    assert 'id="decide"' in again.text
    assert stage.rows("SELECT state FROM suggestions WHERE id = $1", suggestion)[0]["state"] == "held"


def test_after_a_decision_the_next_case_is_on_the_screen(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    first, second = held(stage, "calm")[0], held(stage, "refusing")[0]
    page = opened(browser, first)
    done = decide(browser, first, form(page, decision="approve"))
    assert done.url.path == f"/review/{second}"
    assert [one.status_code for one in done.history] == [303]
    assert f'data-done="{first}"' in done.text


def test_the_back_button_after_signing_leads_to_a_page_that_says_so(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    page = opened(browser, suggestion)
    decide(browser, suggestion, proven(stage, page, decision="approve"))
    assert "You have signed this case already" in browser.get(f"/review/{suggestion}").text
    twice = decide(browser, suggestion, proven(stage, page, decision="reject", reason="other", comment="second thoughts"))
    assert "second thoughts" in twice.text
    assert twice.status_code == 409


def test_a_lost_lease_keeps_the_text_and_says_what_to_do(stage: Stage, browser: httpx.Client, colleague: httpx.Client) -> None:
    signed_in(stage, browser)
    signed_in(stage, colleague, "dr.b")
    suggestion, _, _ = held(stage, "brief")
    page = opened(browser, suggestion)
    time.sleep(1.1)
    opened(colleague, suggestion)
    refused = decide(browser, suggestion, proven(stage, page, decision="approve", comment="half a page"))
    assert refused.status_code == 409
    assert "half a page" in refused.text


def test_a_case_stays_mine_while_i_work(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    page = opened(browser, suggestion)
    kept = browser.post(f"/review/{suggestion}/lease", data={name: field(page, name) for name in ("csrf", "lease")})
    assert 290 < kept.json()["seconds"] <= 300
    lost = browser.post(f"/review/{suggestion}/lease", data={"csrf": field(page, "csrf"), "lease": str(uuid4())})
    assert (lost.status_code, bool(lost.json()["message"])) == (409, True)


def test_an_ended_session_shows_what_was_typed_and_leads_back(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    page = opened(browser, suggestion)
    browser.post("/sign-out", data={"csrf": field(page, "csrf")})
    lost = decide(browser, suggestion, proven(stage, page, decision="approve", comment="a long comment"))
    assert (lost.status_code, "a long comment" in lost.text) == (401, True)
    assert stage.clinician().password not in lost.text
    back = browser.post("/sign-in", data={"login": "dr.a", "password": stage.clinician().password})
    assert back.url.path == f"/review/{suggestion}"


def test_a_forged_form_is_refused(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    answer = browser.post(f"/review/{suggestion}/open", data={"csrf": "forged"})
    assert answer.status_code == 403


def test_an_emergency_release_is_one_press_after_its_reasons_are_open(stage: Stage, browser: httpx.Client) -> None:
    """R17: two actions."""
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    page = opened(browser, suggestion)
    assert re.search(r'<button class="danger" name="reason" value="vital_risk">', page.text)
    browser.post(f"/review/{suggestion}/emergency", data={"csrf": field(page, "csrf"), "reason": "vital_risk"})
    assert eventually(lambda: released(stage, suggestion)).headers["garant-label"] == "emergency-unsigned"


def test_an_emergency_without_reason_is_refused_in_place(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    answer = browser.post(f"/review/{suggestion}/emergency", data={"csrf": field(opened(browser, suggestion), "csrf")})
    assert (answer.status_code, "needs its reason" in answer.text) == (422, True)


def test_a_case_is_put_back_or_given_to_who_may_take_it(stage: Stage, browser: httpx.Client, colleague: httpx.Client) -> None:
    """R7."""
    signed_in(stage, browser)
    signed_in(stage, colleague, "dr.b")
    suggestion, _, _ = held(stage)
    opened(browser, suggestion)
    page = browser.get(f"/review/{suggestion}/hand-over")
    offered = re.findall(r'<option value="([^"]+)"[^>]*>Dr ', page.text)
    assert "dr.b" in offered
    assert not {"dr.a", "nurse"} & set(offered)
    data = {name: field(page, name) for name in ("csrf", "lease")} | {"to": "dr.b", "mode": "ask", "message": "is this a nodule?"}
    browser.post(f"/review/{suggestion}/hand-over", data=data)
    asked = opened(colleague, suggestion)
    assert "is this a nodule?" in asked.text
    reply = {name: field(asked, name) for name in ("csrf", "lease")} | {"opinion": "I think so"}
    colleague.post(f"/review/{suggestion}/opinion", data=reply)
    assert "I think so" in opened(browser, suggestion).text


def test_deferring_returns_the_case_to_the_queue(stage: Stage, browser: httpx.Client) -> None:
    """R7."""
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    page = opened(browser, suggestion)
    queue = browser.post(f"/review/{suggestion}/defer", data={name: field(page, name) for name in ("csrf", "lease")})
    assert queue.url.path == "/queue"
    assert f"/review/{suggestion}/open" in queue.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("task", ["refusing", "judged", "calm", "pair"])
def test_each_kind_of_case_is_whole_in_each_language(stage: Stage, browser: httpx.Client, task: str, language: str) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage, task)
    opened(browser, suggestion)
    page = browser.get(f"/review/{suggestion}?lang={language}")
    assert f'<html lang="{language}"' in page.text
    assert re.findall(r'<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:|src="https?:', page.text) == []
    assert len(re.findall(r"<h1", page.text)) == 1
    ids = re.findall(r'\sid="([^"]+)"', page.text)
    assert sorted(ids) == sorted(set(ids))


def test_active_seconds_of_the_page_reach_the_signature_and_no_page(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage, "calm")
    spent = {"active_raw": "0.004", "active_capped": "0.003", "active_read": "0.002", "active_judge": "0.001", "active_edit": "0"}
    done = decide(browser, suggestion, form(opened(browser, suggestion), decision="approve", **spent))
    assert stage.rows("SELECT read FROM active_times WHERE suggestion_id = $1", suggestion)[0]["read"] == 0.002
    assert "0.004" not in done.text


def test_a_hand_over_without_colleague_is_refused_in_place(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    page = opened(browser, suggestion)
    data = {name: field(page, name) for name in ("csrf", "lease")} | {"message": "please look"}
    again = browser.post(f"/review/{suggestion}/hand-over", data=data)
    assert (again.status_code, "please look" in again.text, '<a href="#to">' in again.text) == (422, True, True)


def test_an_arbiter_sees_both_readings_side_by_side_without_names(stage: Stage, browser: httpx.Client, colleague: httpx.Client) -> None:
    """R12."""
    stage.rows("UPDATE people SET groups = ARRAY['arbiters'] WHERE login = 'nurse'")
    signed_in(stage, browser)
    signed_in(stage, colleague, "dr.b")
    suggestion, _, _ = held(stage, "blind")
    first = proven(stage, opened(browser, suggestion), decision="approve", comment="clear")
    decide(browser, suggestion, first)
    second = proven(stage, opened(colleague, suggestion), "dr.b", decision="reject", reason="other", comment="doubtful")
    decide(colleague, suggestion, second)
    signed_in(stage, browser, "nurse")
    page = opened(browser, suggestion)
    assert [text in page.text for text in ("clear", "doubtful", "Reading A", "Reading B", "Dr dr.a", "Dr dr.b")] == [True] * 4 + [False] * 2


FINDINGS = '{"report": {"findings": [{"name": "nodule"}, {"name": "effusion"}, {"name": "fracture"}]}}'


def test_only_the_findings_that_stay_leave_and_what_goes_is_seen_first(stage: Stage, browser: httpx.Client) -> None:
    """R14."""
    stage.model.scripts["/v1/chat/completions"] = Script(body=chat(FINDINGS))
    signed_in(stage, browser)
    suggestion, _, _ = held(stage, "listed")
    page = opened(browser, suggestion)
    pointers = [unescape(found) for found in re.findall(r'name="finds:([^"]+)"', page.text)]
    labels = re.findall(r'name="finds:[^"]+" value="([^"]+)"', page.text)
    answers = {f"finds:{pointer}": label for pointer, label in zip(pointers, labels, strict=True)}
    answers |= {f"finding:{pointer}": "remove" if n == 1 else "keep" for n, pointer in enumerate(pointers)}
    again = decide(browser, suggestion, proven(stage, page, decision="amend", **answers))
    assert '<a href="#findings">' in again.text
    answers[f"finding_reason:{pointers[1]}"] = "wrong_finding"
    looked = decide(browser, suggestion, proven(stage, again, decision="amend", **answers))
    assert re.search(r"<del>.*?effusion.*?</del>", looked.text, re.DOTALL)
    decide(browser, suggestion, proven(stage, looked, decision="amend", seen=field(looked, "seen"), **answers))
    assert [word in content(eventually(lambda: released(stage, suggestion))) for word in labels] == [True, False, True]


PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def test_an_image_is_shown_to_whoever_has_the_case_open_and_to_nobody_else(
    stage: Stage, browser: httpx.Client, colleague: httpx.Client
) -> None:
    """R10."""
    signed_in(stage, browser)
    signed_in(stage, colleague, "dr.b")
    suggestion, _, _ = held(stage, question=[{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}])
    page = opened(browser, suggestion)
    address = re.search(r'<img src="([^"]+)"', page.text)
    assert address
    image = browser.get(address[1])
    assert (image.headers["content-type"], image.headers["x-content-type-options"]) == ("image/png", "nosniff")
    assert image.content == b64decode(PIXEL)
    assert colleague.get(address[1]).status_code == 404

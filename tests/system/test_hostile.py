"""What an AI or a caller writes stays text in a real browser: no script of theirs runs, nothing is asked of another origin; and little is loaded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fakes.model_server import Script, chat
from tests.system import tour, ward

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.stage import Stage
    from tests.system.visitor import Visit

ATTACK = (
    "</textarea></pre><script>window.harmed=1</script><img src=x onerror='window.harmed=2'><svg onload=window.harmed=3>"
    "<a href='javascript:window.harmed=4'>x</a><style>main{display:none}</style><link rel=stylesheet href=//evil.example/a.css>"
    "<iframe srcdoc='<script>parent.harmed=5</script>'></iframe>{{ 7*7 }}${7*7}\"'><meta http-equiv=refresh content='0;url=//evil.example'>"
)
TURNED = "dose: \u202e001\u202c mg, no\u200bdule, left\u2066\u2069 lung"
WATCH = """
window.broken = [];
document.addEventListener("securitypolicyviolation", (event) => window.broken.push(event.violatedDirective + " " + event.blockedURI));
"""
HOSTILE = {
    "chest": ("/v1/chat/completions", chat(f"{ATTACK} {TURNED}")),
    "sepsis-score": (
        "/v2/models/sepsis/infer",
        json.dumps(
            ward.SEPSIS | {"model_version": ATTACK, "outputs": [{"name": ATTACK, "datatype": "BYTES", "shape": [1], "data": [ATTACK]}]}
        ).encode(),
    ),
    "lesions": (
        "/lesions",
        json.dumps({"summary": ATTACK, "confidence": ATTACK, "report": {"findings": [{"name": ATTACK}, {"name": TURNED}]}}).encode(),
    ),
}
FIRST_LOAD_BYTES = 60 * 1024


def harmed(page: Page) -> tuple[object, list[str], bool]:
    """What the attack set, what the content security policy had to stop, whether the page is still seen."""
    return page.evaluate("window.harmed ?? null"), page.evaluate("window.broken"), page.locator("main").is_visible()


@pytest.mark.parametrize("task", HOSTILE)
def test_hostile_text_of_an_ai_is_text_and_nothing_else(visit: Callable[..., Visit], stage: Stage, task: str) -> None:
    path, body = HOSTILE[task]
    stage.model.scripts[path] = Script(body=body)
    seen = visit()
    seen.context.add_init_script(WATCH)
    page = seen.open_case(ward.call(stage, task, question=ATTACK))
    assert "window.harmed=1" in page.locator(".suggestion").inner_text()
    assert harmed(page) == (None, [], True)
    page.locator("[value=amend]").check()
    page.locator("#edit textarea:not([hidden])").first.fill(f"{ATTACK}!")
    page.locator("#difference ins, #difference del").first.wait_for()
    assert harmed(page) == (None, [], True)


def test_hidden_characters_are_written_out_and_turn_nothing_around(visit: Callable[..., Visit], stage: Stage) -> None:
    stage.model.scripts["/v1/chat/completions"] = Script(body=chat(TURNED))
    said = visit().open_case(ward.call(stage)).locator(".suggestion .said").first
    assert [name in said.inner_text() for name in ("RIGHT-TO-LEFT OVERRIDE", "ZERO WIDTH SPACE")] == [True, True]
    assert not {"\u202e", "\u200b", "\u2066"} & set(said.inner_text())


def test_what_colleagues_write_is_text_too(visit: Callable[..., Visit], stage: Stage) -> None:
    waiting = ward.call(stage, "two")
    stage.clinician("dr.b").decide(waiting.id, "approve", comment=ATTACK)
    stage.clinician("dr.c").decide(waiting.id, "reject", reason="other", comment=ATTACK)
    seen = visit()
    seen.context.add_init_script(WATCH)
    page = seen.open_case(waiting, "dr.s")
    assert page.get_by_text("window.harmed=1").count() == 2
    assert harmed(page) == (None, [], True)


def test_a_script_that_did_get_into_a_page_would_not_run(visit: Callable[..., Visit]) -> None:
    """The control of the tests above: the policy stops what escaping would have let through, and it is noticed."""
    seen = visit()
    seen.context.add_init_script(WATCH)
    seen.page.goto("/")
    seen.page.evaluate("document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.harmed = 1' }))")
    seen.page.wait_for_function("window.broken.length === 1")
    assert seen.page.evaluate("[window.harmed ?? null, ...window.broken]") == [None, "script-src-elem inline"]
    assert any("Content Security Policy" in one for one in seen.complaints)
    seen.complaints.clear()


def test_a_request_to_another_origin_would_be_noticed_and_does_not_get_out(visit: Callable[..., Visit]) -> None:
    """The control of what every visit asserts at its end."""
    seen = visit()
    seen.page.goto("/")
    outcome = seen.page.evaluate("fetch('http://evil.example/').then(() => 'out', () => 'stopped')")
    assert outcome == "stopped"
    assert seen.complaints
    seen.complaints.clear()
    seen.strangers.clear()


@pytest.mark.parametrize("page", ["sign-in", "queue", "case, text", "administration"])
def test_a_first_load_is_small(visit: Callable[..., Visit], stage: Stage, page: str) -> None:
    """At most 60 KB as they come over the line, with nothing in the browser's memory."""
    seen = visit()
    tour.PAGES[page](seen)
    there = seen.page.url
    session = seen.context.new_cdp_session(seen.page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    received: list[int] = []
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    seen.page.goto(there)
    assert len(received) > 2
    assert sum(received) <= FIRST_LOAD_BYTES, received

"""Two people at once, two replicas, and a line that breaks: one decision, told in words, nothing that was typed is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stage import eventually
from tests.system import ward

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.stage import Stage
    from tests.system.visitor import Visit
    from tests.system.ward import Waiting

LAPSED = "UPDATE suggestions SET leased_until = now() - interval '1 second' WHERE id = $1::uuid"
SIGNED = "SELECT count(*) AS n FROM signatures WHERE suggestion_id = $1::uuid"
THOUGHTS = "Half a page of thoughts about this lung."


def filled(page: Page, password: str) -> Page:
    """Everything but the last press."""
    page.locator("[value=approve]").check()
    page.locator("#comment").fill(THOUGHTS)
    if page.locator("#proof").count():
        page.locator("#proof").fill(password)
    return page


def second_replica(stage: Stage) -> int:
    if len(stage.replicas) == 1:
        stage.add_replica()
    return 1


def signatures(stage: Stage, waiting: Waiting) -> int:
    return int(stage.rows(SIGNED, waiting.id)[0]["n"])


def test_of_two_who_sign_at_once_one_decides_and_the_other_reads_why(visit: Callable[..., Visit], stage: Stage) -> None:
    waiting = ward.call(stage, "brisk")
    first, second = visit(), visit()
    pages = [filled(first.open_case(waiting), "")]
    stage.rows(LAPSED, waiting.id)
    pages.append(filled(second.open_case(waiting, "dr.b"), ""))
    for page in pages:
        page.locator(".sign").click(no_wait_after=True)
    pages[1].wait_for_url("**/queue?after=*")
    pages[0].locator("#errors").wait_for()
    assert (signatures(stage, waiting), waiting.answer().status_code) == (1, 200)
    assert pages[0].locator("#errors").inner_text() != ""
    assert THOUGHTS in pages[0].locator("textarea").first.input_value()


def test_of_two_who_ask_for_the_next_case_one_gets_it(visit: Callable[..., Visit], stage: Stage) -> None:
    waiting = ward.call(stage)
    pages = [visit().come(), visit().come("dr.b")]
    for page in pages:
        page.get_by_role("button", name="Open the next").click(no_wait_after=True)
    for page in pages:
        page.wait_for_url(lambda url: "/review/" in url or "free=none" in url)
    assert sorted(page.url.split("?")[0].rpartition("/")[2] for page in pages) == sorted([waiting.id, "queue"])
    told = next(page for page in pages if "free=none" in page.url)
    assert told.get_by_text("No case is free").is_visible()


def test_a_queue_that_is_open_follows_what_happens_on_another_replica(visit: Callable[..., Visit], stage: Stage) -> None:
    seen = visit(replica=second_replica(stage))
    page = seen.come()
    page.locator("[data-live=on]").wait_for()
    waiting = ward.call(stage)
    row = page.get_by_role("row", name="Chest X-ray")
    row.wait_for()
    stage.api(stage.clinician("dr.b"), "POST", f"/suggestions/{waiting.id}/open", {})
    row.get_by_text("open for Dr dr.b").wait_for()
    stage.clinician("dr.b").decide(waiting.id, "approve")
    row.wait_for(state="detached")
    assert page.title().startswith("0 ")


def test_nothing_moves_under_a_hand_that_is_about_to_press(visit: Callable[..., Visit], stage: Stage) -> None:
    first = ward.call(stage, "lesions")
    page = visit().come()
    page.locator("[data-live=on]").wait_for()
    page.locator(f"form[action='/review/{first.id}/open'] button").hover()
    ward.call(stage, "sepsis-score")
    page.locator("#changed").wait_for()
    assert page.get_by_role("row", name="Sepsis score").count() == 0
    page.locator("#changed").click()
    page.get_by_role("row", name="Sepsis score").wait_for()


def test_without_a_network_nothing_is_sent_and_the_person_is_told(visit: Callable[..., Visit], stage: Stage) -> None:
    seen, waiting = visit(), ward.call(stage)
    page = filled(seen.open_case(waiting), seen.password())
    seen.cut = True
    seen.context.set_offline(True)
    page.locator(".sign").click()
    assert page.get_by_text("No network: nothing was sent.").is_visible()
    assert page.locator("#comment").input_value() == THOUGHTS
    seen.context.set_offline(False)
    page.locator(".sign").click()
    page.wait_for_url("**/queue?after=*")
    assert waiting.answer().status_code == 200


def test_a_connection_that_breaks_while_deciding_loses_no_word(visit: Callable[..., Visit], stage: Stage) -> None:
    seen, waiting = visit(), ward.call(stage)
    page = filled(seen.open_case(waiting), seen.password())
    seen.cut = True
    page.route("**/decision", lambda route: route.abort("connectionreset"))
    page.locator(".sign").click()
    page.wait_for_url("chrome-error://**")
    page.unroute("**/decision")
    page.goto(f"/review/{waiting.id}")
    assert page.get_by_text("Your unsent text was found").is_visible()
    assert page.locator("#comment").input_value() == THOUGHTS
    assert (page.locator("#proof").input_value(), signatures(stage, waiting)) == ("", 0)


def test_a_queue_whose_line_is_cut_says_so_and_comes_back(visit: Callable[..., Visit], stage: Stage) -> None:
    seen, broken = visit(), {"is": True}
    seen.cut = True
    seen.page.route("**/queue/events", lambda route: route.abort() if broken["is"] else route.continue_())
    page = seen.come()
    page.locator("[data-live=off]").wait_for()
    broken["is"] = False
    page.locator("[data-live=on]").wait_for()
    assert not page.locator("[data-live=off]").is_visible()


def test_who_is_idle_is_told_before_the_case_becomes_free_and_keeps_it_with_one_press(visit: Callable[..., Visit], stage: Stage) -> None:
    seen, waiting = visit(), ward.call(stage)
    seen.page.clock.install()
    page = seen.open_case(waiting)
    stage.rows("UPDATE suggestions SET leased_until = now() + interval '40 seconds' WHERE id = $1::uuid", waiting.id)
    page.clock.fast_forward(265_000)
    page.get_by_text("Less than a minute before the case becomes free").wait_for()
    page.get_by_role("button", name="Keep the case").click()
    page.get_by_text("Less than a minute").wait_for(state="hidden")
    left = "SELECT extract(epoch FROM leased_until - now()) AS left FROM suggestions WHERE id = $1::uuid"
    assert stage.rows(left, waiting.id)[0]["left"] > 200


def test_whose_case_a_colleague_has_opened_meanwhile_is_told_while_still_writing(visit: Callable[..., Visit], stage: Stage) -> None:
    seen, waiting = visit(), ward.call(stage)
    seen.page.clock.install()
    page = seen.open_case(waiting)
    stage.rows(LAPSED, waiting.id)
    stage.api(stage.clinician("dr.b"), "POST", f"/suggestions/{waiting.id}/open", {})
    page.locator("#comment").fill(THOUGHTS)
    page.clock.fast_forward(200_000)
    page.locator("#comment").press("End")
    page.clock.fast_forward(11_000)
    page.locator("#lease-lost").wait_for()
    assert page.locator("#lease-lost").inner_text().strip() != ""
    assert page.locator("#comment").input_value() == THOUGHTS


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_lease_that_ran_out_and_was_taken_by_nobody_costs_one_more_press(
    visit: Callable[..., Visit], stage: Stage, language: str
) -> None:
    seen, waiting = visit(language), ward.call(stage)
    page = filled(seen.open_case(waiting), seen.password())
    stage.rows(LAPSED, waiting.id)
    page.locator(".sign").click()
    page.locator("#errors").wait_for()
    assert (page.locator("#comment").input_value(), signatures(stage, waiting)) == (THOUGHTS, 0)
    seen.armed()
    page.locator("#proof").fill(seen.password())
    page.locator(".sign").click()
    page.wait_for_url("**/queue?after=*")
    eventually(lambda: signatures(stage, waiting) == 1)

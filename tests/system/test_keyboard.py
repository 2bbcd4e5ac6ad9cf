"""The whole path by keyboard alone, on a screen of 1366 × 768, without scrolling."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.system import ward
from tests.system.visitor import SCREEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.stage import Stage
    from tests.system.visitor import Visit

DUE = "SELECT due_at, next_clock_at FROM suggestions WHERE id = $1::uuid"
STATE = "SELECT state, code FROM suggestions WHERE id = $1::uuid"
MUST_BE_SEEN = (
    ".strip h1",
    ".strip dd",
    ".panels-input h2",
    ".suggestion .said",
    "[value=approve]",
    "[value=amend]",
    "[value=reject]",
    ".sign",
)


@dataclass
class Keys:
    """A keyboard that counts: letters and other keys one by one, what is typed into a field as one."""

    page: Page
    pressed: list[str] = field(default_factory=list)

    def press(self, *keys: str) -> Keys:
        """Press one key after the other."""
        for key in keys:
            self.pressed.append(key)
            self.page.keyboard.press(key)
        return self

    def type(self, text: str) -> Keys:
        """Type into what has the focus."""
        self.page.keyboard.type(text)
        return self

    def tab_to(self, selector: str) -> Keys:
        """Tab until something has the focus; nothing may be out of reach."""
        for _ in range(60):
            self.press("Tab")
            if self.page.locator(selector).evaluate("one => one === document.activeElement"):
                return self
        message = f"{selector} cannot be reached with Tab"
        raise AssertionError(message)


def state(stage: Stage, suggestion: str) -> tuple[str, str | None]:
    row = stage.rows(STATE, suggestion)[0]
    return row["state"], row["code"]


def letter(page: Page, selector: str) -> str:
    return str(page.locator(selector).get_attribute("data-key"))


def in_sight(page: Page, selector: str) -> bool:
    box = page.locator(selector).first.bounding_box()
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= SCREEN["height"] and box["x"] + box["width"] <= SCREEN["width"]


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.name || document.activeElement.id || document.activeElement.textContent.trim()"))


def test_a_routine_approval_is_two_keystrokes_and_the_proof_and_the_next_case_is_there(visit: Callable[..., Visit], stage: Stage) -> None:
    seen = visit()
    first, second = ward.call(stage), ward.call(stage)
    page = seen.open_case(first)
    keys = Keys(page).press("a", "s")
    assert focused(page) == "proof"
    assert keys.pressed == ["a", "s"]
    keys.type(seen.password())
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/review/{second.id}?after={first.id}")
    assert first.answer().json()["choices"][0]["message"]["content"] == ward.REPORT


def test_where_the_last_proof_is_fresh_a_routine_approval_is_two_keystrokes(visit: Callable[..., Visit], stage: Stage) -> None:
    first, second = ward.call(stage, "brisk"), ward.call(stage, "brisk")
    page = visit().open_case(first)
    keys = Keys(page).press("a", "s")
    page.wait_for_url(f"**/review/{second.id}?after={first.id}")
    assert len(keys.pressed) == 2
    assert first.answer().status_code == 200


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_routine_case_needs_no_scrolling(visit: Callable[..., Visit], stage: Stage, language: str) -> None:
    page = visit(language).open_case(ward.call(stage))
    assert [selector for selector in MUST_BE_SEEN if not in_sight(page, selector)] == []
    Keys(page).press("r")
    assert [selector for selector in (*MUST_BE_SEEN, "[name=reason]") if not in_sight(page, selector)] == []
    assert page.evaluate("[scrollX, scrollY]") == [0, 0]


def test_the_next_case_is_opened_from_the_queue_by_one_key(visit: Callable[..., Visit], stage: Stage) -> None:
    waiting = ward.call(stage)
    page = visit().come()
    Keys(page).press("n")
    page.wait_for_url(f"**/review/{waiting.id}**")


def test_a_rejection_with_its_coded_reason_is_three_keystrokes(visit: Callable[..., Visit], stage: Stage) -> None:
    """R8: at most three, and the reason is one of them."""
    waiting = ward.call(stage, "brisk")
    page = visit().open_case(waiting)
    keys = Keys(page).press("r", letter(page, "[name=reason][value=missed_finding]"), "s")
    page.wait_for_url("**/queue?after=*")
    assert (state(stage, waiting.id), len(keys.pressed)) == (("rejected", "missed_finding"), 3)


def test_a_case_is_amended_and_commented_by_keys_with_the_difference_seen_first(visit: Callable[..., Visit], stage: Stage) -> None:
    waiting = ward.call(stage, "brisk")
    page = visit().open_case(waiting)
    keys = Keys(page).press("m")
    assert focused(page) == "text:/choices/0/message/content"
    keys.press("Control+a").type("Consolidation of the right lower lobe.")
    page.locator("#difference ins", has_text="right").wait_for()
    other = "[name=change_kind][value=decision]"
    keys.tab_to("[name=change_kind][value=wording]").press(letter(page, other))
    assert page.locator(other).is_checked()
    keys.press("i").type("seen with Dr B").press("Shift+Tab", "s")
    page.wait_for_url("**/queue?after=*")
    assert waiting.answer().json()["choices"][0]["message"]["content"] == "Consolidation of the right lower lobe."


def test_a_case_is_put_back_by_one_key(visit: Callable[..., Visit], stage: Stage) -> None:
    """R7: never forced to decide."""
    waiting = ward.call(stage)
    page = visit().open_case(waiting)
    Keys(page).press("d")
    page.wait_for_url("**/queue?**")
    assert state(stage, waiting.id)[0] == "held"
    assert page.get_by_role("row", name="Chest X-ray").get_by_role("button", name="Open").is_visible()


def test_a_case_is_handed_to_a_colleague_by_keys(visit: Callable[..., Visit], stage: Stage) -> None:
    """R7: and its clock goes with it."""
    waiting = ward.call(stage)
    due = stage.rows(DUE, waiting.id)
    page = visit().open_case(waiting)
    keys = Keys(page).press("t")
    page.wait_for_url("**/hand-over")
    keys.press(letter(page, "#to")).type("Dr dr.b")
    keys.tab_to("[name=mode][value=give]").press("Space", "t")
    page.wait_for_url("**/queue?how=give&passed=**")
    assert page.get_by_role("row", name="Chest X-ray").get_by_text("Dr dr.b").is_visible()
    assert stage.rows(DUE, waiting.id) == due


def test_a_signature_is_taken_back_by_one_key(visit: Callable[..., Visit], stage: Stage) -> None:
    waiting = ward.call(stage, "calm")
    page = visit().open_case(waiting)
    keys = Keys(page).press("a", "s")
    page.wait_for_url("**/queue?after=*")
    assert state(stage, waiting.id)[0] == "signed"
    keys.press("z")
    page.wait_for_url(f"**/review/{waiting.id}")
    assert (state(stage, waiting.id)[0], waiting.answers) == ("held", [])


def test_an_emergency_release_is_two_keystrokes(visit: Callable[..., Visit], stage: Stage) -> None:
    """R17: at most two actions."""
    waiting = ward.call(stage)
    page = visit().open_case(waiting)
    keys = Keys(page).press("u")
    page.wait_for_function("document.activeElement.name === 'reason'")
    keys.press("Enter")
    assert waiting.answer().headers["garant-label"] == "emergency-unsigned"
    assert len(keys.pressed) == 2


def test_the_own_judgement_comes_first_by_keys(visit: Callable[..., Visit], stage: Stage) -> None:
    """R13."""
    waiting = ward.call(stage, "breast")
    seen = visit()
    page = seen.open_case(waiting)
    letters = [letter(page, one) for one in ("[name=answer] >> nth=1", "[name=confidence][value='70']")]
    assert ward.REPORT[:30] not in page.content()
    keys = Keys(page).press(*letters, "s")
    page.locator(".suggestion").wait_for()
    seen.armed()
    assert "BI-RADS 3 (70 %)" in page.locator("#decide").inner_text()
    keys.press("k", "a", "s").type(seen.password())
    page.keyboard.press("Enter")
    page.wait_for_url("**/queue?after=*")
    assert waiting.answer().status_code == 200


def test_a_key_pressed_before_the_guard_is_over_decides_nothing(visit: Callable[..., Visit], stage: Stage) -> None:
    """R47: a short guard against a press meant for the last case, never a stopwatch of reading."""
    seen = visit()
    waiting = ward.call(stage, "slow")
    page = seen.come()
    Keys(page).press("n")
    page.locator(".case.arming").wait_for()
    Keys(page).press("a", "s", "d")
    assert (page.locator("[value=approve]").is_checked(), page.url.endswith(waiting.id)) == (False, True)
    assert page.get_by_text("double-press guard").is_visible()
    seen.armed()
    Keys(page).press("a")
    assert page.locator("[value=approve]").is_checked()


def test_keys_can_be_switched_off_and_everything_is_still_reached_with_tab(visit: Callable[..., Visit], stage: Stage) -> None:
    """WCAG 2.1.4."""
    waiting = ward.call(stage, "brisk")
    seen = visit()
    page = seen.come(path="/preferences")
    page.get_by_label("Use the keys").uncheck()
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/preferences?saved=yes")
    seen.open_case(waiting)
    keys = Keys(page).press("a", "m", "r", "s")
    assert (page.locator("[name=decision]:checked").count(), page.locator("kbd").count()) == (0, 0)
    keys.tab_to("[name=decision][value=approve]").press("Space").tab_to(".sign").press("Enter")
    page.wait_for_url("**/queue?after=*")


def test_a_key_can_be_another_one(visit: Callable[..., Visit], stage: Stage) -> None:
    """WCAG 2.1.4."""
    waiting = ward.call(stage, "brisk")
    seen = visit()
    page = seen.come(path="/preferences")
    page.locator("#key-approve").fill("o")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/preferences?saved=yes")
    seen.open_case(waiting)
    Keys(page).press("a")
    assert page.locator("[name=decision]:checked").count() == 0
    Keys(page).press("o", "s")
    page.wait_for_url("**/queue?after=*")


def test_a_colleague_at_the_same_computer_has_their_own_keys_and_theme(visit: Callable[..., Visit], stage: Stage) -> None:
    """What one person changed presses nothing for the next one; they find it again elsewhere."""
    waiting, seen = ward.call(stage, "brisk"), visit()
    page = seen.come(path="/preferences")
    page.locator("#key-approve").fill("o")
    page.locator("[name=theme][value=room]").check()
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/preferences?saved=yes")
    seen.open_case(waiting, "dr.b")
    assert page.locator("html").get_attribute("data-theme") == "room", "the browser's theme until dr.b has chosen one"
    Keys(page).press("o")
    assert page.locator("[name=decision]:checked").count() == 0
    Keys(page).press("a")
    assert page.locator("[value=approve]").is_checked()
    elsewhere = visit().come(path="/preferences")
    assert elsewhere.locator("#key-approve").input_value() == "O"


def test_a_letter_that_is_typed_presses_nothing(visit: Callable[..., Visit], stage: Stage) -> None:
    page = visit().open_case(ward.call(stage))
    Keys(page).press("i").type("a mass, rather small; defer?")
    assert page.locator("#comment").input_value() == "a mass, rather small; defer?"
    Keys(page).press("Control+s", "Alt+d")
    assert (page.locator("[name=decision]:checked").count(), page.locator(".case").count()) == (0, 1)

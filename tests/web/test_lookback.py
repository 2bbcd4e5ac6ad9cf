"""Looking back at an AI system (R20): every case it touched, ticked off until each was contacted; the log holds it all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest

from tests.web.browsing import field, signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stage import Stage


@pytest.fixture(scope="module")
def quality(shared: Stage) -> Iterator[httpx.Client]:
    for _ in range(3):
        shared.chat("letter")
    shared.chat("refusing")
    with httpx.Client(base_url=shared.base, follow_redirects=True, headers={"accept-language": "en"}, timeout=20) as client:
        signed_in(shared, client, "quality")
        yield client


def begun(browser: httpx.Client, **asked: str) -> httpx.Response:
    csrf = field(browser.get("/log", params={"system": "reader"}), "csrf")
    return browser.post("/log/lookback", data={"csrf": csrf, "system": "reader", **asked})


def cases(stage: Stage) -> set[str]:
    return {entry["case"] for entry in stage.entries("received") if entry.get("detail", {}).get("system") == "reader"}


def test_every_case_is_listed_and_ticked_off_until_none_is_left(stage: Stage, quality: httpx.Client) -> None:
    page, there = begun(quality), cases(stage)
    listed = re.findall(r'href="/log/case/([0-9a-f-]{36})"', page.text)
    assert (set(listed), f"{len(there)} of {len(there)} case(s)" in page.text) == (there, True)
    for left, case in enumerate(reversed(listed)):
        page = quality.post(f"{page.url.path}/{case}", data={"csrf": field(page, "csrf")})
        assert page.status_code == 200
        assert left == len(listed) - 1 or f"{len(listed) - left - 1} of" in page.text
    assert f"All {len(there)} case(s) have been contacted" in page.text
    assert {entry["case"] for entry in stage.entries("patient_informed")} == there
    assert stage.verified().ok


def test_another_period_or_version_has_no_cases(quality: httpx.Client) -> None:
    for asked in ({"until": "2020-01-01"}, {"version": "never"}):
        assert "All 0 case(s)" in begun(quality, **asked).text


def test_a_case_is_ticked_off_once_and_only_if_it_belongs(stage: Stage, quality: httpx.Client) -> None:
    stage.chat("letter")
    page = begun(quality)
    path, csrf, case = page.url.path, field(page, "csrf"), next(iter(cases(stage)))
    assert [quality.post(f"{path}/{one}", data={"csrf": csrf}).status_code for one in (case, case, uuid4())] == [200, 409, 409]
    assert quality.get(f"/log/lookback/{uuid4()}").status_code == 404


def test_only_who_reads_log_and_cases_looks_back(stage: Stage, browser: httpx.Client, quality: httpx.Client) -> None:
    path = begun(quality).url.path
    signed_in(stage, browser, "dr.a")
    assert browser.get(path).status_code == 403

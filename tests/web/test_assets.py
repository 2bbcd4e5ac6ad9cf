"""Style and scripts: small, our own, kept by browsers under an address that changes with their content."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.web.assets import address, assets, digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stage import Stage

SCRIPTS = sorted(name for name in assets() if name.endswith(".js"))


@pytest.fixture
def browser(stage: Stage) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stage.base, timeout=20) as client:
        yield client


def test_an_address_names_the_content_and_may_be_kept_for_a_year(browser: httpx.Client) -> None:
    answer = browser.get(address("garant.css"))
    assert digest() in address("garant.css")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == assets()["garant.css"].data


def test_an_old_address_gets_todays_file_and_is_not_kept(browser: httpx.Client) -> None:
    answer = browser.get("/static/0123456789abcdef/garant.css")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


def test_an_unchanged_file_is_not_sent_twice(browser: httpx.Client) -> None:
    first = browser.get("/static/page.js")
    again = browser.get("/static/page.js", headers={"if-none-match": first.headers["etag"]})
    assert (first.headers["content-type"], again.status_code, again.content) == ("text/javascript; charset=utf-8", 304, b"")


@pytest.mark.parametrize("name", ["nothing.css", "..%2Frendering.py", "garant.py", ".css"])
def test_nothing_else_is_served(browser: httpx.Client, name: str) -> None:
    assert browser.get(f"/static/{name}").status_code == 404


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_small_asks_nobody_else_and_evaluates_nothing(name: str) -> None:
    text = assets()[name].data.decode()
    assert len(text) < 6_000
    assert re.findall(r"https?://|\beval\(|new Function|document\.write|localStorage|setTimeout\(\s*[\"'`]", text) == []
    assert [found for found in re.findall(r'from "([^"]+)"', text) if found.removeprefix("./") not in assets()] == []


def test_everything_together_is_far_below_the_budget() -> None:
    assert len(gzip.compress(b"".join(asset.data for asset in assets().values()))) < 30_000

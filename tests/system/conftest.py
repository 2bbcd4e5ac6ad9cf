"""A real browser before a real gateway: Chromium, in both languages and themes, with and without script."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

from tests.fakes.model_server import DEFAULTS
from tests.stage import Stage, built
from tests.system import ward
from tests.system.visitor import Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

# The sandbox needs rights that containers do not give; the other switches keep the browser from calling home.
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
]


def chromium() -> str:
    """Where the browser is. Raises AssertionError with what to install."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    assert found, "Chromium is missing: install Debian's package chromium, or name a browser: CHROMIUM=/path/to/it"
    return found


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all these tests; its loop must be gone before the tests of other rooms run theirs."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=SWITCHES)
        yield started
        started.close()


@pytest.fixture(scope="package")
def shared(postgres_server: str) -> Iterator[Stage]:
    """One gateway for all these tests, with the ward's AI systems and tasks."""
    for stage in built(postgres_server, extra=ward.configuration()):
        stage.rows("UPDATE people SET name = 'Dr Anne Morel' WHERE login = 'dr.a'")
        yield stage


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    """The gateway with nothing waiting."""
    shared.model.scripts = DEFAULTS | ward.scripts()
    shared.model.seen.clear()
    yield shared
    shared.rows(ward.CLEARED)
    shared.rows("DELETE FROM person_preferences")


@pytest.fixture
def visit(browser: Browser, stage: Stage) -> Iterator[Callable[..., Visit]]:
    """Opens visits: `visit(language="fr", theme="light", script=True)`; every request and console message is watched."""
    opened: list[Visit] = []

    def open_(language: str = "en", theme: str = "light", *, script: bool = True, replica: int = 0) -> Visit:
        one = Visit.begin(browser, stage, language, theme, script=script, base=stage.replicas[replica].base)
        opened.append(one)
        return one

    yield open_
    for one in opened:
        one.end()

"""Hospital IT's page says in French what `garant check` found and what is wrong with the log; in English to whoever reads English."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stage import Stage

TOLD = {
    "fr": ("pas de système d'IA « reder »", "nommez l'un de :", "variable d'environnement GARANT_PUBLIC_URL"),
    "en": ("no AI system 'reder'", "name one of:", "environment variable GARANT_PUBLIC_URL"),
}


@pytest.fixture
def broken(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The file on disk has mistakes; what runs has none."""
    path = stage.settings.keys_directory.parent / "garant.toml"
    sound = path.read_text(encoding="utf-8")
    path.write_text(sound.replace('system = "reader"', 'system = "reder"', 1), encoding="utf-8")
    monkeypatch.setenv("GARANT_PUBLIC_URL", "no address")
    yield
    path.write_text(sound, encoding="utf-8")


def page(stage: Stage, language: str) -> str:
    cookies, headers = {"garant_session": stage.clinician("it").token}, {"accept-language": language}
    return unescape(httpx.get(f"{stage.base}/administration", cookies=cookies, headers=headers, timeout=20).text)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.usefixtures("broken")
def test_what_garant_check_says_is_in_the_reader_s_language(stage: Stage, language: str) -> None:
    shown, other = page(stage, language), TOLD["en" if language == "fr" else "fr"]
    assert [sentence for sentence in TOLD[language] if sentence not in shown] == []
    assert [sentence for sentence in other if sentence in shown] == []


@pytest.mark.usefixtures("broken")
def test_over_the_api_both_languages_are_there(stage: Stage) -> None:
    findings = stage.api(stage.clinician("it"), "GET", "/status").json()["configuration"]["findings"]
    assert ("no AI system 'reder'", "pas de système d'IA « reder »") in [(one["cause"], one["cause_fr"]) for one in findings]


def test_a_damaged_log_is_told_in_french_with_what_was_found(stage: Stage) -> None:
    app: Any = stage.replicas[0].app
    app.parts.writer.damaged = "The log's head does not match its signed checkpoint."
    try:
        shown = page(stage, "fr")
    finally:
        app.parts.writer.damaged = None
    assert "n'est plus celui qui a été signé" in shown
    assert '<span lang="en">(The log\'s head does not match' in shown

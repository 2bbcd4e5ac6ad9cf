"""The macros write what a page shows: escaped, isolated, with words for those who do not see colours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.display import difference
from gateway.display.parts import sent, suggestion
from gateway.web.texts import words

if TYPE_CHECKING:
    from gateway.display.models import Part
    from gateway.messages import JsonValue

HOSTILE = '<script>alert("1")</script>'
PAGES = Environment(loader=PackageLoader("gateway.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def rendered(parts: tuple[Part, ...], language: str = "fr") -> str:
    source = '{% from "parts.html" import part %}{% for one in parts %}{{ part(one, t, "/media/") }}{% endfor %}'
    return PAGES.from_string(source).render(parts=parts, t=words(language))


def view(said: str, asked: str = "", language: str = "fr") -> str:
    request = sent("openai", json.dumps({"messages": [{"role": "user", "content": asked}]}).encode(), language)
    fields: list[JsonValue] = [{"kind": "text", "label": "content", "pointer": "/choices/0/message/content", "value": said}]
    return rendered(request.parts, language) + rendered(suggestion({"fields": fields}, request, language), language)


def test_text_of_an_ai_is_escaped() -> None:
    page = view(HOSTILE, HOSTILE)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 2


def test_a_mark_without_source_says_so_in_words() -> None:
    """R9."""
    assert "(valeur, sans source)" in view("5 mg")


def test_a_mark_with_a_source_links_to_an_id_on_the_page() -> None:
    """R9."""
    page = view("ramipril 5 mg", "ramipril 5 mg")
    assert 'href="#source-2"' in page
    assert 'id="source-2"' in page


def test_a_hidden_character_is_written_out_and_never_sent() -> None:
    page = view("dose \u202e5 mg\u200b", language="en")
    assert "U+202E RIGHT-TO-LEFT OVERRIDE" in page
    assert not set("\u202e\u200b") & set(page)


def test_a_difference_has_words_for_what_went_and_what_came() -> None:
    source = '{% from "parts.html" import difference %}{{ difference(changes, t) }}'
    page = PAGES.from_string(source).render(changes=difference.words("5 mg <b>", "50 mg <b>"), t=words("en"))
    assert '<del><span class="unseen">removed </span>' in page
    assert '<ins><span class="unseen">added </span>' in page
    assert "&lt;" in page

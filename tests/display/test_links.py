"""Links to the viewers: only where the configuration says, filled from the patient's values, encoded."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.display.links import Link, faults, viewer_links
from gateway.settings import Route, ViewerLink

BASE = "https://pacs.example.org"


def route(url: str) -> Route:
    link = ViewerLink(label={"fr": "Images", "en": "Pictures"}, url=url)
    return Route(system="s", task="t", patient_pointers={"ipp": "/ipp", "name": "/name"}, links=(link,))


def test_a_link_is_filled_and_encoded() -> None:
    (link,) = viewer_links(route(f"{BASE}/view?id={{ipp}}&n={{name}}"), {"ipp": "12 3/4", "name": "Éa&x=1#y"}, "en")
    assert link == Link("Pictures", f"{BASE}/view?id=12%203%2F4&n=%C3%89a%26x%3D1%23y")


@pytest.mark.parametrize("value", ["", "  ", ".", ".."])
def test_a_value_that_is_missing_or_would_change_the_address_is_told(value: str) -> None:
    assert viewer_links(route(f"{BASE}/{{ipp}}/view"), {"ipp": value}) == (Link("Images", "", ("ipp",)),)


@given(some.text(min_size=1).filter(lambda text: text.strip() not in {"", ".", ".."}))
def test_no_value_reaches_beyond_its_place(value: str) -> None:
    (link,) = viewer_links(route(f"{BASE}/view?id={{ipp}}&fixed=1"), {"ipp": value})
    parts = urlsplit(link.url)
    assert (f"{parts.scheme}://{parts.netloc}{parts.path}", parts.fragment, list(parse_qs(parts.query))) == (
        f"{BASE}/view",
        "",
        ["id", "fixed"],
    )


FAULTY = [
    ("javascript:alert(1)", "is no web address"),
    ("ftp://pacs.example.org/{ipp}", "is no web address"),
    ("//pacs.example.org/{ipp}", "is no web address"),
    ("https:///x", "is no web address"),
    ("https://u:p@pacs.example.org", "is no web address"),
    ("https://pacs.example.org/a b", "is no web address"),
    ("https://{ipp}.example.org/", "the host of a link is fixed"),
    (f"{BASE}/{{ippp}}", "no patient_pointers entry 'ippp'"),
    (f"{BASE}/{{}}", "no patient_pointers entry ''"),
    (f"{BASE}/{{ipp", "a brace"),
]


@pytest.mark.parametrize(("url", "cause"), FAULTY)
def test_a_faulty_link_is_found_before_the_start(url: str, cause: str) -> None:
    assert [found for found, fix in faults(url, ("ipp",)) if cause in found and fix]


@pytest.mark.parametrize("url", [f"{BASE}/{{ipp}}", "http://127.0.0.1:8042/ui?x={ipp}#{ipp}", BASE])
def test_a_good_link_has_no_fault(url: str) -> None:
    assert list(faults(url, ("ipp",))) == []

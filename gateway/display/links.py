"""Links to the viewers of a hospital (EHR, PACS), filled from what the call says of the patient.

Promises: only http and https, the host is the configuration's and nobody else's, every value is percent-encoded; a link
whose value is missing or would change the address is told as missing, not built.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.settings import Route

_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_SCHEMES: Final = frozenset({"http", "https"})
_STEPS: Final = frozenset({"", ".", ".."})


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it is shown; `url` is "" where `missing` names what the call did not say or said unusably."""

    label: str
    url: str
    missing: tuple[str, ...] = ()


def viewer_links(route: Route, patient: Mapping[str, str], language: str = "fr") -> tuple[Link, ...]:
    """The route's links for a patient, in the order of the configuration, labelled in a language."""
    return tuple(_filled(link.label.get(language) or next(iter(link.label.values())), link.url, patient) for link in route.links)


def faults(url: str, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """What is wrong with a link's address, as cause and fix; `names` are the placeholders that can be filled."""
    if not _is_web(url):
        yield f"'{url}' is no web address", "write it like https://pacs.example.org/viewer?patient={name}, with http or https"
    elif _PLACEHOLDER.search(_origin(url)):
        yield "the host of a link is fixed, a placeholder may stand in its path and query alone", "write the viewer's host"
    known = sorted(names)
    for name in sorted(set(_PLACEHOLDER.findall(url)) - set(known)):
        yield f"no patient_pointers entry '{name}' fills this link", f"use one of: {', '.join(known) or '(none)'}, or add the pointer"
    if re.search(r"[{}]", _PLACEHOLDER.sub("", url)):
        yield "a brace of this link is not closed", "write placeholders like {name}"


def _filled(label: str, url: str, patient: Mapping[str, str]) -> Link:
    missing = tuple(name for name in dict.fromkeys(_PLACEHOLDER.findall(url)) if patient.get(name, "").strip() in _STEPS)
    if missing or not _is_web(url):
        return Link(label, "", missing)
    filled = _PLACEHOLDER.sub(lambda found: quote(patient[found[1]].strip(), safe="", errors="replace"), url)
    return Link(label, filled) if _origin(filled) == _origin(url) else Link(label, "")


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    plain = url.isprintable() and not any(char in url for char in ' \\"<>') and not parts.username and not parts.password
    return plain and parts.scheme in _SCHEMES and bool(parts.hostname)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

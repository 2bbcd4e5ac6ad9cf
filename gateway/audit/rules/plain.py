"""A quick reading of entries in the form in which gateways write them: one regular expression in place of reading JSON and writing it again.

Whatever `plain` accepts, `entries.parse` accepts with the same members; whatever it does not know (text outside ASCII, escapes, other names)
it leaves to that, so it decides nothing by itself.
"""

from __future__ import annotations

import re
from functools import lru_cache
from sys import intern
from typing import TYPE_CHECKING, Final

from gateway.audit.export import MAX_LEAF_BYTES
from gateway.audit.rules.entries import TYPES

if TYPE_CHECKING:
    from gateway.audit.rules.entries import Entry

_TEXT: Final = r"[ !#-\[\]-~]"  # printable ASCII but for quotation mark and backslash: what JSON writes as it is
_NAME: Final = r'"[a-z0-9_]++"'
_TEXTS: Final = rf'\{{{_NAME}:"{_TEXT}*+"(?:,{_NAME}:"{_TEXT}*+")*+\}}'
_DIGESTS: Final = rf'\{{{_NAME}:"[0-9a-f]{{64}}"(?:,{_NAME}:"[0-9a-f]{{64}}")*+\}}'
_TIME: Final = r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](?:\.[0-9]{1,9}+)?Z"
_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ENTRY: Final = re.compile(
    rf'\{{"actor":"({_TEXT}++)","at":"{_TIME}"(?:,"auth":({_TEXTS}))?+(?:,"case":"({_TEXT}*+)")?+(?:,"commitments":({_DIGESTS}))?+'
    rf'(?:,"decision":"({_TEXT}*+)")?+(?:,"detail":({_TEXTS}))?+,"id":"({_UUID})"(?:,"model":({_TEXTS}))?+(?:,"policy":"({_TEXT}*+)")?+'
    rf'(?:,"prev":(0|[1-9][0-9]{{0,14}}+))?+,"role":"({_TEXT}++)"(?:,"suggestion":"({_TEXT}*+)")?+(?:,"task":"({_TEXT}*+)")?+'
    r',"type":"([a-z_]++)","v":1\}'
).fullmatch
_MEMBERS: Final = re.compile(r'"([a-z0-9_]++)":"([^"]*+)"').findall
_ORDERED: Final[set[tuple[str, ...]]] = set()  # names that were found to be in order before: a log has few
_MOST_NAMES: Final = 4096


def plain(leaf: bytes) -> Entry | None:
    """The members of a leaf that rules read (not `v`, `at`, `model`); None where it is not in the plain form, sound or not."""
    if len(leaf) > MAX_LEAF_BYTES or not leaf.isascii() or (found := _ENTRY(leaf.decode())) is None:
        return None
    actor, auth, case, commitments, decision, detail, identity, model, policy, prev, role, suggestion, task, kind = found.groups()
    if kind not in TYPES or (model is not None and _shared(model) is None):
        return None
    entry: Entry = {"id": identity, "type": intern(kind), "actor": intern(actor), "role": intern(role)}
    if case is not None:
        entry["case"] = case
    if suggestion is not None:
        entry["suggestion"] = suggestion
    if prev is not None:
        entry["prev"] = int(prev)
    if task is not None:
        entry["task"] = intern(task)
    if policy is not None:
        entry["policy"] = intern(policy)
    if decision is not None:
        entry["decision"] = intern(decision)
    return _nested(entry, auth, commitments, detail)


def _nested(entry: Entry, auth: str | None, commitments: str | None, detail: str | None) -> Entry | None:
    """The entry with what it holds in tables of its own; None where one of them is not in order."""
    if auth is not None:
        if (read := _texts(auth)) is None:
            return None
        entry["auth"] = read
    if commitments is not None:
        if (read := _texts(commitments)) is None:
            return None
        entry["commitments"] = read
    if detail is not None:
        if (read := _shared(detail)) is None:
            return None
        entry["detail"] = read
    return entry


def _texts(written: str) -> dict[str, str] | None:
    """A table of texts whose form was checked; None where its names are not in order, each once."""
    pairs = _MEMBERS(written)
    found = dict(pairs)
    names = tuple(found)
    if len(names) != len(pairs):
        return None
    if names not in _ORDERED:
        if sorted(names) != list(names):
            return None
        if len(_ORDERED) < _MOST_NAMES:
            _ORDERED.add(names)
    return found


_shared: Final = lru_cache(maxsize=4096)(_texts)
"""The same few tables for a million entries; nobody changes them."""

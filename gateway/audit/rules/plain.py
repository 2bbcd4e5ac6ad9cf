"""A quick reading of entries in the form in which gateways write them: one regular expression in place of reading JSON and writing it again.

Whatever `plain` accepts, `entries.parse` accepts with the same members; whatever it does not know (text outside ASCII, escapes, other names)
it leaves to that, so it decides nothing by itself.
"""

from __future__ import annotations

import re
from itertools import pairwise
from sys import intern
from typing import TYPE_CHECKING, Final, cast

from gateway.audit.export import MAX_LEAF_BYTES
from gateway.audit.rules.entries import DIGEST, TIME, TYPES, UUID

if TYPE_CHECKING:
    from gateway.audit.rules.entries import Entry

_TEXT: Final = r"[ !#-\[\]-~]"  # printable ASCII but for quotation mark and backslash: what JSON writes as it is
_NAME: Final = r'"[a-z0-9_]++"'
_TEXTS: Final = rf'\{{{_NAME}:"{_TEXT}*+"(?:,{_NAME}:"{_TEXT}*+")*+\}}'
_DIGESTS: Final = rf'\{{{_NAME}:"{DIGEST}"(?:,{_NAME}:"{DIGEST}")*+\}}'
_ENTRY: Final = re.compile(
    rf'\{{"actor":"({_TEXT}++)","at":"{TIME}"(?:,"auth":({_TEXTS}))?+(?:,"case":"({_TEXT}*+)")?+(?:,"commitments":({_DIGESTS}))?+'
    rf'(?:,"decision":"({_TEXT}*+)")?+(?:,"detail":({_TEXTS}))?+,"id":"({UUID})"(?:,"model":({_TEXTS}))?+(?:,"policy":"({_TEXT}*+)")?+'
    rf'(?:,"prev":(0|[1-9][0-9]{{0,14}}+))?+,"role":"({_TEXT}++)"(?:,"suggestion":"({_TEXT}*+)")?+(?:,"task":"({_TEXT}*+)")?+'
    r',"type":"([a-z_]++)","v":1\}'
).fullmatch
_OFTEN: Final = (1, 5, 6, 8, 9, 11, 13, 14)
"""Groups of `_ENTRY` that are the same for many entries: actor, decision, detail, model, policy, role, task, type."""
_OWN: Final = (2, 3, 4, 7, 10, 12)
"""And those that are an entry's own: auth, case, commitments, id, prev, suggestion."""
_MOST: Final = 4096
_ONE_TEXT: Final = 5
"""Parts between the quotation marks of a table of one text."""
_NOTHING: Final[dict[str, str]] = {}
_common: Final[dict[tuple[str | None, ...], Entry]] = {}
_ordered: Final[set[tuple[str, ...]]] = set()  # names that were found to be in order before: a log has few


def plain(leaf: bytes) -> Entry | None:
    """The members of a leaf that rules read (not `v`, `at`, `model`); None where it is not in the plain form, sound or not."""
    if len(leaf) > MAX_LEAF_BYTES or not leaf.isascii() or (found := _ENTRY(leaf.decode())) is None:
        return None
    often = found.group(*_OFTEN)
    common = _common.get(often) or _often(*often)
    return None if common is None else _own(common, *found.group(*_OWN))


def _own(
    common: Entry, auth: str | None, case: str | None, commitments: str | None, identity: str, prev: str | None, suggestion: str | None
) -> Entry | None:
    """The entry with what is its own; None where a table in it is not in order. Written out: it runs a million times."""
    entry: Entry = {**common, "id": identity}
    if case is not None:
        entry["case"] = case
    if suggestion is not None:
        entry["suggestion"] = suggestion
    if prev is not None:
        entry["prev"] = int(prev)
    if commitments is not None:
        entry["commitments"] = _texts(commitments)
    if auth is not None:
        entry["auth"] = _texts(auth)
    return entry if _NOTHING not in (entry.get("commitments"), entry.get("auth")) else None


def _often(*found: str | None) -> Entry | None:
    """What many entries say alike, kept for the next of them; None where its type is unknown, or a table in it is not in order."""
    actor, decision, detail, model, policy, role, task, kind = found
    texts = {"type": kind, "actor": actor, "role": role, "task": task, "policy": policy, "decision": decision}
    entry = cast("Entry", {name: intern(value) for name, value in texts.items() if value is not None})
    tables = {name: _texts(written) for name, written in (("detail", detail), ("model", model)) if written is not None}
    if kind not in TYPES or _NOTHING in tables.values():
        return None
    if detail is not None:
        entry["detail"] = tables["detail"]
    if len(_common) >= _MOST:
        _common.clear()
    _common[found] = entry
    return entry


def _texts(written: str) -> dict[str, str]:
    """A table of texts whose form was checked; empty where its names are not in order, each once."""
    parts = written.split('"')
    if len(parts) == _ONE_TEXT:
        return {parts[1]: parts[3]}
    names = tuple(parts[1::4])
    if names not in _ordered:
        if any(first >= second for first, second in pairwise(names)):
            return _NOTHING
        if len(_ordered) >= _MOST:
            _ordered.clear()
        _ordered.add(names)
    return dict(zip(names, parts[3::4], strict=True))

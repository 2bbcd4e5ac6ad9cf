"""The part of a verification that needs memory: one sound entry after another, its place in its case, the clinical rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.audit.rules.assertions import SPEAKS_OF_PASSKEYS
from gateway.audit.rules.clinical import Rules
from gateway.audit.rules.entries import BrokenRuleError
from gateway.audit.rules.erasure import check_erased

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.audit.rules.assertions import Assertions
    from gateway.audit.rules.clinical import PolicyDocument
    from gateway.audit.rules.entries import Entry


class Rows:
    """What all entries so far say."""

    def __init__(self, policies: Mapping[str, PolicyDocument], assertions: Assertions) -> None:
        self._ids: set[str] = set()
        self._last: dict[str, int] = {}
        self._rules = Rules(policies)
        self._assertions = assertions

    def check(self, index: int, entry: Entry) -> None:
        """The next sound entry. Raises BrokenRuleError with the rule that it breaks."""
        case = entry.get("case")
        previous = None
        if case is not None:
            previous = self._last.get(case)
            self._last[case] = index
        identity = entry["id"]
        if identity in self._ids:
            raise BrokenRuleError(f"The entry {entry['id']} stands in the log twice.")
        self._ids.add(identity)
        if entry.get("prev") != previous:
            raise BrokenRuleError(
                f"The entry does not point to the previous entry of its case (it says {entry.get('prev')}, that is {previous})."
            )
        self._rules.check(entry)
        if entry["type"] == "erased":
            check_erased(index, entry)
        if entry["type"] in SPEAKS_OF_PASSKEYS:
            self._assertions.check(entry)

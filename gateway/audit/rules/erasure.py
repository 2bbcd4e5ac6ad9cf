"""What an entry `erased` must say: on which basis, which entries, and, where people asked for it, that they were two."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.audit.rules.entries import BrokenRuleError

if TYPE_CHECKING:
    from gateway.audit.rules.entries import Entry

_RANGES: Final = re.compile(r"(\d{1,18}(-\d{1,18})?(,\d{1,18}(-\d{1,18})?)*)?", re.ASCII).fullmatch
_JOB: Final = "system:retention"


def check_erased(index: int, entry: Entry) -> None:
    """Apply the rules of an entry `erased`. Raises BrokenRuleError."""
    detail = entry.get("detail", {})
    if not detail.get("basis"):
        raise BrokenRuleError("The entry says that something was erased, but not on which legal basis.")
    if entry["actor"] == _JOB and not detail["basis"].startswith("retention_"):
        raise BrokenRuleError("A job erased content on a basis that only two people may use.")
    if entry["actor"] != _JOB and detail.get("requested_by", entry["actor"]) == entry["actor"]:
        raise BrokenRuleError("Content was erased by one person alone: nobody else had asked for it.")
    if entry["actor"] != _JOB and not entry.get("auth", {}).get("method"):
        raise BrokenRuleError("The erasure rests on no proof of who confirmed it.")
    _check_indices(index, detail.get("indices", ""))


def _check_indices(index: int, text: str) -> None:
    if not _RANGES(text):
        raise BrokenRuleError("The entry does not say by plain numbers which entries lost their content.")
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    if sorted(numbers) != numbers or any(number >= index for number in numbers):
        raise BrokenRuleError("The entry says of itself, or of a later one, that its content was erased.")

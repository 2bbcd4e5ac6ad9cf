"""What a person filled in, as the bodies that the sign-off desk takes; what is missing, as sentences beside their fields."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from gateway.api import signoff
from gateway.errors import BadInput, GarantError
from gateway.web.clinician.editing import Rewritten, amendment, mark
from gateway.web.rendering import Fault
from gateway.web.texts import words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.messages import JsonValue

FIELDS: Final[Mapping[str, str]] = {
    "reason_required": "reasons",
    "proof_refused": "proof",
    "reauthentication_required": "proof",
    "nothing_changed": "edit",
    "not_a_number": "edit",
    "bad_amendment": "edit",
    "amendment_required": "edit",
    "amendment_elsewhere": "edit",
    "amendment_and_findings": "edit",
    "findings_elsewhere": "findings",
    "finding_reason_required": "findings",
    "no_findings": "findings",
    "after_judgement_required": "after-judgement",
    "answer_required": "answer",
    "text_required": "opinion",
    "text_too_long": "comment",
}
"""Code of a refusal → id of the field that it is about."""
MOST_COMMENT: Final = 10_000
_PARTS: Final = ("read", "judge", "edit")


class Incomplete(Exception):
    """A form that cannot be sent on yet; `faults` say what is missing, in the visitor's language."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__()
        self.faults = tuple(faults)


def fault_of(error: GarantError, language: str) -> Fault:
    """A refusal of the sign-off desk, beside the field it is about."""
    return Fault(error.said(language), FIELDS.get(error.code, ""))


def decision_of(form: Mapping[str, str], language: str, *, judged: bool) -> signoff.DecisionBody:
    """The decision of a filled form.

    Args:
        form: the fields.
        language: of the sentences.
        judged: whether an own judgement was recorded, so that it has to be kept or changed.

    Raises:
        Incomplete: no choice, no reason, nothing changed, a comment that is too long.
    """
    faults = list(_missing(form, language, judged=judged))
    body: dict[str, object] = {name: form.get(name, "") for name in ("lease", "shown_sha256", "comment", "decision")}
    body |= {"proof": form.get("proof") or None, "assertion": _assertion(form), "active_seconds": active_of(form)}
    body["after_judgement"] = form.get("after_judgement", "")
    if form.get("decision") == "reject":
        body["reason"] = form.get("reason", "")
    if form.get("decision") == "amend":
        body |= _amending(form, language, faults)
    if faults:
        raise Incomplete(faults)
    try:
        body["assertion"] = json.loads(form["assertion"]) if form.get("assertion") else None
        return signoff.DecisionBody.model_validate(body)
    except (ValidationError, ValueError):
        raise Incomplete([Fault(words(language)["form_unreadable"])]) from None


def removed(form: Mapping[str, str]) -> tuple[Rewritten, ...]:
    """The findings that are left out, for the difference before the signature."""
    return tuple(Rewritten("", form[f"finds:{pointer}"], "") for pointer, answer in _answers(form).items() if answer == "remove")


def seen_mark(form: Mapping[str, str]) -> str:
    """What names the whole change of a form, so that the difference a person saw is the one that is signed. Raises BadInput."""
    try:
        changes = amendment(form)
    except BadInput as error:
        if error.code != "nothing_changed":
            raise
        changes = {}
    return mark({"amendment": changes, "findings": dict(_answers(form))})


def _assertion(form: Mapping[str, str]) -> JsonValue:
    """What an authenticator signed; None where it signed nothing, or nothing that can be read: then another proof is asked for."""
    try:
        signed: JsonValue = json.loads(form.get("assertion") or "null")
    except ValueError:
        return None
    return signed if isinstance(signed, dict) else None


def active_of(form: Mapping[str, str]) -> dict[str, JsonValue] | None:
    """The active seconds that the page measured; None where it could not (no script)."""
    try:
        spent = {name: max(0.0, min(float(form[f"active_{name}"]), 86_400.0)) for name in ("raw", "capped", *_PARTS)}
    except (KeyError, ValueError):
        return None
    return {"raw": spent["raw"], "capped": spent["capped"], "phases": {name: spent[name] for name in _PARTS}}


def _missing(form: Mapping[str, str], language: str, *, judged: bool) -> list[Fault]:
    t, decision = words(language), form.get("decision")
    rules = (
        (decision not in {"approve", "amend", "reject"}, "choose_first", "decision"),
        (decision == "approve" and _touched(form), "approve_but_changed", "decision"),
        (decision == "reject" and not form.get("reason"), "reason_first", "reasons"),
        (judged and form.get("after_judgement") not in {"kept", "changed"}, "after_judgement_first", "after-judgement"),
        (len(form.get("comment", "")) > MOST_COMMENT, "comment_too_long", "comment"),
    )
    return [Fault(t[word], field) for wrong, word, field in rules if wrong]


def _touched(form: Mapping[str, str]) -> bool:
    """Whether something was rewritten or a finding removed: then "as it is" would throw that away unseen."""
    try:
        return bool(amendment(form)) or "remove" in _answers(form).values()
    except GarantError as error:
        return error.code != "nothing_changed" or "remove" in _answers(form).values()


def _amending(form: Mapping[str, str], language: str, faults: list[Fault]) -> dict[str, object]:
    t, body = words(language), _findings(form, language, faults)
    try:
        body["amendment"] = amendment(form)
    except GarantError as error:
        if error.code != "nothing_changed" or not body:
            faults.append(fault_of(error, language))
    if body.get("amendment") and form.get("change_kind") not in {"wording", "decision"}:
        faults.append(Fault(t["change_kind_first"], "change-kind"))
    return body | {"changes_decision": form.get("change_kind") == "decision"}


def _findings(form: Mapping[str, str], language: str, faults: list[Fault]) -> dict[str, object]:
    """Which findings are accepted, and why the others are not; nothing where none is removed."""
    answers, t = _answers(form), words(language)
    gone = [pointer for pointer, answer in answers.items() if answer == "remove"]
    if not gone:
        return {}
    reasons = {pointer: form.get(f"finding_reason:{pointer}", "") for pointer in gone}
    if "" in answers.values():
        faults.append(Fault(t["each_finding_first"], "findings"))
    if "" in reasons.values():
        faults.append(Fault(t["finding_reason_first"], "findings"))
    return {"accepted_findings": [pointer for pointer, answer in answers.items() if answer == "keep"], "finding_reasons": reasons}


def _answers(form: Mapping[str, str]) -> dict[str, str]:
    """What was said of each finding of the page: keep, remove or nothing yet."""
    asked = [name.removeprefix("finds:") for name in form if name.startswith("finds:")]
    return {pointer: form.get(f"finding:{pointer}", "") for pointer in asked}

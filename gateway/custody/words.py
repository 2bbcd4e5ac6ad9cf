"""The codes of custody: legal bases, reasons of holds and of readings; what is no code of the configuration is refused in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.settings import Coded, LegalBasis, Retention


def basis_of(retention: Retention, code: str) -> LegalBasis:
    """The legal basis of a code. Raises BadInput, naming those there are."""
    for basis in retention.bases:
        if basis.code == code:
            return basis
    raise _unknown("legal basis", "base légale", retention.bases)


def check_hold_reason(retention: Retention, code: str) -> None:
    """That a hold, or its end, has a reason of the list. Raises BadInput."""
    if all(one.code != code for one in retention.hold_reasons):
        raise _unknown("reason of a legal hold", "motif de conservation", retention.hold_reasons)


def check_reading_reason(retention: Retention, code: str) -> None:
    """That somebody says why a case's content is read. Raises BadInput."""
    if all(one.code != code for one in retention.reading_reasons):
        raise _unknown("reason to read", "motif de lecture", retention.reading_reasons)


def said(codes: Sequence[Coded], code: str, language: str) -> str:
    """A code in words; one that the configuration knows no more stands for itself."""
    return next((one.words.get(language, code) for one in codes if one.code == code), code)


def _unknown(what: str, quoi: str, known: Sequence[Coded]) -> BadInput:
    codes = ", ".join(one.code for one in known)
    return BadInput(
        f"Choose a {what} from the list: {codes}. Nothing was done.",
        code="code_missing",
        fr=f"Choisissez une {quoi} dans la liste : {codes}. Rien n'a été fait."
        if quoi.startswith("base")
        else f"Choisissez un {quoi} dans la liste : {codes}. Rien n'a été fait.",
    )

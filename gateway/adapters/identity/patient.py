"""Case ↔ patient ↔ suggestion: an answer that is about another patient than the question is never a suggestion (R23).

Compared on every reading of an answer: when it is captured, opened, decided on and given out.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from gateway.adapters.document import at
from gateway.errors import UpstreamFailed

if TYPE_CHECKING:
    from gateway.adapters.protocol import Reading, Recognised
    from gateway.messages import JsonValue

CODE = "wrong_patient"


def check_patient(document: JsonValue, recognised: Recognised, reading: Reading) -> None:
    """Every configured trait of the answer equals the one that was sent. Raises UpstreamFailed (`wrong_patient`).

    A trait that is missing on either side, or that no exact comparison is possible of, counts as another patient's.
    """
    for name, pointer in reading.identity.items():
        sent, told = recognised.patient.get(name), _told(document, pointer)
        if sent is None or told is None or _same(sent) != _same(told):
            raise _another(name)


def _told(document: JsonValue, pointer: str) -> str | None:
    try:
        value = at(document, pointer)
    except KeyError:
        return None
    # a number with a fraction or beyond 64 bits was rounded when it was read, so two patients could look equal
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _same(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _another(name: str) -> UpstreamFailed:
    message = (
        f"The AI system's answer is not about the patient it was asked about, or does not say so ('{name}' differs). "
        "It is not used; proceed without AI and tell hospital IT."
    )
    french = (
        f"La réponse du système d'IA ne concerne pas le patient de la demande, ou ne le dit pas (« {name} » diffère). "
        "Elle n'est pas utilisée ; poursuivez sans IA et prévenez l'informatique."
    )
    return UpstreamFailed(message, code=CODE, fr=french)

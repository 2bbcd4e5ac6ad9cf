"""Labels for answers that leave before a signature: always readable as not validated, in French and English."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.policy.models import ReleaseMode

if TYPE_CHECKING:
    from gateway.adapters.protocol import (
        Adapter,
        Amendment,
        Answer,
        Recognised,
        Reply,
        View,
    )

LABELS: Final = {
    ReleaseMode.DRAFT: "[BROUILLON IA, NON SIGNÉ · AI DRAFT, NOT SIGNED]",
    ReleaseMode.NOTIFY_NOW: "[IA, NON VALIDÉ · AI, NOT VALIDATED]",
}
EMERGENCY: Final = "[ACCÈS D'URGENCE, NON SIGNÉ · EMERGENCY RELEASE, NOT SIGNED]"


def labelled(adapter: Adapter, answer: Answer, view: View, recognised: Recognised, suggestion: str, mode: ReleaseMode | None) -> Reply:
    """The answer with its label before every text; answers without text carry it in a header alone (`garant-label`)."""
    label = EMERGENCY if mode is None else LABELS[mode]
    amendment: Amendment = {
        part.pointer: f"{label}\n{part.value}" for part in view.fields if part.kind == "text" and isinstance(part.value, str)
    }
    return adapter.render(answer, amendment or None, recognised, suggestion)


def label_header(mode: str, *, emergency: bool = False) -> tuple[bytes, bytes]:
    """The header that tells programs what the label tells people."""
    return b"garant-label", b"emergency-unsigned" if emergency else f"{mode}-unsigned".encode()

"""The rules of erasure and holds: each `check_…` raises a sentence that a quality officer understands; nothing passes by default."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gateway.errors import BadInput, Conflict, Forbidden, Unknown, erased
from gateway.identity.roles import Right
from gateway.suggestions.states import OPEN, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from uuid import UUID

    from gateway.custody.tables import ErasureRow, HoldRow
    from gateway.identity.people import Person
    from gateway.identity.sessions import Authentication
    from gateway.settings import LegalBasis, Settings
    from gateway.suggestions.tables import Suggestion

PROOF_LASTS: Final = timedelta(seconds=120)
"""A proof of identity counts for one erasure, and no longer than this."""
REQUEST_LASTS: Final = timedelta(days=7)
REFUSED: Final = "erasure_refused"
"""The code of the refusal that has to be answered to the person with its reasons (R26)."""


def check_may_erase(person: Person) -> None:
    """The right, and an account of which somebody else than hospital IT says whose it is. Raises Forbidden."""
    if Right.ERASE not in person.rights:
        message = "Erasing and holding cases is for the quality department, and your account has no such role. Ask a colleague there."
        french = "L'effacement et la conservation de dossiers relèvent de la qualité, et votre compte n'a pas ce rôle. Adressez-vous à un collègue de ce service."
        raise Forbidden(message, code="right_missing", fr=french)
    if person.doubt is not None or person.must_change:
        message = (
            "Your account is not confirmed yet, so it erases nothing. Ask a colleague to confirm who you are, on their page 'My account'."
        )
        french = "Votre compte n'est pas encore confirmé : il n'efface rien. Demandez à un collègue de confirmer qui vous êtes, sur sa page « Mon compte »."
        raise Forbidden(message, code="person_unconfirmed", fr=french)


def check_proof(proof: Authentication, settings: Settings, now: datetime) -> None:
    """A fresh proof of identity, made for this and of a kind that counts here. Raises Forbidden."""
    if proof.used or not timedelta(seconds=-5) <= now - proof.at <= PROOF_LASTS:
        message = "Confirm who you are, now and for this: an erasure rests on a proof of identity of its own. Nothing was done yet."
        french = (
            "Confirmez votre identité, maintenant et pour cet acte : un effacement repose sur sa propre preuve. Rien n'a encore été fait."
        )
        raise Forbidden(message, code="reauthentication_required", fr=french)
    if proof.method == "password" and settings.profile == "production":
        message = "In production a password alone confirms no erasure: use a passkey, or the establishment's sign-in service."
        french = "En production, un mot de passe seul ne confirme pas un effacement : utilisez une clé d'accès ou le service de connexion."
        raise Forbidden(message, code="other_proof_needed", fr=french)


def check_erasable(case: UUID, rows: Sequence[Suggestion], hold: HoldRow | None, basis: LegalBasis, *, signed: bool) -> None:
    """That a case is there, whole, not held, waits for nobody, and may be erased on this basis. Raises Unknown, Gone, Conflict."""
    check_known(case, rows)
    check_not_held(hold)
    if any(State(row.state) in OPEN for row in rows):
        message = "Something of this case still waits for an answer, a decision or its release. Have it decided first; what waits is never erased."
        french = "Un élément de ce dossier attend encore une réponse, une décision ou sa remise. Faites-le décider d'abord : rien en attente n'est effacé."
        raise Conflict(message, code="case_waits", fr=french)
    if signed and not basis.decisions:
        message = (
            f"This case holds a signed decision, which is part of the medical record: on the basis '{basis.code}' it is not erased before its "
            "term (GDPR Art. 17(3)(b) and (c); code de la santé publique, R.1112-7). Write to the person: the page 'Retention and erasure' has the letter."
        )
        french = (
            f"Ce dossier contient une décision signée, qui fait partie du dossier médical : sur la base « {basis.code} » elle n'est pas effacée "
            "avant son terme (RGPD 17.3 b et c ; code de la santé publique, R.1112-7). Écrivez à la personne : la page « Conservation et effacement » en donne la lettre."
        )
        raise Conflict(message, code=REFUSED, fr=french)


def check_known(case: UUID, rows: Sequence[Suggestion]) -> None:
    """That there is such a case, and not all of it was erased before. Raises Unknown, Gone."""
    if not rows:
        message = f"Nothing is known of the case {case}. Take the id from the log; it is not the caller's own reference."
        french = f"Le dossier {case} est inconnu. Prenez l'identifiant du journal, pas la référence de l'appelant."
        raise Unknown(message, code="case_unknown", fr=french)
    if all(row.erased_at is not None for row in rows):
        raise erased(rows[0].erased_at, rows[0].erased_basis)


def check_not_held(hold: HoldRow | None) -> None:
    """That no legal hold keeps the case. Raises Conflict."""
    if hold is not None:
        day = f"{hold.set_at:%Y-%m-%d}"
        message = f"This case is under a legal hold since {day} (reason: {hold.reason}). Nothing was erased. Have the hold lifted first, if it may be."
        french = f"Ce dossier est sous conservation légale depuis le {day} (motif : {hold.reason}). Levez-la d'abord, si elle peut l'être ; rien n'a été effacé."
        raise Conflict(message, code="case_held", fr=french)


def check_second(row: ErasureRow, person: Person, now: datetime) -> None:
    """Another person than the one who asked, while the request is open. Raises Forbidden, Conflict."""
    if row.asked_by == person.id:
        message = "You asked for this erasure yourself, so nothing was erased. Ask another person to confirm it."
        french = "Vous avez demandé cet effacement vous-même : rien n'a été effacé. Faites-le confirmer par une autre personne."
        raise Forbidden(message, code="second_person_needed", fr=french)
    check_open(row)
    if now - row.asked_at > REQUEST_LASTS:
        message = "This request is older than seven days. Withdraw it, and ask anew if it still stands."
        french = "Cette demande date de plus de sept jours. Retirez-la, puis refaites-la si elle est toujours valable."
        raise Conflict(message, code="request_too_old", fr=french)


def check_open(row: ErasureRow) -> None:
    """That a request was neither carried out nor withdrawn. Raises Conflict."""
    if row.done_at is not None or row.withdrawn_at is not None:
        message = "This request was carried out or withdrawn before. Reload the page to see where it stands."
        french = "Cette demande a déjà été exécutée ou retirée. Rechargez la page pour voir où elle en est."
        raise Conflict(message, code="request_closed", fr=french)


def check_death(day: date, last: date, today: date) -> None:
    """That nobody dies before the last passage of their case, or in the future: it would shorten the time of a decision. Raises BadInput."""
    if last <= day <= today:
        return
    message = f"The day of the death lies between the last passage of this case ({last}) and today. Check the day; nothing was noted."
    french = (
        f"Le jour du décès est compris entre le dernier passage de ce dossier ({last}) et aujourd'hui. Vérifiez-le ; rien n'a été noté."
    )
    raise BadInput(message, code="death_impossible", fr=french)

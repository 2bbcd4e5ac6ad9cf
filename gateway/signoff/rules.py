"""The rules of signing: each `check_…` raises a sentence that a clinician understands; nothing passes by default.

Who may do what is here; what a decision must say is in `acts/saying.py`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gateway.errors import Conflict, Forbidden
from gateway.identity.roles import Role
from gateway.identity.trust.confirming import check_confirmed
from gateway.signoff.models import Step
from gateway.signoff.rights.competence import check_competence, check_place, check_supervised, delegated
from gateway.suggestions.states import AWAITING, State

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from gateway.identity.people import Person
    from gateway.identity.sessions import Authentication
    from gateway.policy.lanes import Lane
    from gateway.policy.models import Policy
    from gateway.suggestions.tables import Suggestion

MOST_OPEN: Final = 12
_SKEW: Final = timedelta(seconds=5)  # replicas' clocks are never quite the same


def check_clinician(person: Person, now: datetime) -> None:
    """Role, a confirmed account, and training."""
    if Role.CLINICIAN not in person.roles:
        message = "Only clinicians sign. Your account has no clinician role; ask your establishment if that is wrong."
        french = "Seuls les cliniciens signent. Votre compte n'a pas ce rôle ; si c'est une erreur, signalez-le à votre établissement."
        raise Forbidden(message, code="not_a_clinician", fr=french)
    check_confirmed(person)
    if person.trained_until is not None and person.trained_until < now:
        message = "Your training for this AI system has expired, so you cannot sign until it is renewed. Hand the case over."
        french = "Votre formation à ce système d'IA a expiré : vous ne pouvez pas signer avant son renouvellement. Confiez le dossier à un collègue."
        raise Forbidden(message, code="training_expired", fr=french)


def check_may_sign(person: Person, lane: Lane, now: datetime) -> None:
    """Role, competence, and profession or group unless the task was delegated (R6)."""
    check_clinician(person, now)
    check_competence(person, lane.task)
    policy, task = lane.requirement.policy, lane.task
    if delegated(person, task, now):
        return
    if policy.sign_groups and person.groups.isdisjoint(policy.sign_groups):
        groups = ", ".join(policy.sign_groups)
        message = f"The task '{task.id}' is signed by: {groups}. You are in none of these groups; hand the case over."
        french = f"L'activité « {task.id} » est signée par : {groups}. Vous n'appartenez à aucun de ces groupes ; confiez le dossier à un collègue."
        raise Forbidden(message, code="not_in_group", fr=french)
    if not policy.sign_groups and person.profession != task.profession:
        message = (
            f"The task '{task.id}' is signed by the profession '{task.profession}', yours is '{person.profession}'. Hand the case over."
        )
        french = (
            f"L'activité « {task.id} » est signée par la profession « {task.profession} », la vôtre est « {person.profession} ». "
            "Confiez le dossier à un collègue."
        )
        raise Forbidden(message, code="other_profession", fr=french)


def check_may_arbitrate(person: Person, lane: Lane, now: datetime) -> None:
    """The policy's arbiters; where it names none, whoever may sign."""
    groups = lane.requirement.policy.arbiter_groups
    if not groups:
        check_may_sign(person, lane, now)
        return
    check_clinician(person, now)
    if person.groups.isdisjoint(groups):
        names = ", ".join(groups)
        message = (
            f"Two colleagues decided differently here; the arbiter comes from: {names}. You are in none of these groups; take another case."
        )
        french = f"Deux collègues ont décidé différemment ; l'arbitre vient de : {names}. Vous n'appartenez à aucun de ces groupes ; prenez un autre dossier."
        raise Forbidden(message, code="not_an_arbiter", fr=french)


def check_may_take(row: Suggestion, person: Person, lane: Lane, now: datetime) -> None:
    """Everything that has to hold before a person may open this case, be handed it, or decide on it."""
    if row.second_signer is None:
        check_may_sign(person, lane, now)
    else:
        check_may_arbitrate(person, lane, now)
    check_place(row, person)
    check_supervised(row, person)
    check_another_person(row, person)


def may_sign(person: Person, lane: Lane, now: datetime) -> bool:
    """The boolean twin of `check_may_sign`."""
    try:
        check_may_sign(person, lane, now)
    except Forbidden:
        return False
    return True


def may_arbitrate(person: Person, lane: Lane, now: datetime) -> bool:
    """The boolean twin of `check_may_arbitrate`."""
    try:
        check_may_arbitrate(person, lane, now)
    except Forbidden:
        return False
    return True


def may_take(row: Suggestion, person: Person, lane: Lane, now: datetime) -> bool:
    """The boolean twin of `check_may_take`."""
    try:
        check_may_take(row, person, lane, now)
    except Forbidden:
        return False
    return True


def check_lease(row: Suggestion, person: Person, lease: UUID, now: datetime) -> None:
    """The suggestion is still open for this person."""
    if row.leased_by != person.id or row.lease != lease:
        message = (
            "This case is not open for you, or it was opened again since. Open it to see what it is now; your text is kept on your page."
        )
        french = (
            "Ce dossier n'est pas ouvert à votre nom, ou il a été rouvert depuis. Ouvrez-le pour voir où il en est ; "
            "votre texte reste sur votre page."
        )
        raise Conflict(message, code="lease_lost", fr=french)
    if row.leased_until is None or row.leased_until < now:
        message = (
            "Your time with this case is over, so that a colleague could take it. Open it again to decide; your text is kept on your page."
        )
        french = (
            "Votre temps sur ce dossier est écoulé, pour qu'un collègue puisse le prendre. Rouvrez-le pour décider ; "
            "votre texte reste sur votre page."
        )
        raise Conflict(message, code="lease_expired", fr=french)


def check_free(row: Suggestion, person: Person, now: datetime) -> None:
    """Nobody else holds the case."""
    if row.leased_by not in {None, person.id} and row.leased_until is not None and row.leased_until > now:
        message = "A colleague has this case open. Take another one: this becomes free when they decide, defer, or their time is over."
        french = "Un collègue a ouvert ce dossier. Prenez-en un autre : celui-ci redevient libre dès qu'il décide, le remet en file, ou que son temps est écoulé."
        raise Conflict(message, code="leased", fr=french)


def check_hands(already: int) -> None:
    """Nobody keeps more cases open than they can have before them; what one person holds, no colleague can take."""
    if already >= MOST_OPEN:
        message = f"You have {already} cases open, and colleagues can take none of them. Decide or put some back, then open this one."
        french = f"Vous avez {already} dossiers ouverts, qu'aucun collègue ne peut prendre. Décidez ou remettez-en avant d'ouvrir celui-ci."
        raise Conflict(message, code="too_many_open", fr=french)


def check_another_person(row: Suggestion, person: Person) -> None:
    """Two-person means two different people, and the arbiter is a third one."""
    if person.id in {row.first_signer, row.second_signer} and row.second_signer is not None:
        message = "You are one of the two who decided here; the arbiter has to be somebody else. Take another case."
        french = "Vous êtes l'une des deux personnes qui ont décidé ici ; l'arbitre doit être quelqu'un d'autre. Prenez un autre dossier."
        raise Forbidden(message, code="third_person_needed", fr=french)
    if row.first_signer == person.id:
        message = "You have decided here already; the second decision has to come from somebody else. Take another case."
        french = "Vous avez déjà décidé ici ; la seconde décision doit venir de quelqu'un d'autre. Prenez un autre dossier."
        raise Forbidden(message, code="second_person_needed", fr=french)


def check_fresh(proof: Authentication, policy: Policy, now: datetime, held_since: datetime | None) -> None:
    """The proof of identity is as new as the policy asks: at 0 seconds, made for this decision and for no other.

    `held_since` is when this person took the case; a proof from before was made for something else. A passkey that decides at
    once signs the decision itself: one that merely confirmed counts only where the policy gives it a while.
    """
    at_once = policy.reauthenticate_seconds == 0
    age = now - proof.at
    too_old = age > timedelta(seconds=policy.reauthenticate_seconds or 60)
    from_the_future = age < -_SKEW
    unsigned = proof.method == "passkey" and proof.evidence is None
    for_another = at_once and (proof.used or unsigned or (held_since is not None and proof.at < held_since))
    if too_old or from_the_future or for_another:
        message = "Confirm who you are before you decide: this task asks for it at each decision. Nothing was decided yet."
        french = "Confirmez votre identité avant de décider : cette activité l'exige pour chaque décision. Rien n'a encore été décidé."
        if not at_once:
            message = "Confirm who you are before you decide: this task asks for it. Nothing was decided yet."
            french = "Confirmez votre identité avant de décider : cette activité l'exige. Rien n'a encore été décidé."
        raise Forbidden(message, code="reauthentication_required", fr=french)


def check_meant(row: Suggestion, person: Person, policy: Policy, now: datetime) -> None:
    """What was pressed was meant for this case: the guard against double presses is over since this person was shown what they press about.

    A guard of a page, never a stopwatch of reading (R47); programs that sign for a person are told `guard_seconds` and press nothing.
    """
    if row.leased_by != person.id or row.leased_at is None:
        return
    if timedelta(0) <= now - row.leased_at < timedelta(seconds=policy.guard_seconds):
        message = (
            f"This came within {policy.guard_seconds:g} seconds of opening the case, as a second press meant for the one before does. "
            "Nothing was done here, and what you typed is kept: if you meant it, press again."
        )
        french = (
            f"Ceci est arrivé moins de {policy.guard_seconds:g} secondes après l'ouverture du dossier, comme un second appui destiné au "
            "précédent. Rien n'a été fait ici et votre saisie est conservée : si c'était voulu, appuyez de nouveau."
        )
        raise Conflict(message, code="too_soon", fr=french)


def check_awaiting(row: Suggestion) -> None:
    """Somebody is still asked for a signature."""
    if State(row.state) not in AWAITING:
        here = row.state.replace("_", " ")
        message = f"This case is already {here}; there is nothing left to decide. Take the next one; its page says who decided and when."
        french = f"Il n'y a plus rien à décider ici : le dossier est {_FRENCH.get(row.state, 'clos')}. Passez au suivant ; sa page dit qui a décidé et quand."
        raise Conflict(message, code="already_decided", fr=french)


def check_decides(step: Step) -> None:
    """At this step the person decides: neither still judging, nor asked for an opinion only."""
    if step is Step.JUDGE:
        message = "Record your own judgement first; then you see what the AI suggests, and decide."
        french = "Enregistrez d'abord votre propre jugement ; la proposition de l'IA s'affiche ensuite, et vous décidez."
        raise Forbidden(message, code="judgement_first", fr=french)
    if step is Step.OPINION:
        message = "You were asked for an opinion; the decision stays with the colleague who asked. Send your opinion, or put the case back."
        french = "Un avis vous a été demandé ; la décision reste au collègue qui l'a demandé. Envoyez votre avis ou remettez le dossier."
        raise Forbidden(message, code="opinion_asked", fr=french)


_FRENCH = {
    "queued": "en attente de la réponse de l'IA",
    "signed": "signé, délai d'annulation en cours",
    "released": "remis",
    "rejected": "rejeté",
    "recalled": "rappelé après remise",
    "expired": "retiré, délai passé",
    "cancelled": "abandonné par l'appelant",
    "failed": "sans réponse de l'IA",
    "suspended": "arrêté",
    "shadowed": "évalué, non remis",
    "passed": "passé (tâche de support)",
}

"""What a decision, a judgement, a word to a colleague must say; each `check_…` raises a sentence for its author."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.errors import BadInput, Conflict, TooLarge
from gateway.signoff.models import MAX_ANSWER, MAX_COMMENT, Reason, Step

if TYPE_CHECKING:
    from gateway.policy.models import Policy
    from gateway.signoff.models import Decision, Judging, Opened

_CODES: Final = tuple(reason.value for reason in Reason)


def reasons_of(policy: Policy) -> tuple[str, ...]:
    """The coded reasons that a task takes."""
    return policy.reject_reasons or _CODES


def check_shown(decision: Decision, opened: Opened) -> None:
    """The decision names what was shown, and that is still what is stored (R3)."""
    if decision.shown_sha256 != opened.shown_sha256:
        message = (
            "What you were shown is not what is stored now, so your decision was not taken. Open the case again: it shows what has changed."
        )
        french = (
            "Ce qui vous a été montré n'est plus ce qui est conservé : votre décision n'a pas été prise. "
            "Rouvrez le dossier : il montre ce qui a changé."
        )
        raise Conflict(message, code="shown_changed", fr=french)


def check_reason(decision: Decision, policy: Policy) -> None:
    """A rejection, and each finding that is left out, carries a coded reason of the task (R8)."""
    allowed = reasons_of(policy)
    given = list(decision.finding_reasons.values())
    if decision.decision == "reject":
        given.append(decision.reason)
    if any(reason not in allowed for reason in given) or (decision.reason and decision.reason not in allowed):
        message = f"A rejection needs a reason. Choose one of: {', '.join(allowed)}."
        raise BadInput(message, code="reason_required", fr=f"Un rejet demande un motif. Choisissez l'un de : {', '.join(allowed)}.")


def check_amendment(decision: Decision, opened: Opened) -> None:
    """An amendment changes something, and only what was shown."""
    amendment, chooses = decision.amendment or {}, decision.accepted_findings is not None
    if (decision.decision == "amend") != (bool(amendment) or chooses):
        message = "An amendment says what it changes; approve and reject change nothing. Change something, or choose another decision."
        french = "Une modification dit ce qu'elle change ; approuver ou rejeter ne change rien. Changez quelque chose, ou choisissez une autre décision."
        raise BadInput(message, code="amendment_required", fr=french)
    unknown = sorted(set(amendment) - {part.pointer for part in opened.view.fields})
    if unknown:
        places = ", ".join(unknown)[:300]
        message = f"Only what was shown can be amended; these places were not: {places}. Leave them as they are."
        french = f"Seul ce qui a été montré peut être modifié ; ces endroits ne l'étaient pas : {places}. Laissez-les tels quels."
        raise BadInput(message, code="amendment_elsewhere", fr=french)


def check_findings(decision: Decision, opened: Opened) -> None:
    """Accepted findings are findings of this suggestion; each one left out has its coded reason (R14)."""
    if decision.accepted_findings is None:
        return
    shown, accepted = {finding.pointer for finding in opened.findings}, set(decision.accepted_findings)
    if not shown or accepted - shown:
        message = "These are not findings of this suggestion. Open the case again and choose among those it shows."
        french = "Ce ne sont pas des constatations de cette proposition. Rouvrez le dossier et choisissez parmi celles qu'il montre."
        raise BadInput(message, code="findings_elsewhere", fr=french)
    if set(decision.finding_reasons) != shown - accepted:
        message = "Each finding that you leave out needs its reason, and only those. Nothing was decided yet: choose a reason for each."
        french = (
            "Chaque constatation écartée demande son motif, et elles seules. Rien n'a encore été décidé : choisissez un motif pour chacune."
        )
        raise BadInput(message, code="finding_reason_required", fr=french)


def check_after_judgement(decision: Decision, opened: Opened) -> None:
    """Who judged first says whether the judgement was kept or changed; nobody else does."""
    if opened.judgement is not None and not decision.after_judgement:
        message = "You judged this case before you saw the AI: say whether you keep your judgement or change it."
        french = "Vous avez jugé ce dossier avant de voir l'IA : dites si vous maintenez votre jugement ou si vous le changez."
        raise BadInput(message, code="after_judgement_required", fr=french)
    if opened.judgement is None and decision.after_judgement:
        message = "You have recorded no judgement of your own here, so none can be kept or changed. Decide without it."
        french = "Vous n'avez pas enregistré de jugement ici : il n'y a rien à maintenir ni à changer. Décidez sans cela."
        raise BadInput(message, code="no_judgement", fr=french)


def check_length(text: str, most: int = MAX_COMMENT) -> None:
    """A text fits; what does not is refused whole, and stays on the page."""
    if len(text) > most:
        message = f"Your text has {len(text):,} characters; at most {most:,} fit. Nothing was recorded: shorten it and send it again."
        french = f"Votre texte compte {len(text)} caractères ; {most} au plus sont acceptés. Rien n'a été enregistré : raccourcissez-le puis renvoyez-le."
        raise TooLarge(message, code="text_too_long", fr=french)


def check_judging(judging: Judging, opened: Opened) -> None:
    """A judgement is asked for, says something, and is one of the task's answers where it names them (R13)."""
    if opened.step is not Step.JUDGE:
        message = "Your judgement is recorded already, or none is asked here. It cannot be changed; open the case to go on."
        french = (
            "Votre jugement est déjà enregistré, ou aucun n'est demandé ici. Il ne peut pas être changé ; ouvrez le dossier pour continuer."
        )
        raise Conflict(message, code="already_judged", fr=french)
    check_length(judging.answer, MAX_ANSWER)
    options = opened.lane.requirement.policy.judge_options
    if not judging.answer.strip() or (options and judging.answer not in options):
        message = f"Give your own answer first{': one of ' + ', '.join(options) if options else ''}."
        french = f"Donnez d'abord votre propre réponse{' : ' + ', '.join(options) if options else ''}."
        raise BadInput(message, code="answer_required", fr=french)


def check_text(text: str) -> None:
    """An opinion says something."""
    check_length(text, MAX_ANSWER)
    if not text.strip():
        raise BadInput(
            "An opinion needs a few words. Write them, then send it.",
            code="text_required",
            fr="Un avis demande quelques mots. Écrivez-les, puis envoyez.",
        )

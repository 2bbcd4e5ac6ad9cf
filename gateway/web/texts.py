"""Every word on the pages, in French and English; a test keeps the two complete."""

from __future__ import annotations

from typing import Final

LANGUAGES: Final = ("fr", "en")
TEXTS: Final[dict[str, tuple[str, str]]] = {
    "active_ingredient": ("Proposition de l'IA", "What the AI suggests"),
    "all_done": ("Rien n'attend votre signature.", "Nothing waits for your signature."),
    "amend": ("Modifier", "Amend"),
    "amend_hint": ("Changez le texte ci-dessous, puis signez.", "Change the text below, then sign."),
    "approve": ("Approuver tel quel", "Approve as it is"),
    "asked_why": ("Pourquoi une signature", "Why a signature is asked"),
    "attributes": ("Le système d'IA, selon son fournisseur", "The AI system, as its provider describes it"),
    "changes_decision": (
        "La modification change la décision, pas seulement les mots.",
        "The change is another decision, not only other words.",
    ),
    "checkpoint": ("Point de contrôle signé", "Signed checkpoint"),
    "choose_password": ("Choisissez votre mot de passe", "Choose your own password"),
    "comment": ("Commentaire (chiffré, facultatif)", "Comment (encrypted, optional)"),
    "confirm": ("Votre mot de passe, pour signer", "Your password, to sign"),
    "contact": ("Contact", "Contact"),
    "decide": ("Votre décision", "Your decision"),
    "decided": ("Décision enregistrée.", "The decision is recorded."),
    "defer": ("Reporter", "Defer"),
    "due": ("à signer avant", "due"),
    "emergency": ("Remise d'urgence", "Emergency release"),
    "emergency_hint": (
        "La proposition part tout de suite, marquée non signée. Une signature reste due sous 72 heures.",
        "The suggestion leaves now, labelled as not signed. A signature stays owed within 72 hours.",
    ),
    "entries": ("écritures", "entries"),
    "impact": ("Impact", "Impact"),
    "impact_note": (
        "Le taux de substitution est inconnu sans le volume total de l'activité. Les minutes sont masquées sous 10 professionnels ou 30 cas.",
        "The substitution rate is unknown without the task's total volume. Minutes are suppressed below 10 workers or 30 instances.",
    ),
    "input": ("Ce que l'IA a reçu", "What the AI received"),
    "intended_use": ("Usage prévu", "Intended use"),
    "known_limits": ("Limites connues", "Known limits"),
    "log": ("Journal", "Log"),
    "login": ("Identifiant", "Login"),
    "longest_wait": ("Attente la plus longue", "Longest wait"),
    "machine_note": ("Ceci n'est pas un résultat négatif.", "This is not a negative result."),
    "minutes": ("min", "min"),
    "model": ("Modèle", "Model"),
    "new_password": ("Nouveau mot de passe (12 caractères au moins)", "New password (at least 12 characters)"),
    "next": ("Ouvrir le suivant", "Open the next"),
    "not_verified": ("Le journal n'est PAS intègre", "The log does NOT verify"),
    "older": ("Plus anciennes", "Older"),
    "open": ("Ouvrir", "Open"),
    "outcome": ("Issue", "Outcome"),
    "overdue": ("en retard", "overdue"),
    "password": ("Mot de passe", "Password"),
    "password_now": ("Mot de passe actuel", "Present password"),
    "patient": ("Patient", "Patient"),
    "per_case": ("par cas", "per case"),
    "provider": ("Fournisseur", "Provider"),
    "queue": ("File d'attente", "Queue"),
    "reason": ("Motif", "Reason"),
    "reject": ("Rejeter", "Reject"),
    "resume": ("Remettre en service", "Resume"),
    "scope": ("Quoi", "What"),
    "share": ("part", "share"),
    "sign": ("Signer", "Sign"),
    "sign_in": ("Se connecter", "Sign in"),
    "sign_out": ("Se déconnecter", "Sign out"),
    "state": ("État", "State"),
    "stop": ("Arrêter pour tous", "Stop for everybody"),
    "stopped": ("Arrêté maintenant", "Stopped now"),
    "stops": ("Arrêt d'urgence", "Stop button"),
    "state_cancelled": ("abandonné par l'appelant", "given up by the caller"),
    "state_drafted": ("brouillon parti, à signer", "draft has left, to be signed"),
    "state_emergency": ("parti en urgence, à signer", "left in an emergency, to be signed"),
    "state_expired": ("retiré, délai passé", "withdrawn, too late"),
    "state_failed": ("pas de réponse de l'IA", "the AI gave no answer"),
    "state_first_signed": ("une signature sur deux", "one of two signatures"),
    "state_held": ("retenu", "held"),
    "state_notified": ("signalé, à signer", "notified, to be signed"),
    "state_passed": ("passé (tâche de support)", "passed (support task)"),
    "state_queued": ("attend la réponse de l'IA", "waits for the AI's answer"),
    "state_recalled": ("rappelé après remise", "recalled after release"),
    "state_rejected": ("rejeté", "rejected"),
    "state_released": ("remis", "released"),
    "state_shadowed": ("évalué, non remis", "evaluated, not released"),
    "state_signed": ("signé, délai d'annulation", "signed, may be undone"),
    "state_suspended": ("arrêté", "stopped"),
    "suppressed": ("masqué", "suppressed"),
    "task": ("Activité", "Task"),
    "time": ("Heure", "Time"),
    "tagline": ("Rien ne sort sans une signature.", "Nothing leaves without a signature."),
    "unsigned": ("Aucune signature pour l'instant.", "No signature yet."),
    "urgency": ("Urgence", "Urgency"),
    "validation": ("Validation", "Validation"),
    "verified": ("Le journal est intègre", "The log verifies"),
    "verify_now": ("Vérifier maintenant", "Verify now"),
    "waiting": ("en attente", "waiting"),
    "why_draft": (
        "Brouillon : il est parti filigrané ; il doit être signé avant l'envoi.",
        "A draft: it has left watermarked; it has to be signed before it is sent.",
    ),
    "why_hold": ("Rien ne sort avant la signature d'un clinicien.", "Nothing leaves before a clinician has signed it."),
    "why_log_only": ("Tâche de support : passe, journalisée et comptée.", "A support task: it passes, logged and counted."),
    "why_notify_now": (
        "Urgent : le clinicien d'astreinte est prévenu ; non validé tant que non signé.",
        "Time-critical: the clinician on call was told; not validated until signed.",
    ),
    "why_shadow": ("En évaluation : rien ne sort.", "Under evaluation: nothing leaves."),
    "who": ("Qui", "Who"),
}


def words(language: str) -> dict[str, str]:
    """All words in one language."""
    place = LANGUAGES.index(language)
    return {name: pair[place] for name, pair in TEXTS.items()}


def language_of(cookie: str | None, accept: str) -> str:
    """The visitor's language: chosen before, else the first that the browser names and we speak, else French."""
    if cookie in LANGUAGES:
        return str(cookie)
    wanted = [part.split(";")[0].strip()[:2].lower() for part in accept.split(",")]
    return next((name for name in wanted if name in LANGUAGES), "fr")

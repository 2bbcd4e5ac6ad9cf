"""The family of refusals: each class owns its HTTP status and its problem type.

GarantError
├── BadInput (400)         the caller's bytes cannot be read
│   ├── TooLarge (413)
│   │   └── HeadersTooLarge (431)
│   └── KeyReused (422)    one idempotency key, two bodies
├── Unknown (404)          no such system, task, suggestion
├── Gone (410)             it was here, and was erased
├── Unauthenticated (401)  nobody, or not who they say
│   └── Slowed (429)       too many wrong proofs; the error says how long to wait
├── Forbidden (403)        somebody, without the right
│   └── ReviewRequired     held for a person, or decided against release
├── Conflict (409)         somebody else was first, or the thing shown has changed
├── Suspended (503)        stopped by the stop button: proceed without AI
├── UpstreamFailed (502)   the AI system did not give a whole, readable answer
│   └── UpstreamTimeout (504)
├── AuditUnavailable (503) the log cannot be written, so nothing is released
└── Misconfigured (500)    the service refuses to start
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from datetime import datetime

LANGUAGES: Final = ("fr", "en")
_LOG_AWAY_FR: Final = (
    "Le journal ne peut pas être écrit, donc rien n'est remis. Réessayez ; si cela persiste, prévenez le service informatique."
)
_LOG_DAMAGED_FR: Final = (
    "Le journal d'audit n'est plus celui qui a été signé, donc rien n'est écrit ni remis. Prévenez l'informatique : "
    "la base de données est à restaurer."
)


def preferred(accept: str, default: str) -> str:
    """The first language of an Accept-Language header that Garant speaks, else the default."""
    wanted = [part.split(";")[0].strip()[:2].lower() for part in accept.split(",")]
    return next((name for name in wanted if name in LANGUAGES), default)


class GarantError(Exception):
    """A refusal in words: what happened, why, and what to do.

    Args:
        message: one or two sentences for the person or program that is refused; never patient data.
        code: a stable machine word; the class's own where none is given.
        fr: the same sentences in French, where a person reads them; the English ones where none are given.
    """

    status: ClassVar[int] = 500
    code: str = "internal_error"
    title: ClassVar[str] = "Garant could not do this"
    title_fr: ClassVar[str] = "Garant n'a pas pu faire ceci"

    def __init__(self, message: str, *, code: str | None = None, fr: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fr = fr
        self.code = code or type(self).code

    @property
    def type(self) -> str:
        """The problem type of RFC 9457, a URN that never changes."""
        return f"urn:garant:problem:{self.code}"

    def headed(self, language: str) -> str:
        """The title in the language in which the refusal itself is told."""
        return self.title_fr if self.spoken(language) == "fr" else self.title

    def spoken(self, language: str) -> str:
        """The language in which it can be told to somebody who asks for this one."""
        return "fr" if language == "fr" and self.fr else "en"

    def said(self, language: str) -> str:
        """The refusal in a person's language (`fr` or `en`)."""
        return self.fr if self.fr and self.spoken(language) == "fr" else self.message


class BadInput(GarantError):
    """The caller's bytes cannot be read."""

    status = 400
    code = "bad_input"
    title = "The request cannot be read"
    title_fr = "La demande est illisible"


class TooLarge(BadInput):
    """More bytes than the limit of this door."""

    status = 413
    code = "too_large"
    title = "The request is too large"
    title_fr = "La demande est trop grande"


class HeadersTooLarge(TooLarge):
    """More header bytes than the limit of this door."""

    status = 431
    code = "headers_too_large"
    title = "The request's headers are too large"
    title_fr = "Les en-têtes de la demande sont trop grands"


class KeyReused(BadInput):
    """One idempotency key was sent with two different bodies."""

    status = 422
    code = "idempotency_key_reused"
    title = "This idempotency key belongs to another request"
    title_fr = "Cette clé d'idempotence appartient à une autre demande"


class Unknown(GarantError):
    """No such AI system, task, suggestion or page."""

    status = 404
    code = "unknown"
    title = "There is no such thing here"
    title_fr = "Rien de tel ici"


class Gone(GarantError):
    """It was here, and was erased."""

    status = 410
    code = "erased"
    title = "This was erased"


class Unauthenticated(GarantError):
    """Nobody is named, or the proof does not hold."""

    status = 401
    code = "unauthenticated"
    title = "Who are you?"
    title_fr = "Qui êtes-vous ?"


class Slowed(Unauthenticated):
    """Too many wrong proofs of identity came from here, or too many are being checked.

    Args:
        seconds: how long to wait before the next one is looked at.
    """

    status = 429
    code = "slowed"
    title = "Wait a little"
    title_fr = "Patientez un peu"

    def __init__(self, message: str, *, seconds: int, code: str | None = None, fr: str | None = None) -> None:
        super().__init__(message, code=code, fr=fr)
        self.seconds = seconds


class Forbidden(GarantError):
    """Somebody is named, and lacks the right."""

    status = 403
    code = "forbidden"
    title = "You may not do this"
    title_fr = "Vous n'en avez pas le droit"


class ReviewRequired(Forbidden):
    """Held for a person, or decided against release."""

    code = "human_review_required"
    title = "A clinician has to sign this first"
    title_fr = "Un clinicien doit d'abord signer"


class Conflict(GarantError):
    """Somebody else was first, or what was shown has changed."""

    status = 409
    code = "conflict"
    title = "This has changed in the meantime"
    title_fr = "Ceci a changé entre-temps"


class Suspended(GarantError):
    """The stop button was pressed for this AI system, task or site."""

    status = 503
    code = "suspended"
    title = "This AI system is stopped: proceed without AI"
    title_fr = "Ce système d'IA est arrêté : continuez sans l'IA"


def changed_meanwhile() -> Conflict:
    """The usual refusal of a change that came too late."""
    return Conflict(
        "Somebody else has changed this in the meantime. Reload to see what it is now.",
        fr="Quelqu'un d'autre a modifié ceci entre-temps. Rechargez la page pour voir où cela en est.",
    )


def stopped() -> Suspended:
    """The refusal of a release under a stop."""
    return Suspended(
        "The stop button was pressed for this AI system, task or site. Proceed without AI; this is not a negative result.",
        fr="Le bouton d'arrêt a été actionné pour ce système d'IA, cette activité ou ce site. Continuez sans l'IA ; "
        "ceci n'est pas un résultat négatif.",
    )


def erased(at: datetime | None, basis: str) -> Gone:
    """The refusal to show what was erased."""
    day = f"{at:%Y-%m-%d}"
    return Gone(
        f"The content of this case was erased on {day} (basis: {basis}). What happened, without content, is still in the log: read it there.",
        fr=f"Le contenu de ce dossier a été effacé le {day} (base : {basis}). Ce qui s'est passé, sans contenu, reste au journal : consultez-le.",
    )


class UpstreamFailed(GarantError):
    """The AI system did not give a whole, readable answer."""

    status = 502
    code = "upstream_failed"
    title = "The AI system did not answer"
    title_fr = "Le système d'IA n'a pas répondu"


class UpstreamTimeout(UpstreamFailed):
    """The AI system took longer than its limit."""

    status = 504
    code = "upstream_timeout"


class AuditUnavailable(GarantError):
    """The log cannot be written, so nothing is released. Who is refused for it reads so in French whatever failed; why, is for hospital IT."""

    status = 503
    code = "audit_unavailable"
    title = "The log cannot be written, so nothing is released"
    title_fr = "Le journal ne peut pas être écrit, donc rien n'est remis"

    def __init__(self, message: str, *, code: str | None = None, fr: str | None = None) -> None:
        super().__init__(message, code=code, fr=fr or (_LOG_DAMAGED_FR if code == "log_damaged" else _LOG_AWAY_FR))


class Misconfigured(GarantError):
    """The service refuses to start; the message lists every problem."""

    status = 500
    code = "misconfigured"
    title = "The configuration cannot be used"
    title_fr = "La configuration est inutilisable"

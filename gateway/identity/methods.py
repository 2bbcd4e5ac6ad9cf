"""Which proofs of identity a signature may rest on (R5): what the policy says, within what the configuration offers.

In production a password alone is never one of them: two factors come from a passkey (the key and its user's finger or PIN)
or from the establishment's provider.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.errors import Forbidden

if TYPE_CHECKING:
    from gateway.identity.sessions import Authentication
    from gateway.policy.models import Policy
    from gateway.settings import Method, Settings

_NAMES: Final = {
    "password": ("your password", "votre mot de passe"),
    "passkey": ("a passkey", "une clé d'accès"),
    "oidc": ("your establishment's sign-in service", "le service de connexion de l'établissement"),
}


def accepted(policy: Policy, settings: Settings) -> tuple[Method, ...]:
    """The methods that count at a signature under this policy; none where the configuration contradicts itself."""
    offered = [method for method in settings.identity.methods if not (settings.profile == "production" and method == "password")]
    return tuple(method for method in offered if not policy.reauthenticate_with or method in policy.reauthenticate_with)


def signing(policy: Policy, settings: Settings) -> Policy:
    """The policy as it is applied, its methods spelled out unless every method counts anyway."""
    methods = accepted(policy, settings)
    if set(methods) == set(settings.identity.methods) and not policy.reauthenticate_with:
        return policy
    return policy.model_copy(update={"reauthenticate_with": methods or policy.reauthenticate_with})


def recorded(proof: Authentication) -> str:
    """How the log names the proof a decision rests on: a passkey that signed this very decision, or one that confirmed a moment before."""
    return "passkey_session" if proof.method == "passkey" and proof.evidence is None else proof.method


def check_method(proof: Authentication, policy: Policy) -> None:
    """Refuse a proof of another kind than the policy accepts. Raises Forbidden."""
    wanted = policy.reauthenticate_with
    if wanted and proof.method not in wanted:
        english = " or ".join(_NAMES[method][0] for method in wanted)
        french = " ou ".join(_NAMES[method][1] for method in wanted)
        message = f"This task is signed with {english}. Confirm who you are in that way; nothing was decided yet."
        said = f"Cette activité se signe avec {french}. Confirmez votre identité de cette façon ; rien n'a encore été décidé."
        raise Forbidden(message, code="other_proof_needed", fr=said)


def check_passwords(*, offered: bool) -> None:
    """Refuse a password where nobody signs in with one. Raises Forbidden."""
    if not offered:
        message = "This establishment does not sign in with passwords. Use the button of its identity provider."
        french = "Cet établissement ne se connecte pas par mot de passe. Utilisez le bouton de son fournisseur d'identité."
        raise Forbidden(message, code="passwords_off", fr=french)

"""What a person is told when a passkey cannot be used: English, French."""

from __future__ import annotations

from typing import Final

CONFIRM: Final = (
    "Confirm who you are first: passkeys are changed within five minutes of that. Nothing was changed.",
    "Confirmez d'abord votre identité : les clés d'accès se modifient dans les cinq minutes qui suivent. Rien n'a été changé.",
)
NONE_SUCH: Final = (
    "You have no such passkey; it may have been removed already.",
    "Vous n'avez pas cette clé d'accès ; elle a peut-être déjà été retirée.",
)
NO_PASSKEY: Final = (
    "You have no passkey yet. Add one on the page of your account, or sign in another way that this task accepts.",
    "Vous n'avez pas encore de clé d'accès. Ajoutez-en une sur la page de votre compte, ou identifiez-vous autrement si l'activité l'accepte.",
)
NOT_PROVEN: Final = (
    "This passkey did not confirm exactly this decision, so nothing was decided. Try again; if it persists, tell hospital IT.",
    "Cette clé d'accès n'a pas confirmé exactement cette décision ; rien n'a été décidé. Réessayez ; si cela persiste, prévenez l'informatique.",
)
STRONGER: Final = (
    (
        "A password alone does not change passkeys here. Sign a decision with one of yours, or confirm with your establishment's sign-in service, then "
        "come back within five minutes. Lost all of them? Hospital IT gives you a new one-time password, which ends them."
    ),
    (
        "Un mot de passe seul ne modifie pas les clés d'accès ici. Signez une décision avec l'une des vôtres, ou confirmez par le service de connexion, "
        "puis revenez dans les cinq minutes. Toutes perdues ? L'informatique vous donne un nouveau mot de passe à usage unique, qui y met fin."
    ),
)
TOO_MANY: Final = (
    "You have as many passkeys as one person may have. Remove one that you no longer use.",
    "Vous avez atteint le nombre maximal de clés d'accès. Retirez-en une que vous n'utilisez plus.",
)
USED: Final = (
    "This confirmation was used already, is too old, or was made for something else. Nothing was decided; confirm again.",
    "Cette confirmation a déjà servi, est trop ancienne ou concernait autre chose. Rien n'a été décidé ; confirmez à nouveau.",
)

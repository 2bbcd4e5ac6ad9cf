"""What a person is told when a passkey cannot be used: English, French."""

from __future__ import annotations

from typing import Final

CONFIRM: Final = (
    "Confirm who you are first: passkeys are changed within five minutes of that. Nothing was changed.",
    "Confirmez d'abord votre identité : les clés d'accès se modifient dans les cinq minutes qui suivent. Rien n'a été changé.",
)
NONE_SUCH: Final = (
    "You have no such passkey; it may have been removed already. Reload to see those you have.",
    "Vous n'avez pas cette clé d'accès ; elle a peut-être déjà été retirée. Rechargez la page pour voir les vôtres.",
)
NO_PASSKEY: Final = (
    "You have no passkey yet. Add one on the page of your account, or sign in another way that this task accepts.",
    "Vous n'avez pas encore de clé d'accès. Ajoutez-en une sur la page de votre compte, ou identifiez-vous autrement si l'activité l'accepte.",
)
NOT_PROVEN: Final = (
    "This passkey did not confirm exactly what it was asked for, so nothing was decided or changed. Try again; if it persists, tell hospital IT.",
    "Cette clé d'accès n'a pas confirmé exactement ce qui était demandé ; rien n'a été décidé ni changé. Réessayez ; sinon, prévenez l'informatique.",
)
STRONGER: Final = (
    (
        "A password alone does not change passkeys here. Confirm with one of yours on the page of your account, or with your establishment's sign-in "
        "service, then change them within five minutes. Lost all of them? Hospital IT gives you a new one-time password, which ends them."
    ),
    (
        "Un mot de passe seul ne modifie pas les clés d'accès ici. Confirmez avec l'une des vôtres sur la page de votre compte, ou par le service de "
        "connexion, puis modifiez-les dans les cinq minutes. Toutes perdues ? L'informatique vous donne un mot de passe à usage unique, qui y met fin."
    ),
)
TOO_MANY: Final = (
    "You have as many passkeys as one person may have. Remove one that you no longer use.",
    "Vous avez atteint le nombre maximal de clés d'accès. Retirez-en une que vous n'utilisez plus.",
)
USED: Final = (
    "This confirmation was used already, is too old, or was made for something else. Nothing was decided or changed; confirm again.",
    "Cette confirmation a déjà servi, est trop ancienne ou concernait autre chose. Rien n'a été décidé ni changé ; confirmez à nouveau.",
)

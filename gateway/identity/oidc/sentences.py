"""What a person is told when signing in elsewhere does not work: English, French."""

from __future__ import annotations

from typing import Final

AWAY: Final = (
    "The sign-in service of your establishment does not answer at the moment. Sign in another way if you can, or try again; your open work is kept.",
    "Le service de connexion de votre établissement ne répond pas pour l'instant. Connectez-vous autrement si possible, ou réessayez ; votre travail ouvert est conservé.",
)
UNPROVEN: Final = (
    "What the sign-in service answered does not prove who you are, so nobody was signed in. Try again; if it persists, tell hospital IT.",
    "La réponse du service de connexion ne prouve pas votre identité ; personne n'a été connecté. Réessayez ; si cela persiste, prévenez l'informatique.",
)
NOT_NEW: Final = (
    "The sign-in service did not ask you again who you are, or not as strongly as it has to be for a signature. Nothing was decided; confirm again.",
    "Le service de connexion n'a pas redemandé votre identité, ou pas au niveau exigé pour une signature. Rien n'a été décidé ; confirmez à nouveau.",
)
OVER: Final = (
    "This sign-in was not begun in this browser, was used already, or took longer than ten minutes. Begin again.",
    "Cette connexion n'a pas été commencée dans ce navigateur, a déjà servi ou a duré plus de dix minutes. Recommencez.",
)
STRANGER: Final = (
    "The sign-in service knows you, but you have no account in Garant. Nobody gets one silently: ask hospital IT to make it for you.",
    "Le service de connexion vous connaît, mais vous n'avez pas de compte dans Garant. Aucun compte n'est créé en silence : demandez-le à l'informatique.",
)
OTHER: Final = (
    "Somebody else proved who they are than the person who is signed in here. Nothing was confirmed; sign out first if this is your turn.",
    "La personne qui vient de s'identifier n'est pas celle qui est connectée ici. Rien n'a été confirmé ; si c'est votre tour, déconnectez d'abord la session.",
)
CANCELLED: Final = (
    "You were not signed in: it was cancelled, or the sign-in service refused. Your open work is kept; try again.",
    "Vous n'avez pas été connecté : opération annulée ou refusée par le service de connexion. Votre travail ouvert est conservé ; réessayez.",
)
NO_LAUNCH: Final = (
    "Garant was opened by a health record that is not in its configuration. Open it from your usual record, or sign in here.",
    "Garant a été ouvert par un dossier patient qui n'est pas dans sa configuration. Ouvrez-le depuis votre dossier habituel, ou connectez-vous ici.",
)

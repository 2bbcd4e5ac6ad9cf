"""For what, where and under whom somebody may sign (R6): specialty, training per task, delegation, site, unit, supervision.

An empty set on a person or a task does not limit. Whoever is refused reads why, and what to do with the case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import Forbidden

if TYPE_CHECKING:
    from datetime import datetime

    from gateway.identity.people import Person
    from gateway.policy.models import Task
    from gateway.suggestions.tables import Suggestion


def delegated(person: Person, task: Task, now: datetime) -> bool:
    """Whether this task was delegated to the person, beyond profession and group."""
    until = person.competence.delegated_until
    return task.id in person.competence.delegated_tasks and (until is None or until >= now)


def check_competence(person: Person, task: Task) -> None:
    """Specialty, unit, and training for this very task. Raises Forbidden."""
    held = person.competence
    if task.specialties and held.specialties.isdisjoint(task.specialties):
        names = ", ".join(task.specialties)
        message = f"The task '{task.id}' is signed by the specialty: {names}. It is not among yours; hand the case over."
        french = f"L'activité « {task.id} » est signée par la spécialité : {names}. Elle n'est pas parmi les vôtres ; confiez le dossier à un collègue."
        raise Forbidden(message, code="other_specialty", fr=french)
    if task.units and held.units.isdisjoint(task.units):
        names = ", ".join(task.units)
        message = f"The task '{task.id}' is signed in the unit: {names}. You do not work there; hand the case over."
        french = f"L'activité « {task.id} » est signée dans l'unité : {names}. Vous n'y exercez pas ; confiez le dossier à un collègue."
        raise Forbidden(message, code="other_unit", fr=french)
    if held.trained_for and task.id not in held.trained_for:
        message = f"Your training does not cover the task '{task.id}', so you cannot sign it yet. Hand the case over."
        french = f"Votre formation ne couvre pas l'activité « {task.id} » : vous ne pouvez pas encore la signer. Confiez le dossier à un collègue."
        raise Forbidden(message, code="not_trained_for", fr=french)


def check_place(row: Suggestion, person: Person) -> None:
    """The case is of a site where the person works. Raises Forbidden."""
    if person.competence.sites and row.site not in person.competence.sites:
        message = f"This case is of the site '{row.site}', where you do not work. Ask a colleague there to sign it."
        french = f"Ce dossier relève du site « {row.site} », où vous n'exercez pas. Demandez à un collègue de ce site de le signer."
        raise Forbidden(message, code="other_site", fr=french)


def check_supervised(row: Suggestion, person: Person) -> None:
    """Somebody in training signs only as the first of two, so that another person always decides too. Raises Forbidden."""
    if person.competence.supervised_by is not None and (row.signatures < 2 or row.first_signer is not None):  # noqa: PLR2004 - a pair
        message = "You are in training and sign only as the first of two people. Hand this case over to the person who supervises you."
        french = "En formation, vous ne signez que comme première de deux personnes. Confiez ce dossier à la personne qui vous encadre."
        raise Forbidden(message, code="supervised", fr=french)

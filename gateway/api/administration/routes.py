"""For hospital IT: AI systems and their health, how Garant is, who and what was seen last, and until when training is valid."""

from uuid import UUID

from fastapi import APIRouter

from gateway.api.accounts import PersonView
from gateway.api.administration import status
from gateway.api.administration.models import (
    ActivityView,
    CheckView,
    StatusView,
    SystemsView,
    Training,
)
from gateway.api.administration.operation import TheOperation
from gateway.api.dependencies import (
    ItAdministrator,
    MachineAdministrator,
    TheParts,
)
from gateway.api.signoff import TheDesk
from gateway.errors import Unknown
from gateway.identity.people import training_changed
from gateway.identity.roles import Right
from gateway.operations.presence import checking, reading

router = APIRouter(tags=["administration"])


@router.get("/systems", summary="AI systems and what was seen of them")
async def list_systems(_session: MachineAdministrator, parts: TheParts, desk: TheDesk, operation: TheOperation) -> SystemsView:
    """Every AI system of the running configuration; nobody is asked, this is what passing traffic showed."""
    await desk.stops.refresh()
    return SystemsView(systems=await status.systems(parts, operation, desk.stops.active))


@router.post("/systems/{system}/check", summary="Ask an AI system now whether it answers")
async def check_system(system: str, _session: MachineAdministrator, operation: TheOperation) -> CheckView:
    """One question without any patient's data; only when somebody asks for it."""
    if system not in operation.outbound.seen():
        message = "There is no AI system with this id in the configuration that runs. See 'garant systems list'."
        french = "Aucun système d’IA ne porte cet identifiant dans la configuration en service. Voyez « garant systems list »."
        raise Unknown(message, code="unknown_system", fr=french)
    checked = await checking.check(operation.outbound.door(system))
    return CheckView(system=system, good=checked.good, verdict=checked.verdict, status=checked.status, seconds=checked.seconds)


@router.get("/status", summary="Configuration on disk, database, log, replicas")
async def how_it_is(_session: MachineAdministrator, parts: TheParts, operation: TheOperation) -> StatusView:
    """How Garant itself is."""
    return await status.status(parts, operation)


@router.get("/activity", summary="Last sign-ins and last uses of keys")
async def activity(_session: ItAdministrator, parts: TheParts) -> ActivityView:
    """When each account last signed in and each key was last used; of other replicas up to a minute late."""
    return ActivityView(
        people=await reading.last_sign_ins(parts.database), machines=await reading.last_uses(parts.database, parts.machines.used)
    )


@router.put("/people/{person_id}/training", summary="Until when the training is valid")
async def change_training(person_id: UUID, body: Training, session: ItAdministrator, parts: TheParts) -> PersonView:
    """Say until when somebody's training for the tasks is valid; it counts from the next decision on."""
    person = await parts.people.get(person_id)
    by = session.person.author(parts.keys, Right.MANAGE_ACCOUNTS, session.authentication.for_log())
    await parts.writer.append(training_changed(person, body.trained_until, parts.keys, by, parts.clock.now()))
    return PersonView.of(await parts.people.get(person_id))

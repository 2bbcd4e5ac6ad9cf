"""For hospital IT: the keys of the clinical systems that call."""

from typing import Annotated, Self

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from gateway.api.accounts import Strict, Word
from gateway.api.dependencies import MachineAdministrator, Parts, TheParts
from gateway.errors import BadInput, Conflict, Unknown
from gateway.identity.machines import (
    Machine,
    NewMachine,
    create_machine,
    revoke_machine,
    stored,
)
from gateway.identity.roles import Author, Right
from gateway.identity.sessions import Session

router = APIRouter(tags=["machines"])
MachineId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]


class MachineWish(Strict):
    """A key to be made: for which tasks, on which site (default: the first)."""

    name: str = Field(min_length=1, max_length=120)
    tasks: frozenset[Word] = Field(min_length=1, max_length=256)
    site: str | None = Field(default=None, max_length=63)


class MachineView(BaseModel):
    """A key without its secret."""

    id: str
    name: str
    tasks: list[str]
    site: str

    @classmethod
    def of(cls, machine: Machine) -> Self:
        """The view of a machine."""
        return cls(id=machine.id, name=machine.name, tasks=sorted(machine.tasks), site=machine.site)


class MachinesView(BaseModel):
    """All valid keys."""

    machines: list[MachineView]


class KeyView(BaseModel):
    """A key, which is shown here and never again."""

    id: str
    key: str


@router.get("/machines", summary="All machine keys")
async def list_machines(_session: MachineAdministrator, parts: TheParts) -> MachinesView:
    """Every valid key."""
    return MachinesView(machines=[MachineView.of(machine) for machine in await stored(parts.database)])


@router.post("/machines", status_code=201, summary="Make a machine key")
async def make_machine(body: MachineWish, session: MachineAdministrator, parts: TheParts) -> KeyView:
    """Make a key for tasks and a site of this establishment."""
    site = body.site or parts.settings.establishment.sites[0]
    _check_known(parts, body.tasks, site)
    key = await create_machine(parts.writer, NewMachine(body.name, body.tasks, site), _author(parts, session))
    await parts.machines.refresh()
    return KeyView(id=key.split("_")[1], key=key)


@router.delete("/machines/{machine_id}", status_code=204, summary="Revoke a machine key")
async def end_machine(machine_id: MachineId, session: MachineAdministrator, parts: TheParts) -> None:
    """End a key on all replicas at once."""
    try:
        await revoke_machine(parts.writer, machine_id, _author(parts, session))
    except Conflict as error:
        french = "Aucune clé valide ne porte cet identifiant ; elle a peut-être déjà été révoquée. Rechargez la page."
        raise Unknown(error.message, fr=french) from error
    await parts.machines.refresh()


def _check_known(parts: Parts, tasks: frozenset[str], site: str) -> None:
    unknown = sorted(tasks - {task.id for task in parts.settings.tasks})
    if unknown:
        message = f"These tasks are not in the configuration: {', '.join(unknown)}. Add them there first."
        french = f"Ces activités ne figurent pas dans la configuration : {', '.join(unknown)}. Ajoutez-les d’abord à la configuration."
        raise BadInput(message, code="unknown_task", fr=french)
    if site not in parts.settings.establishment.sites:
        message = f"The site '{site}' is not in the configuration. Choose one of: {', '.join(parts.settings.establishment.sites)}."
        french = (
            f"Le site « {site} » ne figure pas dans la configuration. Choisissez l’un de : {', '.join(parts.settings.establishment.sites)}."
        )
        raise BadInput(message, code="unknown_site", fr=french)


def _author(parts: Parts, session: Session) -> Author:
    return session.person.author(parts.keys, Right.MANAGE_MACHINES, session.authentication.for_log())

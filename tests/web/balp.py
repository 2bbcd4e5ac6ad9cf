"""What the IHE BALP profiles demand of an AuditEvent, as a table, and who holds events against it.

Source: IHE ITI Basic Audit Log Patterns 1.1.4, the StructureDefinitions Create, Read, Update, Delete with their Patient… children and
PrivacyDisclosure.Source (https://profiles.ihe.net/ITI/BALP/artifacts.html). A fact is a path, how often it must and may be there, and
which codes it may have; `[name]` is a slice, chosen by the code of the element's type as the profiles' discriminators say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY = 10**6
USERS = ("AUT", "INF", "CST")
OBJECT_ROLES = ("4", "3", "20")


@dataclass(frozen=True)
class Fact:
    """One line of a profile: `codes` are what the element, or its code, may be."""

    path: str
    least: int
    most: int = 1
    codes: tuple[object, ...] = ()


def rest(action: str, interactions: tuple[str, ...], client: str, server: str, users: tuple[str, ...]) -> tuple[Fact, ...]:
    """What the profiles of RESTful activities have in common."""
    return (
        Fact("type", 1, codes=("rest",)),
        Fact(f"subtype[{'|'.join(interactions)}]", 1),
        Fact("action", 1, codes=(action,)),
        Fact("recorded", 1),
        Fact("outcome", 1, codes=("0",)),
        Fact("agent", 2, MANY),
        *(fact for code in (client, server) for fact in device(code)),
        Fact(f"agent[{'|'.join(users)}]", 0),
        Fact(f"agent[{'|'.join(users)}].who", 1),
        Fact(f"agent[{'|'.join(users)}].requestor", 1, codes=(True,)),
        Fact(f"agent[{'|'.join(users)}].network", 0, 0),
        Fact(f"agent[{'|'.join(users)}].media", 0, 0),
        Fact("source.observer", 1),
        *PATIENT,
        Fact("entity[2]", 1),
        Fact("entity[2].role", 0, codes=OBJECT_ROLES),
        Fact("entity[2].what", 1),
    )


def device(code: str) -> tuple[Fact, ...]:
    """A machine that took part."""
    here = f"agent[{code}]"
    return Fact(here, 1), Fact(f"{here}.who", 1), Fact(f"{here}.network", 1), Fact(f"{here}.media", 0, 0), Fact(f"{here}.requestor", 1)


PATIENT = (
    Fact("entity", 2, MANY),
    Fact("entity[1]", 1),
    Fact("entity[1].what", 1),
    Fact("entity[1].what.type", 0, codes=("Patient",)),
    Fact("entity[1].role", 1, codes=("1",)),
)
FORBIDDEN = tuple(
    Fact(f"agent[{code}].{name}", 0, 0)
    for code in ("110150", "custodian")
    for name in ("role", "altId", "name", "location", "policy", "purposeOfUse")
) + tuple(Fact(f"entity[{kind}].{name}", 0, 0) for kind in ("1", "2") for name in ("lifecycle", "name", "query", "detail"))
PROFILES = {
    "PatientCreate": rest("C", ("create",), "110153", "110152", USERS),
    "PatientRead": rest("R", ("read", "vread"), "110152", "110153", ("IRCP",)),
    "PatientUpdate": rest("U", ("update", "patch"), "110153", "110152", USERS),
    "PatientDelete": (*rest("D", ("delete",), "110150", "custodian", USERS), Fact("subtype", 1), *FORBIDDEN),
    "PrivacyDisclosure.Source": (
        Fact("modifierExtension", 0, 0),
        Fact("type", 1, codes=("110106",)),
        Fact("action", 1, codes=("R",)),
        Fact("subtype[disclose]", 1, MANY),
        Fact("recorded", 1),
        Fact("outcome", 1),
        Fact("agent", 2, MANY),
        *(fact for code in ("110153", "110152") for fact in device(code)),
        *PATIENT,
    ),
}


def profile(event: dict[str, Any]) -> str:
    """Which profile an event claims; empty where none."""
    claimed: list[str] = event.get("meta", {}).get("profile", [])
    return claimed[0].rpartition("IHE.BasicAudit.")[2] if claimed else ""


def broken(event: dict[str, Any]) -> list[str]:
    """What the event does not keep of the profile it claims."""
    name = profile(event)
    told = [fact.path for fact in PROFILES[name] if not kept(fact, event)]
    sources = [agent["who"] for agent in at("agent[110153]", event) if "who" in agent]
    told += ["val-audit-source"] if name.startswith("Privacy") and sources != [event["source"]["observer"]] else []
    return told


def kept(fact: Fact, event: dict[str, Any]) -> bool:
    """Whether a fact holds, in each element that it speaks of."""
    parent, _, last = fact.path.rpartition(".")
    for holder in at(parent, event) if parent else [event]:
        there = list(step(holder, last))
        if not fact.least <= len(there) <= fact.most:
            return False
        if fact.codes and not all(plain(one) in fact.codes for one in there):
            return False
    return True


def at(path: str, event: dict[str, Any]) -> list[Any]:
    """Every element at a path."""
    found: list[Any] = [event]
    for part in path.split("."):
        found = [child for holder in found for child in step(holder, part)]
    return found


def step(holder: dict[str, Any], part: str) -> Iterator[Any]:
    """The children of an element by name, and by slice."""
    name, _, chosen = part.removesuffix("]").partition("[")
    value = holder.get(name)
    children = value if isinstance(value, list) else [] if value is None else [value]
    yield from (one for one in children if not chosen or codes(one) & set(chosen.split("|")))


def codes(element: dict[str, Any]) -> set[str]:
    """The codes of an element's type, or its own where it is a code."""
    kind = element.get("type", element)
    return {one.get("code", "") for one in kind.get("coding", [kind])}


def plain(value: Any) -> Any:  # noqa: ANN401 - whatever the document holds
    """A code as it is compared."""
    return value.get("code") if isinstance(value, dict) else value

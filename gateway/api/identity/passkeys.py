"""Passkeys over HTTP: one's own, and the options with which a decision is signed."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field, JsonValue

from gateway.api.accounts import ProofView, Strict
from gateway.api.dependencies import Clinician, CurrentSession, Parts, TheParts
from gateway.errors import Forbidden
from gateway.signoff.models import Decision

router = APIRouter(tags=["passkeys"])
Json = Annotated[dict[str, JsonValue], Field(max_length=32)]
_OFF = "Passkeys are not used in this establishment: its configuration does not name them among the identity methods. Sign in another way."
_OFF_FR = "Les clés d'accès ne sont pas utilisées dans cet établissement : sa configuration ne les prévoit pas. Identifiez-vous autrement."


class PasskeyWish(Strict):
    """What `navigator.credentials.create()` gave, and the owner's name for it."""

    name: str = Field(min_length=1, max_length=60)
    credential: Json


class PasskeyProof(Strict):
    """What `navigator.credentials.get()` gave."""

    assertion: Json


class PasskeyView(BaseModel):
    """One of one's own passkeys."""

    id: UUID
    name: str
    created_at: datetime
    used_at: datetime | None


class PasskeysView(BaseModel):
    """One's own passkeys, the oldest first."""

    passkeys: list[PasskeyView]


@router.get("/passkeys", summary="My passkeys")
async def list_passkeys(session: CurrentSession, parts: TheParts) -> PasskeysView:
    """One's own passkeys."""
    return PasskeysView(
        passkeys=[PasskeyView.model_validate(one, from_attributes=True) for one in await parts.passkeys.listed(session.person)]
    )


@router.post("/passkeys/options", summary="Begin to add a passkey")
async def registration_options(session: CurrentSession, parts: TheParts) -> dict[str, JsonValue]:
    """Options for `navigator.credentials.create()`; needs a proof of identity of the last five minutes."""
    _check_on(parts)
    return _json(await parts.passkeys.registration(session))


@router.post("/passkeys", status_code=201, summary="Add a passkey")
async def add_passkey(body: PasskeyWish, session: CurrentSession, parts: TheParts) -> PasskeyView:
    """Keep a passkey that was just made."""
    _check_on(parts)
    return PasskeyView.model_validate(await parts.passkeys.register(session, body.name, body.credential), from_attributes=True)


@router.delete("/passkeys/{passkey}", status_code=204, summary="Remove a passkey")
async def remove_passkey(passkey: UUID, session: CurrentSession, parts: TheParts) -> None:
    """End one of one's own passkeys for good; what it signed stays valid."""
    await parts.passkeys.remove(session, passkey)


@router.post("/suggestions/{suggestion}/passkey-options", summary="Begin to sign a decision with a passkey")
async def decision_options(suggestion: UUID, body: Decision, session: Clinician, parts: TheParts) -> dict[str, JsonValue]:
    """Options for `navigator.credentials.get()` whose challenge is made of exactly this decision."""
    _check_on(parts)
    return _json(await parts.passkeys.decision_options(session, suggestion, body.model_dump(mode="json")))


@router.post("/session/passkey-options", summary="Begin to prove with a passkey who I am")
async def confirm_options(session: CurrentSession, parts: TheParts) -> dict[str, JsonValue]:
    """Options for `navigator.credentials.get()` that prove who one is and decide nothing."""
    _check_on(parts)
    return _json(await parts.passkeys.confirm_options(session))


@router.post("/session/passkey", summary="Prove with a passkey who I am")
async def confirm(body: PasskeyProof, session: CurrentSession, parts: TheParts) -> ProofView:
    """Renew the proof of identity with what `navigator.credentials.get()` gave."""
    _check_on(parts)
    proven = await parts.passkeys.confirm(session, body.assertion)
    return ProofView(method=proven.method, at=proven.at)


def _check_on(parts: Parts) -> None:
    if "passkey" not in parts.settings.identity.methods:
        raise Forbidden(_OFF, code="passkeys_off", fr=_OFF_FR)


def _json(options: dict[str, object]) -> dict[str, JsonValue]:
    return {name: value for name, value in options.items() if value is not None}  # type: ignore[misc] # the library's JSON

"""The secret files of an establishment: made once, never shipped, never defaulted.

`log.key` signs the log; `kek.json` wraps payload keys; `index.key` hides references and pseudonyms. They are apart
from the database's credentials on purpose (`audit.md`, "Checkpoint").
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.note import SigningKey, VerifierKey
from gateway.errors import Misconfigured
from gateway.suggestions.content import Vault

if TYPE_CHECKING:
    from pathlib import Path

FILES: Final = ("log.key", "kek.json", "index.key", "webhook.key")


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys, loaded; `index` and `webhook` are raw bytes."""

    log: SigningKey
    vault: Vault
    index: bytes
    webhook: Ed25519PrivateKey

    @property
    def vkeys(self) -> tuple[VerifierKey, ...]:
        """Who may have signed this log."""
        return (self.log.verifier(),)

    def hidden(self, purpose: str, value: bytes) -> bytes:
        """A keyed hash (32 bytes) of a reference that must not be readable in the database."""
        return hmac.digest(self.index, purpose.encode() + b"\n" + value, "sha256")


def create(directory: Path, origin: str) -> tuple[Path, ...]:
    """Make the key files that are missing, readable by their owner only. Returns those made."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    contents = {"log.key": _private_key, "kek.json": _key_encryption_keys, "index.key": _random_key, "webhook.key": _private_key}
    made = tuple(_write(directory / name, contents[name]()) for name in FILES if not (directory / name).exists())
    (directory / "log.vkey").write_text(load(directory, origin).log.verifier().encode() + "\n", encoding="utf-8")
    return made


def load(directory: Path, origin: str) -> Keys:
    """Read the key files.

    Raises:
        Misconfigured: a file is missing, unreadable or weak; the message says which and what to run.
    """
    missing = [name for name in FILES if not (directory / name).is_file()]
    if missing:
        message = f"Secret files are missing in {directory}: {', '.join(missing)}. There are no default secrets; run 'garant keys create' once, and back the folder up."
        raise Misconfigured(message)
    try:
        return _load(directory, origin)
    except (ValueError, KeyError, TypeError, OSError) as error:
        message = f"A secret file in {directory} cannot be read ({type(error).__name__}: {error}). Restore it from the backup; a new one could not open old payloads."
        raise Misconfigured(message) from error


def _load(directory: Path, origin: str) -> Keys:
    kek = json.loads((directory / "kek.json").read_text(encoding="utf-8"))
    keys = {name: _strong(base64.b64decode(value, validate=True)) for name, value in kek["keys"].items()}
    index = _strong(base64.b64decode((directory / "index.key").read_text(encoding="ascii").strip(), validate=True))
    return Keys(
        SigningKey(origin, _ed25519(directory / "log.key")), Vault(keys, kek["current"]), index, _ed25519(directory / "webhook.key")
    )


def _ed25519(path: Path) -> Ed25519PrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        message = f"{path.name} is not an Ed25519 key"
        raise TypeError(message)
    return key


def _strong(key: bytes) -> bytes:
    if len(key) != 32 or len(set(key)) < 8:  # noqa: PLR2004 - 256 bits; a constant filler is not a secret
        message = "a key is not 32 random bytes"
        raise ValueError(message)
    return key


def _write(path: Path, content: bytes) -> Path:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return path


def _private_key() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _random_key() -> bytes:
    return base64.b64encode(secrets.token_bytes(32)) + b"\n"


def _key_encryption_keys() -> bytes:
    name = f"kek-{secrets.token_hex(4)}"
    return json.dumps({"current": name, "keys": {name: base64.b64encode(secrets.token_bytes(32)).decode()}}).encode() + b"\n"

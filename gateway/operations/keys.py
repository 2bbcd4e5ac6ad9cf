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

from gateway.audit.export import sync_folder
from gateway.audit.note import SigningKey, VerifierKey
from gateway.errors import Misconfigured
from gateway.suggestions.content import Vault

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILES: Final = ("log.key", "kek.json", "index.key", "webhook.key")
NEXT: Final = "log.next.key"
"""The log's next key, while both sign; announced in the log before it has this name."""
RETIRED: Final = "log.retired.vkey"
"""Public keys that signed this log before, one a line, the oldest first."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys, loaded; `index` and `webhook` are raw bytes."""

    log: SigningKey
    vault: Vault
    index: bytes
    webhook: Ed25519PrivateKey
    next: SigningKey | None = None
    retired: tuple[VerifierKey, ...] = ()

    @property
    def vkeys(self) -> tuple[VerifierKey, ...]:
        """Who may have signed this log, in the order in which they did."""
        following = () if self.next is None else (self.next.verifier(),)
        return (*self.retired, self.log.verifier(), *following)

    @property
    def beside(self) -> tuple[SigningKey, ...]:
        """Who signs beside the log's key while keys are changed."""
        return () if self.next is None else (self.next,)

    def hidden(self, purpose: str, value: bytes) -> bytes:
        """A keyed hash (32 bytes) of a reference that must not be readable in the database."""
        return hmac.digest(self.index, purpose.encode() + b"\n" + value, "sha256")


def create(directory: Path, origin: str) -> tuple[Path, ...]:
    """Make the key files that are missing, readable by their owner only. Returns those made."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    contents = {"log.key": private_key, "kek.json": _key_encryption_keys, "index.key": _random_key, "webhook.key": private_key}
    made = tuple(write(directory / name, contents[name]()) for name in FILES if not (directory / name).exists())
    write_vkeys(directory, load(directory, origin))
    return made


def write_vkeys(directory: Path, keys: Keys) -> None:
    """Write the public keys for verifiers, one a line."""
    (directory / "log.vkey").write_text("".join(f"{key.encode()}\n" for key in keys.vkeys), encoding="utf-8")


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
    vault = Vault(*read_keks(directory / "kek.json"), KekFile(directory / "kek.json").changed)
    following = SigningKey(origin, read_private(directory / NEXT)) if (directory / NEXT).is_file() else None
    retired = (directory / RETIRED).read_text(encoding="utf-8").splitlines() if (directory / RETIRED).is_file() else []
    index = _strong(base64.b64decode((directory / "index.key").read_text(encoding="ascii").strip(), validate=True))
    log, webhook = SigningKey(origin, read_private(directory / "log.key")), read_private(directory / "webhook.key")
    return Keys(log, vault, index, webhook, following, tuple(VerifierKey.decode(line) for line in retired))


def read_keks(path: Path) -> tuple[dict[str, bytes], str]:
    """The key-encryption keys of a file by their ids, and the id of the current one. Raises ValueError, KeyError, TypeError, OSError."""
    kek = json.loads(path.read_text(encoding="utf-8"))
    keys = {name: _strong(base64.b64decode(value, validate=True)) for name, value in kek["keys"].items()}
    if kek["current"] not in keys:
        message = "the current key-encryption key is not in the file"
        raise ValueError(message)
    return keys, kek["current"]


def write_keks(path: Path, keys: Mapping[str, bytes], current: str, following: str = "") -> None:
    """Write the key-encryption keys, and which will be current next; the file changes whole or not at all."""
    listed = {name: base64.b64encode(key).decode() for name, key in keys.items()}
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    write(part, json.dumps({"current": current, "keys": listed, **({"next": following} if following else {})}).encode() + b"\n")
    part.replace(path)
    sync_folder(path.parent)


class KekFile:
    """A file of key-encryption keys that may change under a running replica."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._state()

    def changed(self) -> tuple[dict[str, bytes], str] | None:
        """What it holds, where it is another file than at the last look; else None. Raises ValueError, KeyError, TypeError, OSError."""
        state = self._state()
        if state == self._seen:
            return None
        found = read_keks(self._path)
        self._seen = state
        return found

    def _state(self) -> tuple[int, int]:
        status = self._path.stat()
        return status.st_mtime_ns, status.st_ino


def read_private(path: Path) -> Ed25519PrivateKey:
    """The private key in a file. Raises ValueError, TypeError, OSError."""
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


def write(path: Path, content: bytes) -> Path:
    """Write a secret file that is not there yet, readable by its owner alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return path


def private_key() -> bytes:
    """A new private key as it is kept in a file."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _random_key() -> bytes:
    return base64.b64encode(secrets.token_bytes(32)) + b"\n"


def _key_encryption_keys() -> bytes:
    name = f"kek-{secrets.token_hex(4)}"
    return json.dumps({"current": name, "keys": {name: base64.b64encode(secrets.token_bytes(32)).decode()}}).encode() + b"\n"

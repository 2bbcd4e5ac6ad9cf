"""What `garant init` asks, in order, as data: each question with its default, its rule and when it is asked.

Promises: every answer that the rules accept makes a configuration that `garant check` accepts; a clinical kind is refused
a release mode in which something would leave without a sign-off.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import urlsplit

from gateway.errors import BadInput
from gateway.policy.models import CLINICAL, CLINICAL_MODES, Kind, ReleaseMode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Given: TypeAlias = "Mapping[str, str]"
PROTOCOLS: Final = ("openai", "inference_v2", "json")
DATABASES: Final = ("embedded", "external")
IDENTITIES: Final = ("password", "passkey", "oidc")
_CLINICAL_MODES: Final = frozenset(mode.value for mode in CLINICAL_MODES)
_CLINICAL_KINDS: Final = frozenset(kind.value for kind in CLINICAL)
_IDENTIFIER: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.:-]*[A-Za-z0-9])?")
_SITE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_LOGIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{1,63}")
_POINTER: Final = re.compile(r"(?:/(?:[^~/\x00-\x1f]|~[01])*)+")
_MOST: Final = 200
_PORTS: Final = 65_535
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Question:
    """One question; `rule` gives the name of the refusal, or None for a good answer."""

    name: str
    default: Callable[[Given], str]
    rule: Callable[[str, Given], str | None]
    asked: Callable[[Given], bool] = lambda _: True
    choices: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def texts() -> dict[str, dict[str, str]]:
    """Every word of the questions, refusals and comments, by name and language."""
    return tomllib.loads(files("gateway.configuration.first_run").joinpath("words.toml").read_text(encoding="utf-8"))


def check_answer(question: Question, value: str, given: Given) -> None:
    """Refuse an answer that makes no configuration. Raises BadInput in words (fr and en) that name the option."""
    name = question.rule(value, given)
    if name is None:
        return
    said = {language: text.format(value=value[:80], **given) for language, text in texts()[f"wrong_{name}"].items()}
    option = question.name.replace("_", "-")
    raise BadInput(f"--{option}: {said['en']}", code=f"init_{name}", fr=f"--{option} : {said['fr']}")


def allowed(kind: str, mode: str) -> bool:
    """Whether a task of this kind may be released in this mode."""
    return kind not in _CLINICAL_KINDS or mode in _CLINICAL_MODES


def listed(text: str) -> tuple[str, ...]:
    """The parts of a list that was typed with commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def named(text: str, otherwise: str) -> str:
    """An identifier made from a name: lower case, without accents."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:63].strip("-") or otherwise


def _text(value: str, _given: Given) -> str | None:
    printable = all(character.isprintable() for character in value)
    return None if value.strip() and printable and len(value) <= _MOST else "text"


def _matching(pattern: re.Pattern[str], name: str, *, may_be_empty: bool = False) -> Callable[[str, Given], str | None]:
    return lambda value, _: None if pattern.fullmatch(value) or (may_be_empty and not value) else name


def _among(choices: tuple[str, ...]) -> Callable[[str, Given], str | None]:
    return lambda value, _: None if value in choices else "choice"


def _sites(value: str, _given: Given) -> str | None:
    sites = listed(value)
    return None if sites and len(set(sites)) == len(sites) and all(_SITE.fullmatch(site) for site in sites) else "sites"


def _port(value: str, _given: Given) -> str | None:
    return None if value.isascii() and value.isdigit() and 0 < int(value) <= _PORTS else "port"


def _models(value: str, given: Given) -> str | None:
    models = listed(value)
    return None if models and all(_text(model, given) is None for model in models) else "models"


def _web(value: str, _given: Given) -> str | None:
    return None if _address(value) else "address"


def _web_or_none(value: str, _given: Given) -> str | None:
    return None if not value or _address(value) else "address"


def _upstream(value: str, given: Given) -> str | None:
    door = _address(value)
    if door is None:
        return "address"
    own = {_address(given["public_url"]), ("localhost", int(given["port"]))}
    return "circle" if door in own else None


def _mode(value: str, given: Given) -> str | None:
    if value not in set(ReleaseMode):
        return "choice"
    return None if allowed(given["kind"], value) else "mode"


def _identity(value: str, given: Given) -> str | None:
    if value not in IDENTITIES:
        return "choice"
    address = urlsplit(given["public_url"])
    secure = address.hostname == "localhost" or (address.scheme == "https" and not _is_number(address.hostname or ""))
    return "passkey" if value == "passkey" and not secure else None


def _issuer(value: str, _given: Given) -> str | None:
    if not _address(value):
        return "issuer"
    address = urlsplit(value)
    return None if address.scheme == "https" or address.hostname in _LOOPBACK else "issuer"


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _address(text: str) -> tuple[str, int] | None:
    """Host and port of a web address without credentials, or None."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").lower()
    good = parts.scheme in {"http", "https"} and _HOST.fullmatch(host) and "@" not in parts.netloc
    if not good or not text.isascii() or any(character.isspace() for character in text):
        return None
    return ("localhost" if host in _LOOPBACK else host), port or (443 if parts.scheme == "https" else 80)


def _default_mode(given: Given) -> str:
    if given["kind"] in _CLINICAL_KINDS:
        return "hold"
    return "draft" if given["kind"] == Kind.DOCUMENTATION else "log_only"


def _is(name: str, *values: str) -> Callable[[Given], bool]:
    return lambda given: given[name] in values


def _always(text: str) -> Callable[[Given], str]:
    return lambda _: text


QUESTIONS: Final = (
    Question("name", lambda given: texts()["default_name"][given["language"]], _text),
    Question("id", lambda given: named(given["name"], "hospital"), _matching(_IDENTIFIER, "identifier")),
    Question("host", _always("localhost"), _matching(_HOST, "host")),
    Question("sites", _always("main"), _sites),
    Question("port", _always("8080"), _port),
    Question("public_url", lambda given: f"http://127.0.0.1:{given['port']}", _web),
    Question("system_name", lambda given: texts()["default_system"][given["language"]], _text),
    Question("system", lambda given: named(given["system_name"], "ai-system"), _matching(_IDENTIFIER, "identifier")),
    Question("version", _always("1"), _text),
    Question("protocol", _always("openai"), _among(PROTOCOLS), choices=PROTOCOLS),
    Question("address", lambda given: f"http://127.0.0.1:{8000 if given['port'] != '8000' else 8001}", _upstream),
    Question("models", _always("model"), _models, _is("protocol", "openai", "inference_v2")),
    Question("path", _always("/predict"), _matching(_POINTER, "path"), _is("protocol", "json")),
    Question("field", _always("/result"), _matching(_POINTER, "pointer"), _is("protocol", "json")),
    Question("secret_env", _always(""), _matching(_VARIABLE, "variable", may_be_empty=True)),
    Question("kind", _always("diagnosis"), _among(tuple(Kind)), choices=tuple(kind.value for kind in Kind)),
    Question("task_name", lambda given: texts()[f"default_task_{given['kind']}"][given["language"]], _text),
    Question("task", lambda given: named(given["task_name"], "task"), _matching(_IDENTIFIER, "identifier")),
    Question("profession", _always("physician"), _matching(_IDENTIFIER, "identifier")),
    Question("mode", _default_mode, _mode, choices=tuple(mode.value for mode in ReleaseMode)),
    Question("on_call", _always(""), _matching(_LOGIN, "on_call"), _is("mode", "notify_now")),
    Question("pager", _always(""), _web_or_none, _is("mode", "notify_now")),
    Question("identity", _always("password"), _identity, choices=IDENTITIES),
    Question("issuer", _always(""), _issuer, _is("identity", "oidc")),
    Question("client_id", _always("garant"), _text, _is("identity", "oidc")),
    Question("client_secret_env", _always(""), _matching(_VARIABLE, "variable", may_be_empty=True), _is("identity", "oidc")),
    Question("database", _always("embedded"), _among(DATABASES), choices=DATABASES),
)

"""The two files that `garant init` writes, from answers alone: every line with a comment in the hospital's language."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.configuration.first_run.questions import listed, texts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from gateway.configuration.first_run.questions import Given

MAIN: Final = "garant.toml"
SHARED: Final = "policies.toml"
ROTA: Final = "on-call"
_COLUMN: Final = 44
_CLOCKS: Final = {"hold": (3600, 3), "notify_now": (900, 1), "draft": (86_400, 4), "shadow": (86_400, 5), "log_only": (86_400, 5)}
Line: TypeAlias = tuple[str, str, str]


def files(given: Given, today: date) -> dict[str, str]:
    """Name and text of each file, the shared one first."""
    return {SHARED: policies(given), MAIN: main(given, today)}


def policies(given: Given) -> str:
    """`policies.toml`: the first policy and the first task."""
    clock, urgency = _CLOCKS[given["mode"]]
    policy: list[Line] = [
        ("id", _quoted(_policy(given)), "policy_id"),
        ("release_mode", _quoted(given["mode"]), f"mode_{given['mode']}"),
        ("clock_seconds", str(clock), "clock"),
        ("expires_seconds", "86400", "expires"),
        ("urgency", str(urgency), "urgency"),
        ("two_person", "false", "two_person"),
        ("reauthenticate_seconds", "0", "reauthenticate"),
    ]
    if given["mode"] == "notify_now":
        policy += [("notify_rota", _quoted(ROTA), "notify_rota"), ("escalation", f"[{_quoted(ROTA)}]", "escalation")]
    task: list[Line] = [
        ("id", _quoted(given["task"]), "task_id"),
        ("kind", _quoted(given["kind"]), "kind"),
        ("policy", _quoted(_policy(given)), "task_policy"),
        ("profession", _quoted(given["profession"]), "profession"),
        ("name", f"{{ fr = {_quoted(given['task_name'])}, en = {_quoted(given['task_name'])} }}", "task_name"),
    ]
    return _file(given, "head_policies", [("[[policies]]", "policies", policy), ("[[tasks]]", "tasks", task)])


def main(given: Given, today: date) -> str:
    """`garant.toml`: the establishment, where it listens, the first AI system and its route."""
    tables: list[tuple[str, str, list[Line]]] = [
        ("", "", _top()),
        *identity(given),
        ("[establishment]", "establishment", _establishment(given)),
        ("[server]", "server", _server(given)),
        ("[database]", f"database_{given['database']}", [("directory", _quoted(".garant/postgres"), "directory")]),
        ("[[systems]]", "systems", _system(given)),
        ("[systems.upstream]", "upstream", _upstream(given)),
        ("[systems.attributes]", "attributes", [(name, '""', f"attribute_{name}") for name in _ATTRIBUTES]),
        ("[[routes]]", "routes", _route(given)),
    ]
    if given["mode"] == "notify_now":
        tables += _notified(given, today)
    return _file(given, "head_main", tables)


def identity(given: Given) -> list[tuple[str, str, list[Line]]]:
    """How people prove who they are; the only place that knows the choices of this version."""
    methods = ["password"] if given["identity"] == "password" else ["password", given["identity"]]
    listing = ", ".join(_quoted(method) for method in methods)
    found: list[tuple[str, str, list[Line]]] = [("[identity]", "identity", [("methods", f"[{listing}]", f"methods_{given['identity']}")])]
    if given["identity"] == "oidc":
        provider: list[Line] = [("issuer", _quoted(given["issuer"]), "issuer"), ("client_id", _quoted(given["client_id"]), "client_id")]
        if given["client_secret_env"]:
            provider.append(("secret_env", _quoted(given["client_secret_env"]), "secret_env"))
        found.append(("[identity.oidc]", "oidc", provider))
    return found


_ATTRIBUTES: Final = ("provider", "intended_use", "population", "known_limits", "validation", "subgroups", "local_validation", "contact")


def _top() -> list[Line]:
    return [
        ("profile", _quoted("pilot"), "profile"),
        ("policies", _quoted(SHARED), "policies_file"),
        ("keys_directory", _quoted(".garant/keys"), "keys"),
        ("spool_directory", _quoted(".garant/spool"), "spool"),
        ("log_level", _quoted("info"), "log_level"),
    ]


def _establishment(given: Given) -> list[Line]:
    sites = ", ".join(_quoted(site) for site in listed(given["sites"]))
    return [
        ("id", _quoted(given["id"]), "id"),
        ("name", _quoted(given["name"]), "name"),
        ("host", _quoted(given["host"]), "host"),
        ("sites", f"[{sites}]", "sites"),
    ]


def _server(given: Given) -> list[Line]:
    return [
        ("host", _quoted("127.0.0.1"), "listen"),
        ("port", given["port"], "port"),
        ("public_url", _quoted(given["public_url"]), "public_url"),
        ("replicas", "1", "replicas"),
    ]


def _system(given: Given) -> list[Line]:
    found = [
        ("id", _quoted(given["system"]), "system_id"),
        ("name", _quoted(given["system_name"]), "system_name"),
        ("version", _quoted(given["version"]), "version"),
        ("protocol", _quoted(given["protocol"]), "protocol"),
    ]
    if given["protocol"] != "json":
        found.append(("models", "[" + ", ".join(_quoted(model) for model in listed(given["models"])) + "]", "models"))
    return found


def _upstream(given: Given) -> list[Line]:
    found = [("url", _quoted(given["address"]), "url")]
    if given["secret_env"]:
        found.append(("secret_env", _quoted(given["secret_env"]), "secret_env"))
    return [*found, ("first_byte_seconds", "60.0", "first_byte"), ("total_seconds", "300.0", "total")]


def _route(given: Given) -> list[Line]:
    found = [("system", _quoted(given["system"]), "route_system"), ("task", _quoted(given["task"]), "route_task")]
    if given["protocol"] == "json":
        field = f"[{{ pointer = {_quoted(given['field'])}, label = {_quoted(given['field'].strip('/') or 'result')} }}]"
        found += [("path", _quoted(given["path"]), "path"), ("fields", field, "fields")]
    return [*found, ("wait_seconds", "50.0", "wait")]


def _notified(given: Given, today: date) -> list[tuple[str, str, list[Line]]]:
    end = today + timedelta(days=365)
    shift = f"{{ person = {_quoted(given['on_call'])}, start = {_quoted(_midnight(today))}, end = {_quoted(_midnight(end))} }}"
    rota: list[Line] = [("id", _quoted(ROTA), "rota_id"), ("shifts", f"[{shift}]", "shifts")]
    found: list[tuple[str, str, list[Line]]] = [("[[rotas]]", "rotas", rota)]
    if given["pager"]:
        hook: list[Line] = [
            ("id", _quoted("pager"), "webhook_id"),
            ("url", _quoted(given["pager"]), "webhook_url"),
            ("groups", f"[{_quoted(ROTA)}]", "webhook_groups"),
        ]
        found.append(("[[webhooks]]", "webhooks", hook))
    return found


def _file(given: Given, head: str, tables: Iterable[tuple[str, str, list[Line]]]) -> str:
    language = given["language"]
    lines = [f"# {line}" for line in texts()[head][language].splitlines()]
    for title, note, values in tables:
        lines.append("")
        if title:
            lines.append(_noted(title, f"note_{note}", language))
        lines += [_noted(f"{key} = {value}", f"note_{word}", language) for key, value, word in values]
    return "\n".join(lines) + "\n"


def _noted(code: str, word: str, language: str) -> str:
    return f"{code:<{_COLUMN}} # {texts()[word][language]}"


def _policy(given: Given) -> str:
    return f"{given['kind']}-{given['mode'].replace('_', '-')}"


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's form is one but for DEL, which TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

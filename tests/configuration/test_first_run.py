"""`garant init`: every combination of answers is accepted by the checker; what may not be is refused in words, in both languages."""

from __future__ import annotations

import re
import string
import tomllib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.commands.setting_up import answers
from gateway.configuration.check import check
from gateway.configuration.first_run import writing
from gateway.configuration.first_run.questions import QUESTIONS, allowed, named, texts
from gateway.errors import LANGUAGES, BadInput
from gateway.policy.models import CLINICAL, Kind, ReleaseMode
from gateway.settings import Settings

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

TODAY = datetime.now(UTC).date()
lines = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), min_size=1, max_size=60).filter(
    lambda text: text.strip() and text.isprintable()
)
ids = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=20)
pointers = st.lists(ids, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))


@st.composite
def options(draw: DrawFn) -> dict[str, str]:
    kind = draw(st.sampled_from(Kind))
    mode = draw(st.sampled_from([mode for mode in ReleaseMode if allowed(kind, mode)]))
    names = {name: draw(lines) for name in ("name", "system_name", "task_name", "version")}
    return names | {
        "protocol": draw(st.sampled_from(["openai", "inference_v2", "json"])),
        "kind": kind.value,
        "mode": mode.value,
        "sites": ",".join(draw(st.lists(ids, min_size=1, max_size=4, unique=True))),
        "models": ",".join(draw(st.lists(ids, min_size=1, max_size=3, unique=True))),
        "path": draw(pointers),
        "field": draw(pointers),
        "profession": draw(ids),
        "secret_env": draw(st.sampled_from(["", "READER_SECRET"])),
        "on_call": "dr.martin",
        "pager": draw(st.sampled_from(["", "https://pager.invalid/hook"])),
        "identity": draw(st.sampled_from(["password", "passkey", "oidc"])),
        "public_url": "https://garant.invalid",
        "issuer": draw(st.sampled_from(["https://login.invalid/realms/main", "http://127.0.0.1:9000"])),
        "client_id": draw(lines),
        "client_secret_env": draw(st.sampled_from(["", "CLIENT_SECRET"])),
        "database": draw(st.sampled_from(["embedded", "external"])),
        "port": str(draw(st.integers(1, 65_535))),
        "address": draw(st.sampled_from(["https://ai.invalid", "http://10.0.0.5:9000/base"])),
    }


@given(options(), st.sampled_from(LANGUAGES))
def test_whatever_is_accepted_is_accepted_by_the_checker(
    tmp_path_factory: pytest.TempPathFactory, chosen: dict[str, str], language: str
) -> None:
    folder = tmp_path_factory.mktemp("init")
    found = answers(language, chosen, ask=False)
    for name, text in writing.files(found, TODAY).items():
        (folder / name).write_text(text, encoding="utf-8")
    problems = check(folder / "garant.toml", dict.fromkeys(("READER_SECRET", "CLIENT_SECRET"), "a1b2c3d4e5f6g7h8"))
    assert [problem for problem in problems if problem.severity == "error"] == []


@given(options(), st.sampled_from(LANGUAGES))
def test_the_files_say_what_was_answered(chosen: dict[str, str], language: str) -> None:
    found = answers(language, chosen, ask=False)
    main, shared = (tomllib.loads(text) for text in (writing.main(found, TODAY), writing.policies(found)))
    main["policies"] = shared["policies"]
    settings = Settings.model_validate({**main, "tasks": shared["tasks"]})
    task, policy = settings.tasks[0], settings.policies[0]
    assert (settings.establishment.name, settings.systems[0].name, task.name[language]) == (
        found["name"],
        found["system_name"],
        found["task_name"],
    )
    assert (task.kind, policy.release_mode, settings.systems[0].protocol) == (found["kind"], found["mode"], found["protocol"])
    assert str(settings.systems[0].upstream.url).rstrip("/") == found["address"].rstrip("/")


@pytest.mark.parametrize("kind", sorted(CLINICAL))
@pytest.mark.parametrize("mode", ["draft", "log_only"])
def test_a_clinical_kind_is_refused_what_would_leave_unsigned(kind: str, mode: str) -> None:
    with pytest.raises(BadInput) as caught:
        answers("fr", {"kind": kind, "mode": mode}, ask=False)
    assert "needs a signature" in caught.value.said("en")
    assert "exige une signature" in caught.value.said("fr")


REFUSED = [
    ({"id": "CHU Nord"}, "lower case"),
    ({"host": "https://garant.invalid/x"}, "no host name"),
    ({"sites": "a,a"}, "each once"),
    ({"port": "0"}, "no port"),
    ({"port": "٣"}, "no port"),
    ({"address": "ftp://ai.invalid"}, "no web address"),
    ({"address": "http://login:word@ai.invalid"}, "no login or password"),
    ({"address": "http://localhost:8080/x"}, "in a circle"),
    ({"models": " , "}, "at least one name of a model"),
    ({"secret_env": "the secret itself"}, "never written here"),
    ({"protocol": "json", "field": "result"}, "no JSON Pointer"),
    ({"protocol": "grpc"}, "not one of the choices"),
    ({"kind": "triage", "mode": "notify_now"}, "on call"),
    ({"name": "a\nb"}, "one line of text"),
    ({"mode": "soon"}, "not one of the choices"),
    ({"identity": "none"}, "not one of the choices"),
    ({"identity": "passkey"}, "https with a host name"),
    ({"identity": "oidc"}, "https address of the OpenID provider"),
    ({"identity": "oidc", "issuer": "http://login.invalid"}, "https address of the OpenID provider"),
]


@pytest.mark.parametrize(("chosen", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_a_bad_answer_is_refused_with_its_option_and_what_would_do(chosen: dict[str, str], words: str) -> None:
    with pytest.raises(BadInput) as caught:
        answers("en", chosen, ask=False)
    assert words in caught.value.message
    assert caught.value.message.startswith("--")
    assert caught.value.fr != caught.value.message


def test_every_question_refusal_and_comment_stands_in_both_languages() -> None:
    assert [name for name, entry in texts().items() if set(entry) != set(LANGUAGES) or not all(entry.values())] == []
    assert [question.name for question in QUESTIONS if f"ask_{question.name}" not in texts()] == []


def test_comments_are_in_the_language_that_was_chosen() -> None:
    french, english = (writing.policies(answers(language, {}, ask=False)) for language in LANGUAGES)
    assert "rien ne sort avant la signature" in french
    assert "nothing leaves before the signature" in english
    assert all("#" in line for line in french.splitlines() if re.match(r"\S+ = ", line))


@given(st.text(max_size=40))
def test_a_name_becomes_an_identifier(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", named(name, "otherwise"))

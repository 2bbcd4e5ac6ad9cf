"""Hospital IT's pages: what they list, what they do, who may not; one thing at a time, each logged, each refusal in words (R5)."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.identity.roles import Right, Role, rights_of
from tests.fakes.model_server import Script

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stage import Stage

HOSTILE = "<script>alert(1)</script>"
HOME = "/administration"


@pytest.fixture
def browser(stage: Stage) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stage.base, follow_redirects=True, headers={"accept-language": "en"}, timeout=20) as client:
        yield client


@pytest.fixture
def it(stage: Stage, browser: httpx.Client) -> httpx.Client:
    assert signed_in(stage, browser, "it").url.path == HOME
    return browser


def field(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', page.text)
    assert found, page.text[:2000]
    return unescape(found[1])


def signed_in(stage: Stage, browser: httpx.Client, login: str) -> httpx.Response:
    return browser.post("/sign-in", data={"login": login, "password": stage.clinician(login).password})


def done(client: httpx.Client, path: str, **form: str | list[str]) -> httpx.Response:
    return client.post(f"{HOME}{path}", data={"csrf": field(client.get(HOME), "csrf"), **form})


def text(page: httpx.Response) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.text)).split())


def account(client: httpx.Client, login: str) -> str:
    found = re.search(rf'href="/administration(/accounts/[0-9a-f-]+)">{re.escape(login)}<', client.get(HOME).text)
    assert found
    return found[1]


def make(client: httpx.Client, **more: str | list[str]) -> httpx.Response:
    wish: dict[str, str | list[str]] = {"name": "Dr New", "profession": "doctor", "roles": ["clinician"], **more}
    return done(client, "/accounts", **wish)


def secret(page: httpx.Response) -> str:
    found = re.search(r"<p><code>([^<]+)</code></p>", page.text)
    assert found, text(page)[:600]
    return found[1]


@pytest.mark.parametrize("login", ["dr.a", "quality", "auditor"])
@pytest.mark.parametrize(("language", "sentence"), [("en", "Ask hospital IT"), ("fr", "adressez-vous à l'informatique")])
def test_who_is_not_it_is_refused_in_words(stage: Stage, browser: httpx.Client, login: str, language: str, sentence: str) -> None:
    if login not in stage.one_time:
        stage.one_time[login] = secret_of_auditor(stage)
    page = signed_in(stage, browser, login)
    browser.headers["accept-language"] = language
    csrf = field(page, "csrf")
    answers = [browser.get(HOME), browser.post(f"{HOME}/machines", data={"csrf": csrf, "name": "x", "tasks": "letter"})]
    assert [answer.status_code for answer in answers] == [403, 403]
    assert all(sentence in unescape(answer.text) for answer in answers)


def secret_of_auditor(stage: Stage) -> str:
    wish = {"login": "auditor", "name": "Ada", "profession": "auditor", "roles": ["auditor"]}
    return str(stage.api(stage.clinician("it"), "POST", "/people", wish).json()["one_time_password"])


def test_an_administrator_cannot_sign(stage: Stage, it: httpx.Client) -> None:
    assert Right.SIGN not in rights_of({Role.IT})
    assert stage.api(stage.clinician("it"), "GET", "/queue").status_code == 403
    assert it.get("/queue").status_code == 403


def test_who_is_not_signed_in_is_sent_to_sign_in(browser: httpx.Client) -> None:
    assert "/sign-in" in browser.get(HOME).text


def test_the_page_lists_systems_tasks_accounts_keys_and_how_garant_is(stage: Stage, it: httpx.Client) -> None:
    stage.chat("letter")
    said = text(it.get(HOME))
    wanted = ["Reader", "127.0.0.1:", "OpenAI: reader", "answers this page", "PostgreSQL", "is written normally", "no problem found"]
    wanted += ["Held: nothing leaves before the signature.", "two different people", "dr.a", "none demanded", "main", "in service"]
    assert [words for words in wanted if words not in said] == []
    assert "upstream-secret" not in it.get(HOME).text
    assert f'{stage.model.url}"' not in it.get(HOME).text


def test_the_page_speaks_french(it: httpx.Client) -> None:
    said = text(it.get(f"{HOME}?lang=fr"))
    assert [words for words in ("Systèmes d'IA", "Retenu : rien ne sort avant la signature.", "aucun problème") if words not in said] == []


def test_what_the_checker_says_of_the_file_on_disk_is_shown(stage: Stage, it: httpx.Client) -> None:
    path = stage.settings.keys_directory.parent / "garant.toml"
    sound = path.read_text(encoding="utf-8")
    path.write_text(sound.replace('task = "diagnosis"', 'task = "x"', 1), encoding="utf-8")
    broken = text(it.get(HOME))
    path.write_text(sound + "\n# later\n", encoding="utf-8")
    same = text(it.get(HOME))
    path.write_text(sound.replace('name = "Test"', 'name = "Test Two"'), encoding="utf-8")
    other = text(it.get(HOME))
    path.write_text(sound, encoding="utf-8")
    assert "would not start again" in broken
    assert "no task 'x'" in broken
    assert ("a restart applies it" in same, "a restart applies it" in other) == (False, True)


def test_an_account_is_made_and_its_password_is_shown_once(stage: Stage, it: httpx.Client) -> None:
    page = make(it, login="dr.new", name=HOSTILE, trained_until="2027-03-31", groups="night college")
    password = secret(page)
    assert (page.url.path, page.status_code, HOSTILE in page.text) == (HOME, 200, False)
    assert HOSTILE in unescape(page.text)
    again = it.get(HOME)
    assert password not in again.text
    assert all(words in text(again) for words in ("dr.new", "college, night", "2027-03-31 23:59 UTC"))
    with httpx.Client(base_url=stage.base, follow_redirects=True) as person:
        assert person.post("/sign-in", data={"login": "dr.new", "password": password}).url.path == "/password"


REFUSED = [
    ({"roles": ["clinician", "it"]}, "An administrator cannot sign", "Un administrateur ne signe pas"),
    ({"roles": []}, "Tick at least one role", "Cochez au moins un rôle"),
    ({"login": "?"}, "2 to 64 characters", "2 à 64 caractères"),
    ({"profession": "Médecin"}, "a code in lower case", "code en minuscules"),
    ({"trained_until": "demain"}, "is no date", "n’est pas une date"),
    ({"login": "dr.a"}, "This login is taken", "déjà pris"),
]


@pytest.mark.parametrize(("form", "english", "french"), REFUSED, ids=[english for _, english, _ in REFUSED])
def test_a_refusal_says_what_to_do_and_keeps_what_was_typed(
    it: httpx.Client, form: dict[str, str | list[str]], english: str, french: str
) -> None:
    for language, sentence in (("en", english), ("fr", french)):
        it.headers["accept-language"] = language
        page = make(it, **{"login": "dr.refused", "name": "Typed Name", **form})
        assert page.status_code in {400, 409, 422}
        assert sentence in unescape(page.text), text(page)[:800]
        assert "Typed Name" in page.text
    assert "dr.refused" not in it.get(HOME).text


def test_one_account_is_changed_at_its_own_page(stage: Stage, it: httpx.Client) -> None:
    make(it, login="dr.changed")
    place = account(it, "dr.changed")
    changed = done(it, f"{place}/roles", roles=["quality"], groups="college")
    assert "the account's sessions have ended" in text(changed)
    assert "2028-02-29 23:59 UTC" in text(done(it, f"{place}/training", trained_until="2028-02-29"))
    assert "none demanded" in text(done(it, f"{place}/training", trained_until=""))
    assert secret(done(it, f"{place}/password"))
    assert done(it, f"{place}/close").status_code == 400
    assert "The account is closed." in text(done(it, f"{place}/close", sure="yes"))
    assert done(it, f"{place}/close", sure="yes").status_code == 409
    kinds = [entry["detail"]["change"] for entry in stage.entries("config_changed")[-6:]]
    assert kinds == ["person_created", "roles_changed", "training_changed", "training_changed", "one_time_password", "person_deactivated"]


def test_the_right_to_sign_is_limited_and_names_elsewhere_are_tied_on_the_page(stage: Stage, it: httpx.Client) -> None:
    make(it, login="dr.limited")
    place = account(it, "dr.limited")
    limits = {"specialties": "chest bone", "units": "imaging", "delegated_until": "2028-02-29", "supervised_by": "dr.a"}
    page = done(it, f"{place}/competence", **limits)
    assert ('value="bone chest"' in page.text, 'value="imaging"' in page.text, 'value="dr.a"' in page.text) == (True, True, True)
    page = done(it, f"{place}/names", national_id="10001234567", ehr_user="Practitioner/7")
    assert ("10001234567" in page.text, "To be confirmed" in page.text or "one-time" in page.text.lower()) == (True, True)
    wrong = [done(it, f"{place}/competence", supervised_by="nobody"), done(it, f"{place}/competence", units="No Unit")]
    assert [answer.status_code for answer in wrong] == [400, 422]
    assert [entry["detail"]["change"] for entry in stage.entries("config_changed")][-2:] == ["competence_changed", "names_changed"]


def test_ones_own_roles_are_another_administrators(it: httpx.Client) -> None:
    place = account(it, "it")
    assert "another administrator" in text(it.get(f"{HOME}{place}"))
    refused = done(it, f"{place}/roles", roles=["quality"])
    assert (refused.status_code, "ask another administrator" in text(refused)) == (409, True)


def test_a_key_is_shown_once_works_and_is_revoked_everywhere(stage: Stage, it: httpx.Client) -> None:
    page = done(it, "/machines", name=HOSTILE, tasks=["letter"], site="north")
    key = secret(page)
    assert HOSTILE not in page.text
    assert key not in it.get(HOME).text
    assert stage.get("/v1/models", key=key).status_code == 200
    seen = re.search(rf"{key.split('_')[1]}</small></th>.*?<time", it.get(HOME).text, re.DOTALL)
    assert seen
    assert "Key revoked" in text(done(it, f"/machines/{key.split('_')[1]}/revoke"))
    assert stage.get("/v1/models", key=key).status_code == 401
    assert done(it, f"/machines/{key.split('_')[1]}/revoke").status_code == 404
    assert done(it, "/machines", name="x", site="main").status_code == 422


def test_a_shown_secret_opens_for_its_own_sign_in_alone(stage: Stage, it: httpx.Client) -> None:
    csrf = field(it.get(HOME), "csrf")
    it.follow_redirects = False
    answer = it.post(f"{HOME}/machines", data={"csrf": csrf, "name": "ris", "tasks": "letter", "site": "main"})
    sealed = answer.cookies["garant_shown"]
    assert (answer.status_code, answer.headers["location"], "gk_" in str(answer.headers)) == (303, HOME, False)
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("garant_shown"))
    assert all(words in cookie for words in ("HttpOnly", "SameSite=strict", "Path=/administration", "Max-Age=120"))
    with httpx.Client(base_url=stage.base, follow_redirects=True, headers={"accept-language": "en"}) as other:
        signed_in(stage, other, "it")
        other.cookies.set("garant_shown", sealed)
        assert "Shown once" not in other.get(HOME).text


CHECKS = [
    (Script(body=b"{}"), "answers normally", True),
    (Script(status=500), "fails", False),
    (Script(status=403), "refuses our secret", False),
]


@pytest.mark.parametrize(("script", "sentence", "good"), CHECKS, ids=[sentence for _, sentence, _ in CHECKS])
def test_an_ai_system_is_asked_when_somebody_asks(stage: Stage, it: httpx.Client, script: Script, sentence: str, good: bool) -> None:
    stage.model.scripts["/v1/models"] = script
    assert not any(seen.path == "/v1/models" for seen in stage.model.seen)
    page = done(it, "/systems/reader/check")
    assert sentence in text(page)
    assert ('class="good" role="status"' in page.text) == good
    assert [seen.path for seen in stage.model.seen].count("/v1/models") == 1


def test_what_failed_in_traffic_is_shown_with_why(stage: Stage, it: httpx.Client) -> None:
    stage.model.scripts["/v1/chat/completions"] = Script(status=503)
    stage.chat("letter")
    assert "HTTP 503" in text(it.get(HOME))


def test_an_ai_system_is_stopped_and_resumed_with_a_reason(stage: Stage, it: httpx.Client) -> None:
    assert done(it, "/systems/plain/stop", reason="").status_code == 422
    assert "Stopped for the whole establishment: plain" in text(done(it, "/systems/plain/stop", reason="wrong side"))
    assert "system:plain" in text(it.get(HOME))
    again = done(it, "/systems/plain/stop", reason="wrong side")
    assert (again.status_code, "This is stopped already" in text(again)) == (409, True)
    assert "Running again: plain" in text(done(it, "/systems/plain/resume", reason="mended"))
    assert done(it, "/systems/nothing/stop", reason="wrong side").status_code == 404


def test_a_forged_form_changes_nothing_and_is_logged(stage: Stage, it: httpx.Client) -> None:
    entries = len(stage.entries())
    for path in ("/accounts", "/machines", "/systems/reader/stop", f"{account(it, 'dr.b')}/close"):
        assert it.post(f"{HOME}{path}", data={"csrf": "forged", "sure": "yes", "reason": "forged"}).status_code == 403
    assert [entry["detail"] for entry in stage.entries()[entries:]] == [{"code": "csrf_refused"}] * 4


def test_accounts_are_found_by_login_or_name(it: httpx.Client) -> None:
    said = text(it.get(HOME, params={"q": "NURSE"}))
    assert "1 / 1 accounts shown" in said
    assert "dr.b" not in said


def test_the_same_by_the_api(stage: Stage) -> None:
    who = stage.clinician("it")
    systems = stage.api(who, "GET", "/systems").json()["systems"]
    assert [(one["id"], one["stopped"]) for one in systems] == [("reader", False), ("tensor", False), ("plain", False)]
    assert stage.api(who, "POST", "/systems/reader/check").json()["system"] == "reader"
    assert stage.api(who, "POST", "/systems/other/check").status_code == 404
    assert stage.api(who, "GET", "/status").json()["log"]["writable"] is True
    assert stage.api(who, "GET", "/activity").json()["people"]
    for path in ("/systems", "/status", "/activity"):
        assert stage.api(stage.clinician("dr.a"), "GET", path).status_code == 403


def test_a_damaged_ledger_row_is_said_on_the_impact_page_without_a_figure(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser, "quality")
    stage.rows(
        "INSERT INTO usage_records (record, establishment, log_index, task, at, facts) VALUES "
        "(gen_random_uuid(), 'test', 0, 'letter', now(), '{}') RETURNING record"
    )
    page = browser.get("/impact")
    stage.rows("DELETE FROM usage_records WHERE facts = '{}' RETURNING record")
    assert (page.status_code, "row of log entry 0 cannot be used" in text(page), "<table" in page.text) == (409, True, False)

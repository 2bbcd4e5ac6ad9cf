"""Frozen settings from TOML and the environment; the service starts, or lists every problem with its fix."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, HttpUrl

from gateway.policy.models import Frozen, Policy, Task

Identifier = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")


class Establishment(Frozen):
    """The hospital that runs Garant; `host` and `id` make the log's origin `<host>/garant/<id>`."""

    id: str = Identifier
    name: str
    host: str
    sites: tuple[str, ...] = ("main",)

    @property
    def origin(self) -> str:
        """The name of the log in its checkpoints."""
        return f"{self.host}/garant/{self.id}"


class Server(Frozen):
    """Where the gateway listens, and the limits of its doors (bytes, seconds)."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str = "http://127.0.0.1:8080"
    replicas: int = Field(default=1, ge=1, le=64)
    max_body_bytes: int = Field(default=8 * 2**20, gt=0)
    max_header_bytes: int = Field(default=32 * 2**10, gt=0)
    header_timeout_seconds: float = Field(default=10.0, gt=0)
    body_idle_seconds: float = Field(default=20.0, gt=0)


class Upstream(Frozen):
    """How an AI system is reached; a slow one starves nobody else (pool and limits are its own)."""

    url: HttpUrl
    secret_env: str | None = Field(default=None, description="environment variable that holds the AI system's own secret")
    secret_header: str = "authorization"  # noqa: S105 - the header's name
    secret_prefix: str = "Bearer "  # noqa: S105 - the scheme's name
    connect_seconds: float = Field(default=5.0, gt=0)
    first_byte_seconds: float = Field(default=60.0, gt=0)
    idle_seconds: float = Field(default=30.0, gt=0)
    total_seconds: float = Field(default=300.0, gt=0)
    max_connections: int = Field(default=200, gt=0)
    max_answer_bytes: int = Field(default=16 * 2**20, gt=0)


class Attributes(Frozen):
    """Source attributes that the signer sees; nothing here is computed."""

    provider: str = ""
    intended_use: str = ""
    population: str = Field(default="", description="for whom it was made and tested")
    known_limits: str = ""
    validation: str = Field(default="", description="performance overall, with its number of cases")
    subgroups: str = Field(default="", description="performance by subgroup, or that it is not known")
    local_validation: str = Field(default="", description="when it was last validated here, and on how many cases")
    contact: str = ""


class System(Frozen):
    """One AI system: an upstream model or service."""

    id: str = Identifier
    name: str
    version: str
    protocol: Literal["openai", "inference_v2", "json"]
    upstream: Upstream
    models: tuple[str, ...] = Field(default=(), description="model names the calls may name")
    attributes: Attributes = Attributes()


class FieldPointer(Frozen):
    """Where a part of a JSON suggestion is."""

    pointer: str
    label: str


class ViewerLink(Frozen):
    """A link to the EHR or PACS viewer; `{name}` in the address is filled from the patient's values."""

    label: dict[str, str] = Field(min_length=1, description='by language: {fr = "…", en = "…"}')
    url: str = Field(description="http or https; placeholders are names of patient_pointers, percent-encoded")


class Route(Frozen):
    """An AI system used for a task: what a client's call can reach."""

    system: str
    task: str
    path: str | None = Field(default=None, description="json protocol: the path served and forwarded, e.g. /predict")
    wait_seconds: float = Field(default=50.0, ge=0, le=3600)
    while_held: Literal["refusal", "forbidden"] = "forbidden"
    case_pointer: str | None = None
    patient_pointers: dict[str, str] = Field(default_factory=dict)
    patient_in_queue: tuple[str, ...] | None = Field(
        default=None, description="names of patient_pointers that the queue shows and finds; unset: the first two; []: none"
    )
    identity_pointers: dict[str, str] = Field(
        default_factory=dict, description="where the answer says whose it is; each name is one of patient_pointers, and must be equal"
    )
    version_pointer: str | None = None
    fields: tuple[FieldPointer, ...] = ()
    columns: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    findings: FieldPointer | None = Field(
        default=None, description="a list in the answer whose parts are accepted one by one; label: a pointer inside a part, or a word"
    )
    links: tuple[ViewerLink, ...] = ()

    @property
    def queue_patient(self) -> tuple[str, ...]:
        """The patient's values that the queue shows of this route's cases."""
        return tuple(self.patient_pointers)[:2] if self.patient_in_queue is None else self.patient_in_queue


class Webhook(Frozen):
    """A Standard-Webhooks receiver; `groups` name the rotas and groups it serves (empty: all)."""

    id: str = Identifier
    url: HttpUrl
    secret_env: str | None = None
    groups: tuple[str, ...] = ()


class Shift(Frozen):
    """One person on call, RFC 3339 times with offset."""

    person: str
    start: str
    end: str


class Rota(Frozen):
    """Who is on call, when."""

    id: str = Identifier
    name: dict[str, str] = Field(default_factory=dict, description='what pages call it: {fr = "…", en = "…"}')
    shifts: tuple[Shift, ...] = ()


class Database(Frozen):
    """PostgreSQL: `GARANT_DATABASE_URL` wins over `url`; without either the embedded one in `directory` runs."""

    url: str | None = None
    directory: Path = Path(".garant/postgres")


class Authority(Frozen):
    """A timestamping authority (RFC 3161) that stamps the log's checkpoints now and then."""

    id: str = Identifier
    url: HttpUrl
    every_seconds: int = Field(default=3600, ge=1, description="at most one timestamp in so long")


class Siem(Frozen):
    """A receiver of the log's entries: syslog over TLS (RFC 5425), one message an entry, caught up after an outage."""

    id: str = Identifier
    host: str
    port: int = Field(default=6514, ge=1, le=65535)
    authority: Path = Field(description="PEM: the certificate under which the receiver's own stands")
    certificate: Path | None = Field(default=None, description="PEM: our certificate, where the receiver asks for one")
    key: Path | None = Field(default=None, description="PEM: the key to it")


class Bucket(Frozen):
    """A bucket of an S3-compatible store for the log as files (tlog-tiles); needs the extra `s3` (`pip install garant[s3]`)."""

    id: str = Identifier
    name: str = Field(min_length=3, max_length=63, description="the bucket")
    endpoint: HttpUrl | None = Field(default=None, description="the store's address; none: Amazon's")
    region: str = "us-east-1"
    prefix: str = Field(
        default="", pattern=r"^(?:[^/\s][^\s]*/)?$", description="before each object's name, ends with a slash; empty: the log's origin"
    )
    key_id_env: str = Field(min_length=1, description="environment variable with the access key's id")
    secret_env: str = Field(min_length=1, description="environment variable with the secret of that key")


class Publication(Frozen):
    """Where the log's signed states go, so that nobody, the hospital included, can change its past unseen. Care never waits for it."""

    interval_seconds: float = Field(default=60.0, ge=0.05, description="how often it is looked whether there is something new")
    directory: Path | None = Field(
        default=None, description="the log as files (tlog-tiles), for a web server or any tool that mirrors folders"
    )
    anchor_directory: Path | None = Field(
        default=None, description="checkpoints on a second volume, compared with the database at every start"
    )
    policy: Path | None = Field(default=None, description="witnesses with their keys and addresses (tlog-policy)")
    entries: Literal["auditors", "open"] = Field(
        default="auditors", description="who may read entries under /audit/: who has the right to read the log, or everybody"
    )
    timestamps: tuple[Authority, ...] = ()
    siem: tuple[Siem, ...] = ()
    buckets: tuple[Bucket, ...] = ()


class Coded(Frozen):
    """A code of the log with its words on pages."""

    code: str = Field(pattern=r"^[a-z][a-z0-9_]{1,39}$")
    words: dict[str, str] = Field(description='by language: {fr = "…", en = "…"}')


class LegalBasis(Coded):
    """Why a case may be erased before its time; `decisions`: also where a signed decision is destroyed with it."""

    decisions: bool = False


def _coded(code: str, fr: str, en: str) -> Coded:
    return Coded(code=code, words={"fr": fr, "en": en})


def _basis(code: str, fr: str, en: str, *, decisions: bool) -> LegalBasis:
    return LegalBasis(code=code, words={"fr": fr, "en": en}, decisions=decisions)


BASES = (
    _basis(
        "wrong_patient",
        "Données reçues d'une autre personne (RGPD 5.1 d, 17.1 d)",
        "Data of another person (GDPR 5(1)(d), 17(1)(d))",
        decisions=True,
    ),
    _basis("unlawful", "Traitement illicite (RGPD 17.1 d)", "Unlawful processing (GDPR 17(1)(d))", decisions=True),
    _basis("court_order", "Décision de justice (RGPD 17.1 e)", "Order of a court (GDPR 17(1)(e))", decisions=True),
    _basis("test_data", "Données d'essai, d'aucun patient", "Test data, of no patient", decisions=True),
    _basis("objection", "Demande de la personne (RGPD 17.1 c, 21.1)", "Request of the person (GDPR 17(1)(c), 21(1))", decisions=False),
)
HOLD_REASONS = (
    _coded("litigation", "Contentieux", "Litigation"),
    _coded("investigation", "Enquête (autorité, vigilance)", "Investigation (authority, vigilance)"),
    _coded("complaint", "Réclamation d'un patient", "Complaint of a patient"),
    _coded("access_request", "Demande d'accès en cours", "Access request being answered"),
    _coded("closed", "Affaire close", "Matter closed"),
)
READING_REASONS = (
    _coded("quality_review", "Revue de qualité", "Quality review"),
    _coded("incident", "Événement indésirable", "Incident"),
    _coded("lookback", "Recherche rétrospective", "Look-back"),
    _coded("complaint", "Réclamation d'un patient", "Complaint of a patient"),
    _coded("access_request", "Demande d'accès du patient", "Access request of the patient"),
    _coded("court_order", "Décision de justice", "Order of a court"),
    _coded("authority", "Demande d'une autorité", "Request of an authority"),
    _coded("external_audit", "Audit externe", "External audit"),
)


class Retention(Frozen):
    """How long what is kept, by class (R24), and the codes that are chosen from when something is erased, held or read."""

    security_months: int = Field(default=12, ge=6, le=12, description="security journal: sign-ins, refusals, as people can be looked up")
    use_months: int = Field(default=36, ge=6, le=120, description="use of AI without a signed decision: the content of calls")
    decision_years: int = Field(default=20, ge=20, description="signed decisions, from the last passage of the case (CSP R.1112-7)")
    adult_at: int = Field(default=28, ge=28, description="a minor's decisions are kept until this birthday at least")
    after_death_years: int = Field(
        default=10, ge=10, description="where somebody dies within this span of the last passage: from the death"
    )
    birth_date: str = Field(default="", description="the name in patient_pointers that holds the date of birth (1990-12-31)")
    automatic: bool = Field(default=True, description="what is due is erased by the replicas; else by `garant audit retain` alone")
    interval_seconds: float = Field(default=3600.0, ge=0.05, description="how often it is looked whether something is due")
    bases: tuple[LegalBasis, ...] = BASES
    hold_reasons: tuple[Coded, ...] = HOLD_REASONS
    reading_reasons: tuple[Coded, ...] = READING_REASONS


Method: TypeAlias = Literal["password", "passkey", "oidc"]


class Provider(Frozen):
    """An OpenID provider; nobody is made by it: `claim` has to name somebody who has an account, by `account`."""

    issuer: HttpUrl
    client_id: str = Field(min_length=1)
    secret_env: str | None = Field(default=None, description="environment variable with the client's secret; none: a public client")
    secret_in: Literal["basic", "post"] = Field(default="basic", description="how the token endpoint gets the secret")
    profile: Literal["plain", "keycloak", "pro_sante_connect"] = "plain"
    scopes: tuple[str, ...] = Field(default=(), description="empty: the profile's")
    claim: str = Field(default="", description="the claim that names the person; empty: the profile's")
    account: Literal["login", "national_id", "ehr_user"] | None = Field(
        default=None, description="what of an account it is; none: the profile's"
    )
    acr_values: tuple[str, ...] = Field(default=(), description="levels asked for and accepted; empty: the profile's, or any")
    amr_values: tuple[str, ...] = Field(default=(), description="at a signature one of these has to be among the methods used; empty: any")
    algorithms: tuple[Literal["RS256", "PS256", "ES256", "EdDSA"], ...] = ("RS256", "PS256", "ES256")
    name: dict[str, str] = Field(default_factory=dict, description='what the button says: {fr = "…", en = "…"}')


class Launch(Frozen):
    """An electronic health record that may open Garant for a case (SMART App Launch)."""

    iss: HttpUrl = Field(description="the address of its FHIR server, as it is sent with the launch")
    client_id: str = Field(min_length=1)
    secret_env: str | None = None
    scopes: tuple[str, ...] = ("openid", "fhirUser", "launch")
    claim: str = Field(default="fhirUser", description="the claim that names the person")
    account: Literal["login", "national_id", "ehr_user"] = "ehr_user"
    case: str = Field(default="", description="the launch parameter or claim that holds the case's reference; empty: the queue is opened")


class Identity(Frozen):
    """How people prove who they are, and how long a sign-in lasts."""

    methods: tuple[Method, ...] = ("password",)
    idle_seconds: int = Field(default=1800, ge=60, le=28_800, description="a session that does nothing for so long ends")
    lifetime_seconds: int = Field(default=28_800, ge=300, le=86_400, description="a session ends after so long, whatever it does")
    trusted_proxies: tuple[str, ...] = Field(
        default=("127.0.0.1", "::1"),
        description="addresses and networks (CIDR) whose X-Forwarded-For is believed when failed sign-ins are counted",
    )
    oidc: Provider | None = None
    launches: tuple[Launch, ...] = ()


def _identity(given: object) -> object:
    """The short form: a list of methods."""
    return {"methods": given} if isinstance(given, list | tuple) else given


class Settings(Frozen):
    """The whole configuration, checked."""

    profile: Literal["pilot", "production"] = "pilot"
    identity: Annotated[Identity, BeforeValidator(_identity)] = Identity()
    establishment: Establishment
    server: Server = Server()
    database: Database = Database()
    keys_directory: Path = Path(".garant/keys")
    spool_directory: Path = Path(".garant/spool")
    impact_directory: Path = Path(".garant/impact")
    systems: tuple[System, ...]
    tasks: tuple[Task, ...]
    policies: tuple[Policy, ...]
    routes: tuple[Route, ...]
    webhooks: tuple[Webhook, ...] = ()
    rotas: tuple[Rota, ...] = ()
    publication: Publication = Publication()
    retention: Retention = Retention()
    log_level: Literal["debug", "info", "warning", "error"] = "info"

"""The tables that an establishment may give, and what each column holds; headings are known in English and French."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Form = Literal["text", "number", "count", "share", "month", "year", "word"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Args:
        form: what it holds; numbers are 0 or more.
        needed: whether every row must have it.
        also: other headings it is known by, in lower case without accents.
        near: headings that may be meant but leave something open, as the unit; they are only asked about.
        words: what a `word` may be.
        default: what an empty cell means where it is not needed.
    """

    name: str
    form: Form = "text"
    needed: bool = False
    also: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    default: str | float | None = None
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns, and which of them name a row (no two rows may share them)."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    def column(self, name: str) -> Column:
        """A column by its name."""
        return next(column for column in self.columns if column.name == name)


LEGAL_HOURS: Final = 1607.0
"""The French legal working year, in hours per FTE."""
RATINGS: Final = ("strong", "medium", "weak")
_SOURCE: Final = (
    Column("source", needed=True, also=("source des donnees", "origine")),
    Column("year", "year", also=("annee", "millesime")),
    Column("licence", also=("license", "licence des donnees"), default=""),
)
_TASK: Final = Column("task", needed=True, also=("activite", "tache", "id activite", "code activite"))
_SITE: Final = Column("site", also=("site geographique", "etablissement geographique"), default="")
_PROFESSION: Final = Column("profession", also=("metier", "profession id"), default="")
_STRATUM: Final = Column("stratum", also=("strate", "groupe"), default="")

CENSUS: Final = Table(
    "census",
    (
        Column("profession", needed=True, also=("metier", "code", "id", "code metier", "categorie de personnel")),
        Column("category", needed=True, also=("categorie", "filiere", "categorie professionnelle")),
        Column("name_fr", also=("libelle", "libelle fr", "intitule", "nom"), default=""),
        Column("name_en", also=("label", "libelle en", "name"), default=""),
        Column("establishment", also=("etablissement", "finess"), default=""),
        Column("headcount", "count", also=("effectif", "effectifs", "personnes", "nombre")),
        Column("fte", "number", also=("etp", "equivalent temps plein", "equivalents temps plein", "etpr", "etp moyen")),
        *_SOURCE,
        Column("basis", "word", also=("nature", "statut"), words=("published", "own", "assumption"), default="own"),
        Column("note", also=("remarque", "commentaire"), default=""),
        Column("hours", "number", also=("heures par etp", "duree annuelle", "heures annuelles"), default=LEGAL_HOURS),
    ),
    ("establishment", "profession"),
)
PROFESSIONS: Final = Table(
    "professions",
    (
        Column("id", needed=True, also=("profession", "metier", "code")),
        Column("name_fr", needed=True, also=("libelle", "intitule", "nom")),
        Column("name_en", also=("label", "name"), default=""),
        Column("category", needed=True, also=("categorie", "filiere")),
        Column("census", also=("ligne de recensement", "recensement"), default=""),
        Column("isco", also=("isco-08", "cite", "citp", "citp-08"), default=""),
        Column("rome", also=("code rome",), default=""),
        Column("onet", also=("o*net", "o*net-soc"), default=""),
    ),
    ("id",),
)
TASKS: Final = Table(
    "tasks",
    (
        Column("id", needed=True, also=("activite", "tache", "task", "code")),
        Column("profession", needed=True, also=("metier",)),
        Column("name_fr", needed=True, also=("libelle", "intitule", "nom")),
        Column("name_en", also=("label", "name"), default=""),
        Column("kind", also=("nature", "type"), default=""),
        Column("share", "share", needed=True, also=("part", "part du temps", "part de temps", "quotite")),
        Column("basis", "word", also=("nature de la part",), words=("assumption", "survey", "measured", "published"), default="survey"),
        *_SOURCE,
        Column("market", "word", also=("maturite du marche", "marche"), words=RATINGS),
        Column("acceptability", "word", also=("acceptabilite", "acceptabilite sociale"), words=RATINGS),
        Column("return", "word", also=("retour sur investissement", "rsi"), words=RATINGS),
    ),
    ("profession", "id"),
)
VOLUMES: Final = Table(
    "volumes",
    (
        _TASK,
        _SITE,
        _PROFESSION,
        _STRATUM,
        Column("month", "month", needed=True, also=("mois", "periode", "date")),
        Column("n", "count", needed=True, also=("volume", "nombre", "total", "nombre total", "actes")),
        Column("added_minutes", "number", also=("minutes ajoutees", "minutes induites"), default=0.0),
        Column("source", needed=True, also=("origine",)),
    ),
    ("task", "site", "profession", "stratum", "month"),
)
BASELINES: Final = Table(
    "baselines",
    (
        _TASK,
        _PROFESSION,
        _STRATUM,
        Column("minutes", "number", needed=True, also=("minutes sans ia",), near=("temps", "duree", "duree moyenne", "time")),
        Column("sd", "number", also=("ecart-type", "ecart type")),
        Column("n", "count", also=("nombre", "effectif")),
        Column("level", "word", also=("niveau de preuve", "niveau"), words=("B", "C", "D", "E"), default="E"),
        Column("source", needed=True, also=("origine",)),
    ),
    ("task", "profession", "stratum"),
)
QUALITY: Final = Table(
    "quality",
    (
        _TASK,
        Column("outcome", needed=True, also=("critere", "evenement", "resultat")),
        Column("n", "count", needed=True, also=("n ia", "n avec ia")),
        Column("events", "count", needed=True, also=("evenements ia", "evenements avec ia")),
        Column("control_n", "count", needed=True, also=("n temoin", "n controle", "n sans ia")),
        Column("control_events", "count", needed=True, also=("evenements temoin", "evenements controle", "evenements sans ia")),
        Column("margin", "number", needed=True, also=("marge", "marge fixee")),
        Column("scale", "word", also=("echelle",), words=("ratio", "difference"), default="ratio"),
        Column("better", "word", also=("sens", "mieux si"), words=("lower", "higher"), default="lower"),
        Column("source", needed=True, also=("origine",)),
    ),
    ("task", "outcome"),
)
EXPOSURE: Final = Table(
    "exposure",
    (
        Column("index", needed=True, also=("indice", "indicateur", "index name")),
        Column("code", needed=True, also=("isco-08", "isco 08", "isco08", "cite", "citp-08", "o*net-soc code", "o*net-soc", "onet")),
        Column("score", "share", needed=True, also=("exposure", "exposition", "mean score 2025", "score d'exposition")),
        *_SOURCE,
    ),
    ("index", "code"),
)
TABLES: Final = {table.name: table for table in (CENSUS, PROFESSIONS, TASKS, VOLUMES, BASELINES, QUALITY, EXPOSURE)}

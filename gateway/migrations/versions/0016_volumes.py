"""Total volumes of the impact section, each row with the log entry that tells who gave it."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Run the statements of the file beside this one, one by one (asyncpg prepares single statements only)."""
    script = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    for statement in script.split("\n-- next\n"):
        op.execute(statement)

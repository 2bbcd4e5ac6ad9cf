"""`python -m impact`."""

from impact.cli import app

app()

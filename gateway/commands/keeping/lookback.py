"""`garant audit lookback`: placeholder."""
import typer


def into(app: typer.Typer) -> None:
    """Later."""

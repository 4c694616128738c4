"""Commands: `python -m ingestion_api serve|keys|erase-worker`. Those about keys are in `key_commands.py`."""

from typing import Annotated

import typer

from ingestion_api.key_commands import keys, told_in_one_line
from ingestion_api.settings import IngestionApiSettings

app = typer.Typer(help="The ingestion API: takes readings and events from devices.", no_args_is_help=True)
app.add_typer(keys, name="keys")


@app.command()
def serve(
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that serve; MILLRACE_API_WORKERS")] = None,
) -> None:
    """Serve until Ctrl-C. Where and what is set by MILLRACE_API_… variables."""
    from ingestion_api.server import serve as serve_api

    with told_in_one_line():
        settings = IngestionApiSettings()
        serve_api(settings if workers is None else settings.model_copy(update={"workers": workers}))


@app.command()
def erase_worker(
    worker: Annotated[str, typer.Argument(help="The code to forget")],
    site: Annotated[str, typer.Option(help="Code of the site the worker belongs to")],
    pseudonym: Annotated[
        str | None, typer.Option("--as", help="Where an erasure was interrupted: the pseudonym that it named")
    ] = None,
) -> None:
    """Put an untraceable pseudonym in the place of a worker's code, everywhere in the API's database."""
    from sqlalchemy import NullPool

    from ingestion_api.erasure import Erased, erase, new_pseudonym
    from warehouse.engine import create_engine

    code = pseudonym or new_pseudonym()
    typer.echo(f"{worker} becomes {code}. Interrupted? Say it again with --as {code}")

    def tell(erased: Erased) -> None:
        typer.echo(f"\r{erased.batch_count} batches of events read, {erased.rewritten_count} rewritten", nl=False)

    with told_in_one_line():
        erase(create_engine(IngestionApiSettings().dsn(), poolclass=NullPool), site, worker, code, tell)
    typer.echo(f"\nNow in the warehouse: python -m warehouse erase-worker {worker} --site {site} --as {code}")


if __name__ == "__main__":
    app(prog_name="python -m ingestion_api")

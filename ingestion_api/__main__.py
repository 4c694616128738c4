"""Commands of the ingestion API: `python -m ingestion_api serve|keys`. Those about keys are in `key_commands.py`."""

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


if __name__ == "__main__":
    app(prog_name="python -m ingestion_api")

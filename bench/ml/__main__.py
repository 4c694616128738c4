"""Judges the models on public data: `python -m bench.ml [--only PARTS] [--out FOLDER] [--mlflow URI]`.

A benchmark is one function that returns tables and figures; measuring itself does not belong here.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

ROOT: Final = Path(__file__).parents[2]
WIDTH: Final = 160
# Loaded when it is its turn: torch takes seconds.
BENCHMARKS: Final = {"skab": "bench.ml.skab", "rul": "bench.ml.remaining_life"}


def main(
    only: Annotated[str, typer.Option(help=f"Comma-separated: {', '.join(BENCHMARKS)}")] = ",".join(BENCHMARKS),
    out: Annotated[Path, typer.Option(help="Folder for tables and figures")] = ROOT / ".millrace" / "bench",
    mlflow: Annotated[str, typer.Option(help="Tracking server that shows them too; empty: none")] = "",
) -> None:
    """Run benchmarks of the models."""
    parts = only.split(",")
    if unknown := set(parts) - set(BENCHMARKS):
        sys.exit(f"bench: there is no part {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    out.mkdir(parents=True, exist_ok=True)
    for part in parts:
        benchmark: Callable[[], tuple[list[Table], dict[str, Figure]]] = import_module(BENCHMARKS[part]).benchmark
        try:
            tables, figures = benchmark()
        except FileNotFoundError as error:
            sys.exit(f"bench: {error}")
        with (out / f"{part}.txt").open("w", encoding="utf-8") as file:
            Console(file=file, width=WIDTH).print(*tables)
        print((out / f"{part}.txt").read_text(encoding="utf-8"))
        for name, figure in figures.items():
            figure.savefig(out / f"{name}.png", dpi=150)
        if mlflow:
            _show_in_mlflow(mlflow, part, out / f"{part}.txt", figures)
    print(f"tables and figures: {out}")


def _show_in_mlflow(uri: str, part: str, tables: Path, figures: dict[str, "Figure"]) -> None:
    """Log tables and figures as a run of the experiment `bench-<part>`."""
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(f"bench-{part}")
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(tables))
        for name, figure in figures.items():
            mlflow.log_figure(figure, f"{name}.png")
    print(f"in MLflow: experiment bench-{part}, run {run.info.run_id}")


if __name__ == "__main__":
    typer.run(main)

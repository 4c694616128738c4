"""The first page of Data Docs: which windows were validated and how they fared. Other pages are `docs_pages.py`'s."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from html import escape
from urllib.parse import quote

STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 78rem; padding: 0 1rem; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
th, td { border: 1px solid #8886; padding: .3rem .6rem; text-align: left; vertical-align: top; }
.fa-check-circle::before, .passed::before { content: "\\2714"; color: #2a9d4a; }
.fa-times::before, .failed::before { content: "\\2716"; color: #d33; }
.fa-exclamation-triangle::before { content: "\\26a0"; color: #d80; }
.collapse { display: none; } .collapse:target { display: block; }
.cooltip .top { display: none; } .badge { border: 1px solid #8886; border-radius: 4px; padding: 0 .3rem; }
pre { overflow: auto; }
/* Great Expectations shows a pair of values without anything between them; ours are a limit and what was found. */
td td .show-scrollbars > span:first-child:not(:last-child)::before { content: "limit "; }
td td .show-scrollbars > span + span::before { content: ", found "; }
"""


@dataclass(frozen=True)
class ValidationLine:
    """One validated window of one suite, as the index shows it."""

    validated_at: datetime
    suite: str
    window: str
    page: str
    failed: tuple[str, ...]


def render_index(suites: Iterable[tuple[str, str]], lines: Iterable[ValidationLine]) -> str:
    """Write the index page.

    Args:
        suites: Name and description of each suite.
        lines: Newest first.
    """
    suite_rows = "".join(
        f'<tr><td><a href="expectations/{quote(name)}.html">{escape(name)}</a></td><td>{escape(description)}</td></tr>'
        for name, description in suites
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Millrace data quality</title>'
        f"<style>{STYLE}</style></head><body>\n<h1>Data quality</h1>\n<h2>Suites</h2>\n<table>{suite_rows}</table>\n"
        "<h2>Validations</h2>\n<table><tr><th></th><th>Validated (UTC)</th><th>Suite</th><th>Window (UTC)</th>"
        f"<th>Failed</th></tr>\n{''.join(_row(line) for line in lines)}</table>\n</body></html>\n"
    )


def _row(line: ValidationLine) -> str:
    mark = "failed" if line.failed else "passed"
    return (
        f'<tr><td class="{mark}"></td><td>{line.validated_at:%Y-%m-%d %H:%M:%S}</td><td>{escape(line.suite)}</td>'
        f'<td><a href="{quote(line.page)}">{escape(line.window)}</a></td>'
        f"<td>{escape(', '.join(line.failed))}</td></tr>\n"
    )

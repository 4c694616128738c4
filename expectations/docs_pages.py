"""How a page of Data Docs looks: the content that Great Expectations renders, in a page that needs no internet.

Its own pages fetch style sheets, scripts and a dated logo from eight hosts, and stay nearly blank without them. This
module is loaded by Great Expectations alone; the list of pages is `docs_index.py`'s.
"""

from typing import ClassVar

from great_expectations.render.view.view import DefaultJinjaPageView
from jinja2 import ChoiceLoader, DictLoader

from expectations.docs_index import STYLE

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Millrace data quality</title><style>{{ style | safe }}</style></head>
<body>
<p><a href="{{ home }}index.html">All validations</a></p>
{% for section in sections %}{% set section_loop = loop %}{% include 'section.j2' %}{% endfor %}
</body></html>
"""


class OfflinePageView(DefaultJinjaPageView):
    """A suite or a validation as one self-contained page."""

    _template: ClassVar[str] = "offline_page.j2"

    def __init__(self, custom_styles_directory: str | None = None, custom_views_directory: str | None = None) -> None:
        super().__init__(custom_styles_directory, custom_views_directory)
        theirs = [self.env.loader] if self.env.loader else []
        self.env.loader = ChoiceLoader([DictLoader({self._template: _PAGE}), *theirs])
        self.env.globals["style"] = STYLE

    def render(self, document: object, template: str | None = None, **kwargs: object) -> str:
        """Render a page; `home` is the way up from `expectations/` or from `validations/<suite>/<window>/<time>/`."""
        is_suite = getattr(document, "renderer_type", "") == "ExpectationSuitePageRenderer"
        home = "../" if is_suite else "../../../../"
        return str(super().render(document, template, home=home, **kwargs))  # type: ignore[no-untyped-call]

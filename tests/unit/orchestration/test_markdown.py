"""Names from outside in tables of Dagster's pages."""

import pytest

from orchestration.markdown import plain


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("line 3 / PLC", "line 3 / PLC"),
        ("a|b", r"a\|b"),
        ("[x](http://evil)", r"\[x\](http\://evil)"),
        ("<img src=x onerror=y>", "&lt;img src=x onerror=y&gt;"),
        ("two\nlines", "two lines"),
        ("back\\slash `code` *bold*", r"back\\slash \`code\` \*bold\*"),
        ("x" * 200, "x" * 100 + "…"),
    ],
)
def test_a_name_is_shown_as_it_is(name: str, shown: str) -> None:
    assert plain(name) == shown

"""What a credential lets pass."""

import pytest

from ingestion_api.auth import SCOPES, Credential, Scope
from ingestion_api.errors import NotAllowed

EDGE = Credential("edge", "demo", frozenset({"push_readings", "registry"}))
ADMIN = Credential("boss", "demo", frozenset({"admin"}))


def test_one_of_the_scopes_is_enough() -> None:
    EDGE.require("push_readings")
    EDGE.require("read", "registry")


@pytest.mark.parametrize("scope", ["push_events", "read", "pull", "admin"])
def test_other_scopes_are_refused_by_name(scope: Scope) -> None:
    with pytest.raises(NotAllowed, match=scope):
        EDGE.require(scope)


@pytest.mark.parametrize("scope", SCOPES)
def test_admin_holds_every_scope(scope: Scope) -> None:
    ADMIN.require(scope)


def test_a_key_is_good_for_its_own_site_alone() -> None:
    ADMIN.require_site("demo")
    with pytest.raises(NotAllowed, match="elsewhere"):
        ADMIN.require_site("elsewhere")

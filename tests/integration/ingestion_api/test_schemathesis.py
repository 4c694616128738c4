"""Requests made up from the API's own description: no 5xx, and every answer is one that the description promises.

Each operation that the description holds is tried, whatever is added to it later; the one that never ends is left out.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

EXAMPLES = int(os.environ.get("MILLRACE_SCHEMATHESIS_EXAMPLES", "8"))
ENDLESS = "/stream"
CONFORMS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module", autouse=True)
def _nobody_hurries_too_much() -> Iterator[None]:
    """Quotas have tests of their own; here they would hide every other answer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MILLRACE_API_UNAUTHENTICATED_PER_MIN", "1000000")
        patch.setenv("MILLRACE_API_REQUESTS_PER_MIN", "0")
        yield


def operations(api: Any) -> Iterator[Any]:
    """Every operation that ends."""
    schema = schemathesis.openapi.from_url(f"{api.url}/openapi.json")
    for found in schema.get_all_operations():
        operation = found.ok()
        is_away = "read" in operation.definition.raw.get("tags", [])  # no warehouse here: a 503 is right
        if not operation.path.endswith(ENDLESS) and not is_away:
            yield operation


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_answers_are_as_described(shared_plant: Any, mode: GenerationMode) -> None:
    """S3-046: zero 5xx over the whole OpenAPI, for what fits the description and for what does not."""
    headers = {"Authorization": f"Bearer {shared_plant.key()}"}
    tried = 0
    for operation in operations(shared_plant):

        @BOUNDED
        @given(case=operation.as_strategy(generation_mode=mode))
        def answers_as_described(case: Any) -> None:
            nonlocal tried
            tried += 1
            response = case.call(headers=headers, timeout=30)
            case.validate_response(response, checks=CONFORMS)

        # Of an operation that takes nothing, there is nothing wrong to send.
        with suppress(Unsatisfiable):
            answers_as_described()
    assert tried > 100


def test_without_a_key_nothing_is_told_or_stored(shared_plant: Any) -> None:
    """S3-041: 401 wherever the description asks for a key, whatever is sent."""
    tried = 0
    for operation in operations(shared_plant):
        if operation.definition.raw.get("security") == []:
            continue

        @BOUNDED
        @given(case=operation.as_strategy())
        def is_refused(case: Any) -> None:
            nonlocal tried
            tried += 1
            response = case.call(headers={}, timeout=30)
            assert response.status_code in (400, 401, 415), (case.method, case.path, response.status_code)
            case.validate_response(response, checks=CONFORMS)

        is_refused()
    assert tried > 100

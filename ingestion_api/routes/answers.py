"""Successful answers, encoded. Failures are answered in `problems.py`."""

from collections.abc import Mapping

import msgspec
from fastapi import Response

JSON = "application/json"


def json_answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Encode an answer as JSON."""
    return Response(msgspec.json.encode(content), status, headers, JSON)

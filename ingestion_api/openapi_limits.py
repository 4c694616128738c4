"""What the API's description says of quotas: the answer 429, and the fields of every answer to a known key."""

from typing import Any

Json = dict[str, Any]

_NUMBER: Json = {"type": "integer", "minimum": 0}
_FIELDS: Json = {
    "RateLimit-Policy": {
        "description": "The key's quotas: draft-ietf-httpapi-ratelimit-headers-10. Absent where it has none",
        "schema": {"type": "string"},
        "example": '"requests";q=1000;w=60, "items";q=1000000;w=60;qu="items"',
    },
    "RateLimit": {
        "description": "What is left of them, and in how many seconds the window ends",
        "schema": {"type": "string"},
        "example": '"requests";r=990;t=41, "items";r=991000;t=41',
    },
    "X-RateLimit-Limit": {"description": "Requests a minute (S3-021)", "schema": _NUMBER},
    "X-RateLimit-Remaining": {"description": "Requests left of this minute", "schema": _NUMBER},
    "X-RateLimit-Reset": {"description": "Seconds until the minute ends", "schema": _NUMBER},
}
_RETRY_AFTER: Json = {"Retry-After": {"description": "Seconds to wait", "schema": {**_NUMBER, "minimum": 1}}}


def describe(document: Json) -> None:
    """Add to every operation that needs a key the answer 429 and the fields."""
    document["components"]["headers"] = {**_FIELDS, **_RETRY_AFTER}
    for path in document["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            if "401" not in responses:
                continue
            described = {"description": "Too much within a minute; nothing was stored", "headers": _of(_RETRY_AFTER)}
            responses["429"] = {**responses["401"], **described}
            for status, response in responses.items():
                if status != "401":
                    response["headers"] = {**response.get("headers", {}), **_of(_FIELDS)}


def _of(headers: Json) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in headers}

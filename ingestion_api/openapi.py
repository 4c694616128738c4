"""The API's description, OpenAPI 3.1. What the bodies look like stands in openapi_schemas.py.

Endpoints take and return bytes, which FastAPI cannot describe; the functions here add to a route what it leaves out.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ingestion_api import openapi_limits
from ingestion_api.contract import Kind
from ingestion_api.entities import Shape
from ingestion_api.formats.catalog import MEDIA_TYPES
from ingestion_api.openapi_examples import EXAMPLES
from ingestion_api.openapi_schemas import Json, reference, row_name, schemas

_DESCRIPTION = """Takes readings and events from devices, judges each item, stores the batch durably and answers.

Items that break a rule are quarantined with their reason, never lost; one bad item never sinks a batch. Sending a batch
again is always safe: it is answered with the first answer and stored once."""
_SECURITY: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, `mr_…`"},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key"},
}
_PUSH_REFUSALS = (400, 401, 403, 413, 415, 422, 503)


def describe(app: FastAPI) -> None:
    """Let the application describe itself."""

    def openapi() -> Json:
        if app.openapi_schema is None:
            document = get_openapi(
                title="Millrace ingestion API", version="1.0.0", description=_DESCRIPTION, routes=app.routes
            )
            _drop_assumed_refusals(document)
            document["components"] = {"schemas": schemas(), "securitySchemes": _SECURITY}
            openapi_limits.describe(document)
            document["security"] = [{name: []} for name in _SECURITY]
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _drop_assumed_refusals(document: Json) -> None:
    """Take out the 422 that FastAPI promises for wrong parameters; here they are a 400."""
    for path in document["paths"].values():
        for operation in path.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]


def push(kind: Kind, new_status: int = 201) -> Json:
    """Describe an endpoint that takes a batch of one kind, and answers a new one with `new_status`."""
    item = reference("Reading" if kind == "readings" else "Event")
    items: Json = {"type": "array", "items": item, "minItems": 1, "maxItems": 1_000}
    wrapped: Json = {"type": "object", "properties": {kind: items}, "required": [kind]}
    readers = {name: MEDIA_TYPES[name] for name in MEDIA_TYPES if MEDIA_TYPES[name] not in ("json", "senml")}
    others: Json = {name: {"schema": {"type": "string", "format": "binary"}} for name in readers}
    if kind == "readings":
        others["application/senml+json"] = {"schema": {"type": "array", "items": {"type": "object"}, "minItems": 1}}
    body = {"required": True, "content": {**_json({"anyOf": [items, wrapped, item]}, kind), **others}}
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Names the batch; send the same one with every retry",
        "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    }
    answers = {
        new_status: _answer("BatchReceipt", "Stored; the receipt says which items were quarantined"),
        200: _answer("BatchReceipt", "Stored, perhaps before: a repeat gets the first answer's receipt"),
    }
    return _route({**answers, **_refusals(*_PUSH_REFUSALS)}, requestBody=body, parameters=[key])


def write_lines() -> Json:
    """Describe an endpoint that takes line protocol."""
    lines = {
        "schema": {"type": "string"},
        "example": "pump,equipment=pump-1 bearing_temperature=72.5 1770373800000000000",
    }
    body = {"required": True, "content": {"text/plain": lines}}
    stored: dict[int, Json] = {204: {"description": "Every line is stored, accepted or quarantined"}}
    return _route({**stored, **_refusals(400, 401, 403, 413, 415, 503)}, requestBody=body)


def query_lines() -> Json:
    """Describe the endpoint that agrees to CREATE DATABASE."""
    results: Json = {"type": "object", "properties": {"results": {"type": "array"}}, "required": ["results"]}
    statement = {
        "name": "q",
        "in": "query",
        "schema": {"type": "string"},
        "description": "CREATE DATABASE, or in a form",
    }
    agreed: dict[int, Json] = {200: {"description": "Agreed", "content": {"application/json": {"schema": results}}}}
    return _route({**agreed, **_refusals(400, 413)}, parameters=[statement], security=[])


def nothing(description: str) -> Json:
    """Describe an endpoint that anyone may ask and that answers without a body."""
    return _route({204: {"description": description}}, security=[])


def answers(schema: str, description: str) -> Json:
    """Describe an endpoint that answers with one schema."""
    return _route({200: _answer(schema, description), **_refusals(400, 401, 403, 404, 503)})


def receipt() -> Json:
    """Describe the endpoint that reads a batch's receipt."""
    return answers("SettledReceipt", "The receipt it was acknowledged with, and what became of it in the warehouse")


def arrow(description: str) -> Json:
    """Describe an endpoint that answers with an Arrow IPC stream."""
    stream = {"application/vnd.apache.arrow.stream": {"schema": {"type": "string", "format": "binary"}}}
    return _route({200: {"description": description, "content": stream}, **_refusals(400, 401, 403, 503)})


def health() -> Json:
    """Describe an endpoint that anyone may ask."""
    return _route({200: _answer("Health", "It is well"), **_refusals(503)}, security=[])


def entity(shape: Shape) -> Json:
    """Describe the endpoint that reads one entity."""
    return _route(
        {200: _answer(row_name(shape), "The entity"), **_refusals(400, 401, 403, 404, 422, 503)},
        parameters=_codes(shape),
    )


def entities(shape: Shape) -> Json:
    """Describe the endpoint that lists entities."""
    return answers(f"{row_name(shape)}Page", "The entities, by code")


def put(shape: Shape) -> Json:
    """Describe the endpoint that writes one entity."""
    name = shape.payload.__name__
    body = {"required": True, "content": _json(reference(name), name)}
    rows = {
        201: _answer(row_name(shape), "Created"),
        200: _answer(row_name(shape), "Replaced, or left as it already was"),
    }
    return _route({**rows, **_refusals(400, 401, 403, 409, 413, 422, 503)}, requestBody=body, parameters=_codes(shape))


def release() -> Json:
    """Describe the endpoint that releases from the quarantine."""
    body = {"required": True, "content": _json(reference("ReleaseRequest"), "ReleaseRequest")}
    done = {200: _answer("Released", "What was released, and what still stands against the others")}
    return _route({**done, **_refusals(400, 401, 403, 413, 503)}, requestBody=body)


def events(description: str) -> Json:
    """Describe an endpoint that answers with server-sent events, for as long as somebody listens."""
    resume = {
        "name": "Last-Event-ID",
        "in": "header",
        "description": "The id of the last event seen: those after it follow, none left out and none twice",
        "schema": {"type": "string"},
    }
    content = {"text/event-stream": {"schema": {"type": "string"}, "example": EXAMPLES["stream"]}}
    told: dict[int, Json] = {200: {"description": description, "content": content}}
    return _route({**told, **_refusals(400, 401, 403, 503)}, parameters=[resume])


def loss() -> Json:
    """Describe the endpoint that takes reports of losses."""
    body = {"required": True, "content": _json(reference("LossReport"), "LossReport")}
    done = {200: _answer("Loss", "The loss as it now stands")}
    return _route({**done, **_refusals(400, 401, 403, 413, 503)}, requestBody=body)


def _codes(shape: Shape) -> list[Json]:
    code: Json = {"type": "string", "minLength": 1, "maxLength": 200}
    return [{"name": name, "in": "path", "required": True, "schema": code} for name in shape.code_columns]


def _route(responses: dict[int, Json], **extra: Any) -> Json:
    success = next(iter(responses))
    return {"responses": responses, "openapi_extra": extra, "status_code": success}


def _refusals(*statuses: int) -> dict[int, Json]:
    content = {"application/problem+json": {"schema": reference("Problem"), "example": EXAMPLES["Problem"]}}
    return {status: {"description": "Problem details (RFC 9457)", "content": content} for status in statuses}


def _answer(schema: str, description: str) -> Json:
    return {"description": description, "content": _json(reference(schema), schema)}


def _json(schema: Json, example: str) -> Json:
    return {"application/json": {"schema": schema, **({"example": EXAMPLES[example]} if example in EXAMPLES else {})}}

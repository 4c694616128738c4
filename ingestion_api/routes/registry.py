"""GET and PUT the entities of the registry, and the log of their changes."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from ingestion_api import openapi
from ingestion_api.auth import Credential
from ingestion_api.entities import SHAPES, Shape
from ingestion_api.registry_log import changes_after
from ingestion_api.routes.access import admit, note, read_body, services
from ingestion_api.routes.answers import json_answer
from ingestion_api.routes.batches import After

router = APIRouter(tags=["registry"])

Endpoint = Callable[..., Awaitable[Response]]
Limit = Annotated[int, Query(ge=1, le=10_000, description="Most rows to return")]
AfterCode = Annotated[
    str, Query(max_length=500, pattern=r"^[^\x00]*$", description="Cursor: the last code already seen")
]


@router.get("/registry/changes", **openapi.answers("RegistryChanges", "The changes that follow the cursor, in order"))
async def pull_changes(request: Request, after: After = 0, limit: Limit = 1_000) -> Response:
    """Pull the changes of the registry that follow a cursor; empty when caught up."""
    credential = await admit(request, "pull")
    changes = await changes_after(services(request).store, credential.site_code, after, limit)
    return json_answer({"changes": changes})


def _codes(request: Request, shape: Shape) -> tuple[str, ...]:
    return tuple(request.path_params[name] for name in shape.code_columns)


async def _admit(request: Request, shape: Shape, *, to_write: bool) -> Credential:
    credential = await (admit(request, "registry") if to_write else admit(request, "registry", "read"))
    note(request, entity=shape.entity)
    if shape.entity == "sites" and "site_code" in request.path_params:
        credential.require_site(request.path_params["site_code"])
    return credential


def _put(shape: Shape) -> Endpoint:
    async def put(request: Request) -> Response:
        credential = await _admit(request, shape, to_write=True)
        body = await read_body(request, services(request).settings.max_body_bytes)
        codes = _codes(request, shape)
        done = await services(request).registry.put(shape, credential.site_code, codes, body, credential.name)
        services(request).registry_cache.invalidate(credential.site_code)
        return json_answer(done.row, 201 if done.is_new else 200)

    return put


def _get(shape: Shape) -> Endpoint:
    async def get(request: Request) -> Response:
        credential = await _admit(request, shape, to_write=False)
        return json_answer(await services(request).registry.get(shape, credential.site_code, _codes(request, shape)))

    return get


def _list(shape: Shape) -> Endpoint:
    async def page(request: Request, after: AfterCode = "", limit: Limit = 1_000) -> Response:
        credential = await _admit(request, shape, to_write=False)
        found = await services(request).registry.page(shape, credential.site_code, after, limit)
        return json_answer({"items": found.rows, "next_after": found.next_after})

    return page


def _add(shape: Shape) -> None:
    """Add the three endpoints of one entity."""
    path = f"/{shape.path}"
    one = path + "".join(f"/{{{name}{':path' if name == 'metric' else ''}}}" for name in shape.code_columns)
    router.add_api_route(path, _list(shape), methods=["GET"], name=f"list_{shape.entity}", **openapi.entities(shape))
    router.add_api_route(one, _get(shape), methods=["GET"], name=f"get_{shape.entity}", **openapi.entity(shape))
    router.add_api_route(one, _put(shape), methods=["PUT"], name=f"put_{shape.entity}", **openapi.put(shape))


for _shape in SHAPES:
    _add(_shape)

"""A push without a query, past FastAPI's reading of parameters, which costs as much as storing a reading does.

FastAPI's own route, in `push.py`, takes pushes that have a query, and describes both.
"""

from starlette.requests import Request
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from ingestion_api.contract import Kind
from ingestion_api.routes.push import answer, take


class PlainPush(BaseRoute):
    """`POST` of a batch to one path, nothing asked beyond it.

    Attributes:
        path: Also what logs and metrics call it.
    """

    def __init__(self, path: str, kind: Kind) -> None:
        self.path = path
        self._kind = kind

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Leave everything but a plain push to the routes behind this one."""
        is_mine = (
            scope["type"] == "http"
            and scope["path"] == self.path
            and scope["method"] == "POST"
            and not scope["query_string"]
            and not scope.get("root_path")
        )
        return (Match.FULL, {"route": self}) if is_mine else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Store the batch and answer with its receipt."""
        response = answer(await take(Request(scope, receive, send), self._kind))
        await response(scope, receive, send)

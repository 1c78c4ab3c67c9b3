"""What clients send, and the one line that says what is wrong with it."""

import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Annotated, Any

from fastapi import HTTPException, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import GraftError


class Message(BaseModel):
    """A body: JSON of just these keys and types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ToClassify(Message):
    """Texts, and the models that are asked; all without ``models``. Models of pairs need a second text for each."""

    texts: list[str]
    text_pairs: list[str] | None = None
    models: Annotated[list[str], Field(min_length=1)] | None = None


class ToExplain(Message):
    """A text, and the model whose label is explained; the first student without ``model``."""

    text: str
    model: str | None = None


class JSONRequest(Request):
    """A request whose body must be JSON, whatever its type is said to be."""

    async def json(self) -> Any:
        """Return the body; status 422 where it is no JSON."""
        try:
            return json.loads(await self.body())
        except (ValueError, RecursionError):
            raise HTTPException(422, "the body is no JSON in UTF-8") from None


class JSONRoute(APIRoute):
    """A route that reads its request as a ``JSONRequest``."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        answer = super().get_route_handler()

        async def handler(request: Request) -> Response:
            return await answer(JSONRequest(request.scope, request.receive))

        return handler


def complaint(errors: Sequence[Any]) -> str:
    """Return pydantic's first complaint as a plain line, which quotes nothing of the texts."""
    first = errors[0]
    # Its place: after "body" come names of keys and numbers of items.
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"][1:]).lstrip(".")
    if not place and first["type"] != "missing":
        return "the body must be a JSON object, sent with Content-Type: application/json"
    return str(GraftError(f"{place or 'the body'}: {first['msg']}"))


def error(status: int, line: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return an answer that says what is wrong."""
    return JSONResponse({"error": line}, status, headers)

"""The routes: the page, what there is, and two questions to the models.

``POST /classify`` takes ``{"texts": [...], "models": [...]}``, ``POST /explain`` ``{"text": "...", "model": "..."}``;
``models`` and ``model`` may be left out. Of models that read pairs, ``"text_pairs": [...]`` holds the second text of
each; ``/explain`` knows single texts alone. Errors are ``{"error": "a line"}``.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from pipeline.errors import GraftError
from pipeline.serving.explanation import explain
from pipeline.serving.limits import Limits
from pipeline.serving.messages import JSONRoute, ToClassify, ToExplain, complaint, error
from pipeline.serving.page import read_page
from pipeline.serving.scoring import Model, choose, classify, pair_up
from pipeline.serving.waiting import Check, FullError, GoneError, SlowError, WaitingRoom

# In place of the framework's words.
LINES = {404: "there is nothing here; the page is at /", 405: "this path takes another method; see the header Allow"}


def create_app(models: Mapping[str, Model], limits: Limits, room: WaitingRoom) -> FastAPI:
    """Return the application that asks ``models`` in ``room``."""
    app = FastAPI(
        title="Graft",
        redirect_slashes=False,
        docs_url=None,  # its page would load its code from elsewhere
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    app.router.route_class = JSONRoute
    html, policy = read_page()
    _answer_errors(app, limits)

    async def ask(request: Request, work: Callable[[Check], dict[str, Any]]) -> Response:
        return JSONResponse(await room.do(work, lambda: _until_gone(request)))

    @app.head("/", include_in_schema=False)
    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(html, headers={"Content-Security-Policy": policy})

    @app.head("/health", include_in_schema=False)
    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {"ready": True, "models": list(models)}

    @app.get("/models")
    async def describe() -> dict[str, Any]:
        return {"models": [model.describe() for model in models.values()], "limits": asdict(limits)}

    @app.post("/classify")
    async def classify_texts(message: ToClassify, request: Request) -> Response:
        limits.check(message.texts)
        if message.text_pairs is not None:
            limits.check(message.text_pairs)
        chosen = choose(models, message.models)
        texts = pair_up(chosen, message.texts, message.text_pairs)
        return await ask(request, lambda check: classify(chosen, texts, check))

    @app.post("/explain")
    async def explain_text(message: ToExplain, request: Request) -> Response:
        limits.check([message.text])
        model = choose(models, [message.model or next(iter(models))])[0]
        if model.classifier.pairs:
            raise GraftError(f"{model.name} reads pairs of texts; only the answers to single texts are explained")
        return await ask(request, lambda check: explain(model.classifier, message.text, limits.max_words, check))

    return app


async def _until_gone(request: Request) -> None:
    """Return once the client has closed its connection; the body has been read by now."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _answer_errors(app: FastAPI, limits: Limits) -> None:
    """Have every error answered as JSON with one line."""
    full = f"{limits.queue} requests wait already; try again in a second"
    slow = f"no answer within {limits.timeout:g} s; send fewer texts, or try again later"

    @app.exception_handler(StarletteHTTPException)
    async def by_status(_: Request, fault: HTTPException) -> Response:
        return error(fault.status_code, LINES.get(fault.status_code, fault.detail), fault.headers)

    @app.exception_handler(RequestValidationError)
    async def wrong_shape(_: Request, fault: RequestValidationError) -> Response:
        return error(422, complaint(fault.errors()))

    @app.exception_handler(GraftError)
    async def refused(_: Request, fault: GraftError) -> Response:
        return error(422, str(fault))

    @app.exception_handler(FullError)
    async def busy(_: Request, __: FullError) -> Response:
        return error(429, full, {"Retry-After": "1"})

    @app.exception_handler(SlowError)
    async def too_slow(_: Request, __: SlowError) -> Response:
        return error(503, slow, {"Retry-After": "1"})

    @app.exception_handler(GoneError)
    async def unheard(_: Request, __: GoneError) -> Response:
        return Response(status_code=499)

    @app.exception_handler(Exception)
    async def failed(_: Request, __: Exception) -> Response:
        return error(500, "the server failed on this request; its stderr says where")

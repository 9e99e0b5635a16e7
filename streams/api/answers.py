"""What every request goes through: token, time, metrics, and errors as JSON with one sentence."""

import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog
from aiohttp import web

from streams.api.figures import ApiFigures
from streams.api.queries import QueryError

log = structlog.get_logger(__name__)

_LONGEST_LINE = 65_536  # bytes
HTTP_LIMITS: Mapping[str, int] = {"max_line_size": _LONGEST_LINE, "max_field_size": _LONGEST_LINE}
"""Of a URL or a header: what is too long for an id is told in a sentence all the same."""

HEALTH, LIVE, OTHER = "/healthz", "/live", "other"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AnswerError(Exception):
    """Raised by a handler in place of an answer.

    Attributes:
        status: Of HTTP.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def json_answer(body: bytes) -> web.Response:
    """Return *body*, which is JSON, as an answer."""
    return web.Response(body=body, content_type="application/json", headers=_HEADERS)


_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def gate(token: str | None, figures: ApiFigures, clock: Callable[[], float] = time.perf_counter) -> object:
    """Return the middleware; with a *token* it lets nobody in without it, but for the health."""
    expected = None if token is None else f"Bearer {token}".encode()

    @web.middleware
    async def passed(request: web.Request, handler: Handler) -> web.StreamResponse:
        began, resource = clock(), request.match_info.route.resource
        route = OTHER if resource is None else resource.canonical
        response: web.StreamResponse
        if expected is not None and route != HEALTH and not _is_allowed(request, expected):
            response = _error(401, "this needs the header Authorization: Bearer TOKEN, with the api's token")
            response.headers["WWW-Authenticate"] = "Bearer"
        else:
            response = await _answered(request, handler, route)
        figures.answered(route, response.status, None if route == LIVE else clock() - began)
        return response

    return passed


def _is_allowed(request: web.Request, expected: bytes) -> bool:
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode(errors="surrogateescape"), expected)


async def _answered(request: web.Request, handler: Handler, route: str) -> web.StreamResponse:
    try:
        return await handler(request)
    except QueryError as error:
        return _error(400, str(error))
    except AnswerError as error:
        return _error(error.status, str(error))
    except web.HTTPException as error:
        return _not_routed(request, error)
    except Exception as error:
        log.exception("request.failed", route=route, kind=type(error).__name__, error=str(error)[:300])
        return _error(500, "this request failed here; the log of the api says why")


def _not_routed(request: web.Request, error: web.HTTPException) -> web.Response:
    if isinstance(error, web.HTTPMethodNotAllowed):
        response = _error(
            405, f"{request.method:.20} is not possible here, only {' and '.join(sorted(error.allowed_methods))}"
        )
        response.headers["Allow"] = error.headers["Allow"]
        return response
    return _error(404, f"there is nothing at {request.path[:100]!r}; /openapi.json says what there is")


def _error(status: int, sentence: str) -> web.Response:
    response = json_answer(json.dumps({"error": sentence}).encode())
    response.set_status(status)
    return response

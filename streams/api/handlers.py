"""What is answered to whom; see openapi.json."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Protocol

from aiohttp import web

from schemas.codec import Codec
from schemas.records import Prediction
from streams.api.answers import HEALTH, LIVE, AnswerError, gate, json_answer
from streams.api.explaining import Explainer, OtherBundleError, told
from streams.api.figures import ApiFigures
from streams.api.index import MatchIndex, match_json
from streams.api.known import ENDS, Known, line_of
from streams.api.live import Client, FullError, LiveHub
from streams.api.queries import checked_id, followed_match, listing_of, no_query
from streams.api.standing import Standing

_EXPLAINED = 256


class Cache(Protocol):
    """Knows latest predictions of other matches; see streams.api.cache.SharedCache."""

    async def latest(self, match_id: str) -> Prediction | None: ...  # noqa: D102 - as SharedCache's


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between two signs of life on a silent /live, and for which a client may take nothing."""

    heartbeat: float = 15.0
    patience: float = 30.0


@dataclass(slots=True)
class Api:
    """The handlers, and what they answer from.

    Attributes:
        codec: Knows the schemas of the records in the index.
        names: Of features, by feature set.
        ready: Whether the predictions were read to their end once.
    """

    index: MatchIndex
    hub: LiveHub
    standing: Standing
    explainer: Explainer
    codec: Codec[Prediction]
    names: Mapping[str, tuple[str, ...]]
    figures: ApiFigures
    cache: Cache | None = None
    pace: Pace = field(default_factory=Pace)
    ready: bool = False
    _explained: dict[str, bytes] = field(default_factory=dict)
    _explaining: asyncio.Lock = field(default_factory=asyncio.Lock)

    def application(self, token: str | None) -> web.Application:
        """Return the web application; with a *token* it answers to nobody who does not give it."""
        app = web.Application(middlewares=[gate(token, self.figures)])  # type: ignore[list-item] # aiohttp's own marker
        for path, handler in {
            "/matches": self._matches,
            "/matches/{match_id}": self._match,
            "/matches/{match_id}/predictions": self._course,
            "/predictions/{prediction_id}": self._prediction,
            "/predictions/{prediction_id}/explain": self._explain,
            "/openapi.json": self._openapi,
            HEALTH: self._health,
        }.items():
            app.router.add_get(path, handler)
        app.router.add_get(LIVE, self._live, allow_head=False)
        app.on_shutdown.append(self._end)
        return app

    async def _end(self, _app: web.Application) -> None:
        self.hub.end()

    def _check_ready(self) -> None:
        if not self.ready:
            raise AnswerError(503, "the predictions are still being read to their end; /healthz says how far it is")

    async def _matches(self, request: web.Request) -> web.Response:
        self._check_ready()
        matches = self.index.listing(listing_of(request.rel_url.raw_query_string))
        return json_answer(b'%b,"matches":%b}' % (self.standing.json, matches))

    async def _match(self, request: web.Request) -> web.Response:
        match_id = self._asked(request, "match_id")
        source, match = b"index", self.index.match(match_id)
        if match is None and self.cache is not None:
            source, match = b"redis", self._other(await self.cache.latest(match_id))
        if match is None:
            raise _no_match(match_id)
        return json_answer(b'%b,"source":"%b","match":%b}' % (self.standing.json, source, match))

    def _other(self, found: Prediction | None) -> bytes | None:
        """Return the JSON of a match of which the cache alone knows a prediction."""
        if found is None:
            return None
        over = found.cause in ENDS
        known = {"live": not over and found.minute >= 0, "over": over, "swing": 0.0, "predictions": 1}
        fixture = self.index.fixture(found.match_id)
        return match_json(found.match_id, found.competition, fixture, known, line_of(found))

    async def _course(self, request: web.Request) -> web.Response:
        match_id = self._asked(request, "match_id")
        course = self.index.course(match_id)
        if course is None:
            raise _no_match(match_id)
        name = json.dumps(match_id).encode()
        return json_answer(b'%b,"match_id":%b,"predictions":%b}' % (self.standing.json, name, course))

    async def _prediction(self, request: web.Request) -> web.Response:
        prediction = self.codec.decode(self._known(request).record)
        return json_answer(json.dumps(told(prediction, self.names), separators=(",", ":")).encode())

    async def _explain(self, request: web.Request) -> web.Response:
        known = self._known(request)
        found = self._explained.get(known.prediction_id)
        if found is None:
            async with self._explaining:  # one at a time: whoever asks for many waits for them, and nobody else does
                found = await asyncio.to_thread(self._explanation, known)
            self._explained[known.prediction_id] = found
            if len(self._explained) > _EXPLAINED:
                del self._explained[next(iter(self._explained))]
        return json_answer(found)

    def _explanation(self, known: Known) -> bytes:
        prediction = self.codec.decode(known.record)
        try:
            features = self.explainer.features(prediction)
        except OtherBundleError as error:
            raise AnswerError(409, str(error)) from error
        fields = {**told(prediction, self.names), "method": "occlusion", "features": features}
        return json.dumps(fields, separators=(",", ":")).encode()

    def _asked(self, request: web.Request, name: str) -> str:
        no_query(request.rel_url.raw_query_string)
        text = checked_id(request.match_info[name], name)
        self._check_ready()
        return text

    def _known(self, request: web.Request) -> Known:
        prediction_id = self._asked(request, "prediction_id")
        known = self.index.prediction(prediction_id)
        if known is None:
            raise AnswerError(404, f"no prediction {prediction_id!r:.220} is known here, or not any more")
        return known

    async def _openapi(self, _request: web.Request) -> web.Response:
        return json_answer(openapi())

    async def _health(self, _request: web.Request) -> web.Response:
        answer = json_answer(b'%b,"ready":%b}' % (self.standing.json, b"true" if self.ready else b"false"))
        answer.set_status(200 if self.ready else 503)
        return answer

    async def _live(self, request: web.Request) -> web.StreamResponse:
        match = followed_match(request.rel_url.raw_query_string)
        self._check_ready()
        try:
            client = self.hub.join(match, request.headers.get("Last-Event-ID"))
        except FullError as error:
            raise AnswerError(503, str(error)) from error
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        try:
            await response.prepare(request)
            with suppress(ConnectionResetError):  # whoever followed has gone
                await self._keep_telling(request, response, client)
        finally:
            self.hub.leave(client)
        return response

    async def _keep_telling(self, request: web.Request, response: web.StreamResponse, client: Client) -> None:
        chunk = b": here it begins\n\n"
        while not client.ended:
            try:
                async with asyncio.timeout(self.pace.patience):
                    await response.write(chunk)
            except TimeoutError:
                self.figures.live_dropped.inc()
                if request.transport is not None:
                    request.transport.abort()
                return
            try:
                async with asyncio.timeout(self.pace.heartbeat):
                    chunk = await client.take()
            except TimeoutError:
                chunk = b": still here\n\n"


def _no_match(match_id: str) -> AnswerError:
    return AnswerError(404, f"no prediction of match {match_id!r:.220} is known here, or not any more")


@cache
def openapi() -> bytes:
    """Return the description of all this, as OpenAPI 3.1."""
    return files("streams.api").joinpath("openapi.json").read_bytes()

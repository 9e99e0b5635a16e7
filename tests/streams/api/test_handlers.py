"""What is answered to whom, over HTTP, from an index without brokers; openapi.json says the same."""

import asyncio
import json
import re
import socket
from dataclasses import replace
from urllib.parse import quote

import jsonschema
import pytest

from streams.api.handlers import openapi
from streams.api.index import Fixture
from tests.streams.api.matches import NOW_MS, made_by, predicted

TOKEN = "correct-horse-battery"
DESCRIPTION = json.loads(openapi())


def described(path, status, content="application/json"):
    """Return the schema of an answer, with all that it refers to."""
    answer = DESCRIPTION["paths"][path]["get"]["responses"][str(status)]
    if "$ref" in answer:
        answer = DESCRIPTION["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    return {**answer["content"][content]["schema"], "components": DESCRIPTION["components"]}


def template(path):
    return next(
        one for one in DESCRIPTION["paths"] if re.fullmatch(re.sub(r"{\w+}", "[^/]+", one), path.partition("?")[0])
    )


@pytest.fixture
async def asked(client_of, publish, api, bundle):
    """Asks an api with some matches; what is answered is checked against what openapi.json says."""
    api.index.announce("m", Fixture("Brazil", "Argentina", NOW_MS))
    publish(
        predicted("m", 1),
        predicted("m", 2, home=0.7, draw=0.2, away=0.1),
        predicted("a/b ü%", 3, cause="FULL_TIME", competition=""),
        made_by(bundle, "explained", 4),
    )
    client = await client_of()

    async def ask(path, status=200):
        answer = await client.get(path)
        found = await answer.json()
        assert (status, "application/json") == (answer.status, answer.content_type), found
        jsonschema.Draft202012Validator(described(template(path), status)).validate(found)
        return found

    return ask


async def test_matches_are_listed_with_their_latest_prediction(asked):
    found = await asked("/matches?live=true&sort=swing&limit=1")

    (match,) = found["matches"]
    assert (NOW_MS, 0) == (found["as_of_ms"], found["behind"])
    assert ("Brazil", "Argentina", "Friendly", NOW_MS, True, False, 2) == tuple(
        match[name] for name in ("home_team", "away_team", "competition", "kick_off_ms", "live", "over", "predictions")
    )
    prediction = match["prediction"]
    assert ("m-2", 2, 0, 0) == tuple(prediction[one] for one in ("prediction_id", "minute", "home_score", "away_score"))
    assert [0.7, 0.2, 0.1] == [prediction[one] for one in ("home", "draw", "away")]
    assert (NOW_MS + 2000, "d" * 64, "1") == tuple(
        prediction[one] for one in ("predicted_at_ms", "bundle_digest", "model_version")
    )


async def test_a_match_is_found_by_its_id_whatever_is_in_it(asked):
    assert "index" == (await asked("/matches/m"))["source"]
    found = (await asked(f"/matches/{quote('a/b ü%', safe='')}"))["match"]

    assert ("a/b ü%", True, None) == (found["match_id"], found["over"], found["competition"])


async def test_a_course_is_all_predictions_of_a_match_oldest_first(asked):
    found = await asked("/matches/m/predictions")

    assert ["m-1", "m-2"] == [one["prediction_id"] for one in found["predictions"]]
    assert "m" == found["match_id"]


async def test_a_prediction_is_told_with_all_that_explains_it(asked):
    found = await asked("/predictions/m-2")

    assert {"name": "elo_difference", "value": None} == found["features"][0]
    assert ("match-events", 0, 2) == tuple(found[f"source_{one}"] for one in ("topic", "partition", "offset"))


async def test_an_explanation_is_the_prediction_and_what_each_feature_does(asked, bundle):
    found, again = await asked("/predictions/explained-4/explain"), await asked("/predictions/explained-4/explain")

    assert found == again
    assert [*bundle.feature_names] == [one["name"] for one in found["features"]]
    assert await asked("/predictions/explained-4") == {
        **{name: value for name, value in found.items() if name != "method"},
        "features": [{"name": one["name"], "value": one["value"]} for one in found["features"]],
    }


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/matches?limit=many", 400, "limit is 'many', not a whole number from 1 to 1000"),
        ("/matches?competition=%FF", 400, "is not UTF-8"),
        ("/matches/m?x=1", 400, "'x' can not be asked for here, only the path"),
        ("/matches/" + "x" * 20_000, 400, "not 1 to 200 characters"),
        ("/matches/%20", 400, "match_id is ' ', not 1 to 200 characters"),
        ("/matches/unknown", 404, "no prediction of match 'unknown' is known here, or not any more"),
        ("/matches/unknown/predictions", 404, "no prediction of match 'unknown' is known here"),
        ("/predictions/unknown", 404, "no prediction 'unknown' is known here"),
        ("/predictions/" + "x" * 201, 400, "not 1 to 200 characters"),
        ("/predictions/unknown/explain", 404, "no prediction 'unknown' is known here"),
        ("/predictions/m-1/explain", 409, "prediction 'm-1' was made by bundle dddddddddddd (m 1), and"),
        ("/live?match=", 400, "match is '', not 1 to 200 characters"),
    ],
)
async def test_what_cannot_be_answered_is_refused_in_one_sentence(asked, path, status, sentence):
    found = await asked(path, status)

    assert sentence in found["error"]
    assert ["error"] == [*found]


@pytest.mark.parametrize("path", ["/", "/nothing", "/matches/m/", "/predictions", "/" + "%00" * 50])
async def test_where_nothing_is_a_sentence_says_so(client_of, path):
    answer = await (await client_of()).get(path)

    assert (404, ["error"]) == (answer.status, [*await answer.json()])


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_nothing_but_looking_is_possible(client_of, method):
    answer = await (await client_of()).request(method, "/matches", data=b"x" * 500_000)

    assert (405, "GET,HEAD") == (answer.status, answer.headers["Allow"])
    assert {"error": f"{method} is not possible here, only GET and HEAD"} == await answer.json()


async def test_before_the_predictions_are_read_nothing_is_answered_from_them(client_of, api):
    api.ready, api.standing.as_of_ms, api.standing.behind = False, None, 7
    client = await client_of()
    for path in ("/matches", "/matches/m", "/matches/m/predictions", "/predictions/m-1", "/live"):
        answer = await client.get(path)
        assert 503 == answer.status
        jsonschema.Draft202012Validator(described(template(path), 503)).validate(await answer.json())
    answer = await client.get("/healthz")

    assert (503, {"as_of_ms": None, "behind": 7, "ready": False}) == (answer.status, await answer.json())


async def test_health_says_how_complete_the_answers_are(asked):
    assert {"as_of_ms": NOW_MS, "behind": 0, "ready": True} == await asked("/healthz")


async def test_with_a_token_nobody_gets_in_without_it_but_to_the_health(client_of, publish):
    publish(predicted("m", 1))
    client = await client_of(TOKEN)
    wrong = [
        "",
        TOKEN,
        "Bearer",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"bearer {TOKEN}",
        "Basic eDp4",
        "Bearer ü",
    ]
    for path in ("/matches", "/live", "/openapi.json", "/nothing"):
        for given in wrong:
            answer = await client.get(path, headers={"Authorization": given})
            assert (401, "Bearer") == (answer.status, answer.headers["WWW-Authenticate"])
            assert TOKEN not in await answer.text()

    assert 200 == (await client.get("/healthz")).status
    assert 200 == (await client.get("/matches", headers={"Authorization": f"Bearer {TOKEN}"})).status


async def test_a_handler_that_fails_costs_its_own_request_only(client_of, api, monkeypatch):
    client = await client_of()
    monkeypatch.setattr(api, "index", None)
    answer = await client.get("/matches")

    assert (500, {"error": "this request failed here; the log of the api says why"}) == (
        answer.status, await answer.json(),
    )  # fmt: skip
    assert 200 == (await client.get("/healthz")).status


class OtherCache:
    async def latest(self, match_id):
        return predicted(match_id, 9, cause="FULL_TIME") if match_id == "elsewhere" else None


async def test_a_match_which_is_not_in_the_index_is_asked_of_the_cache(asked, api):
    api.cache = OtherCache()
    found = await asked("/matches/elsewhere")

    assert ("redis", "elsewhere-9", True) == (
        found["source"], found["match"]["prediction"]["prediction_id"], found["match"]["over"],
    )  # fmt: skip
    await asked("/matches/nowhere", 404)
    assert "index" == (await asked("/matches/m"))["source"]


async def events_of(answer, count):
    """Return the next *count* events, signs of life left out."""
    found = []
    while len(found) < count:
        lines = []
        while (line := (await answer.content.readline()).decode().strip()) != "":
            lines.append(line)
        if lines and not lines[0].startswith(":"):
            found.append(dict(line.split(": ", 1) for line in lines))
    return found


async def test_live_tells_what_comes_and_goes_on_where_a_client_left(client_of, publish):
    client = await client_of()
    async with client.get("/live") as answer:
        assert "text/event-stream" == answer.content_type
        await answer.content.readline()
        publish(predicted("m", 1), predicted("n", 2))
        first, second = await events_of(answer, 2)
    jsonschema.Draft202012Validator(
        {"$ref": "#/components/schemas/Prediction", "components": DESCRIPTION["components"]}
    ).validate(json.loads(first["data"]))
    publish(predicted("m", 3))
    async with client.get("/live", headers={"Last-Event-ID": first["id"]}) as answer:
        again, third = await events_of(answer, 2)
    async with client.get("/live?match=m", headers={"Last-Event-ID": first["id"]}) as answer:
        (only,) = await events_of(answer, 1)

    assert ["prediction"] * 3 == [one["event"] for one in (first, second, third)]
    assert (second, "m-3", third) == (again, json.loads(third["data"])["prediction_id"], only)


async def test_a_silent_live_gives_signs_of_life(client_of):
    async with (await client_of()).get("/live") as answer:
        found = [(await answer.content.readline()).decode() for _ in range(6)]

    assert [": here it begins\n", "\n", ": still here\n", "\n", ": still here\n", "\n"] == found


async def test_there_are_only_so_many_clients_of_live(client_of, registry):
    client = await client_of()
    async with client.get("/live"), client.get("/live"):
        answer = await client.get("/live")
        assert (503, ["error"]) == (answer.status, [*await answer.json()])
        assert 2 == registry.get_sample_value("touchline_api_live_clients")
    while registry.get_sample_value("touchline_api_live_clients"):  # noqa: ASYNC110 - it is another's gauge
        await asyncio.sleep(0.01)  # until the next sign of life finds nobody

    assert 200 == (await client.get("/healthz")).status


async def test_a_client_that_takes_nothing_is_dropped_and_holds_up_nobody(client_of, publish, registry):
    client = await client_of()
    with socket.create_connection((client.host, client.port)) as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.sendall(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n")
        async with client.get("/live") as answer:
            number = 0
            while not registry.get_sample_value("touchline_api_live_clients_dropped_total"):
                number += 1
                publish(replace(predicted("m", number), event_id="x" * 100_000))
                (event,) = await events_of(answer, 1)
                assert f"m-{number}" == json.loads(event["data"])["prediction_id"]

    assert 1 <= registry.get_sample_value("touchline_api_live_clients_dropped_total")


async def test_requests_are_counted_by_route_and_never_by_what_was_asked_for(client_of, publish, registry):
    publish(predicted("m", 1))
    client = await client_of()
    for path in ("/matches/m", "/matches/unknown", "/matches/m?x", "/nowhere"):
        await client.get(path)

    labels = {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "touchline_api_requests_total"
    }
    assert {("/matches/{match_id}", "2xx"): 1, ("/matches/{match_id}", "4xx"): 2, ("other", "4xx"): 1} == labels


async def test_every_route_is_described_and_nothing_else(api):
    routes = {(route.method, route.resource.canonical) for route in api.application(None).router.routes()}

    assert {("GET", path) for path in DESCRIPTION["paths"]} == {one for one in routes if one[0] == "GET"}
    assert all([*methods] == ["get"] for methods in DESCRIPTION["paths"].values())


async def test_the_description_is_served_and_all_that_it_refers_to_is_there(asked):
    found = await asked("/openapi.json")

    assert found == DESCRIPTION
    for reference in re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(found)):
        place = found
        for step in reference.split("/"):
            place = place[step]
    for schema in found["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for path, methods in found["paths"].items():
        stated = {one["name"] for one in methods["get"].get("parameters", []) if one["in"] == "path"}
        assert set(re.findall(r"{(\w+)}", path)) == stated

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from schemas.catalog import schema_json
from streams.registry import Registry, registry_of
from streams.registry_errors import IncompatibleSchemaError, RegistryUnavailableError, SchemaNotFoundError
from streams.schema_cache import SchemaCache
from streams.settings import read_settings

NOT_THERE = {"error_code": 40403, "message": "Schema 7 not found"}


class Answers:
    """What the registry of a test answers next, and what it was asked."""

    def __init__(self) -> None:
        self.status, self.body, self.silent = 200, b"{}", threading.Event()
        self.authorizations: list[str | None] = []
        self.before: list[tuple[int, bytes]] = []
        self.silent.set()

    def say(self, status: int, content: object) -> None:
        self.status, self.body = status, content if isinstance(content, bytes) else json.dumps(content).encode()


@contextmanager
def listening(answers: Answers) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answers.authorizations.append(self.headers.get("Authorization"))
            answers.silent.wait(10)
            status, body = answers.before.pop(0) if answers.before else (answers.status, answers.body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_GET  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        answers.silent.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def url(answers: Answers) -> Iterator[str]:
    with listening(answers) as found:
        yield found


@pytest.fixture
def cache(tmp_path: Path) -> SchemaCache:
    return SchemaCache(tmp_path / "schemas")


def test_a_schema_is_asked_for_once(answers, url, cache):
    answers.say(200, {"schema": '"string"', "id": 7})
    registry = Registry(url, cache=cache)

    assert '"string"' == registry.fetch(7)
    assert '"string"' == registry.fetch(7)
    assert 1 == len(answers.authorizations)


async def test_a_schema_is_fetched_without_blocking_the_loop(answers, url, cache):
    answers.say(200, {"schema": '"string"', "id": 7})

    assert '"string"' == await Registry(url, cache=cache).fetch_async(7)


def test_not_found_is_what_the_registry_itself_says(answers, url, cache):
    answers.say(404, NOT_THERE)

    with pytest.raises(SchemaNotFoundError, match="Schema 7 not found"):
        Registry(url, cache=cache).fetch(7)


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 502, 503, 504])
def test_any_other_failure_says_nothing_about_the_schema(answers, url, cache, status):
    answers.say(status, b"<html>no registry here</html>")

    with pytest.raises(RegistryUnavailableError, match=f"HTTP {status}"):
        Registry(url, cache=cache).fetch(7)


def test_an_answer_which_is_no_json_is_an_outage(answers, url, cache):
    answers.say(200, b"<html>captive portal</html>")

    with pytest.raises(RegistryUnavailableError, match="does not answer"):
        Registry(url, cache=cache).fetch(7)


def test_silence_is_an_outage(answers, url, cache, monkeypatch):
    monkeypatch.setattr("streams.registry.TIMEOUT_SECONDS", 0.1)
    answers.silent.clear()

    with pytest.raises(RegistryUnavailableError, match="does not answer"):
        Registry(url, cache=cache).fetch(7)


def test_nobody_there_is_an_outage(answers, cache):
    with listening(answers) as url:
        pass

    with pytest.raises(RegistryUnavailableError, match="does not answer"):
        Registry(url, cache=cache).fetch(7)


def test_an_id_known_from_before_is_read_while_the_registry_is_away(answers, url, cache):
    answers.say(200, {"schema": '"string"', "id": 7})
    Registry(url, cache=cache).fetch(7)
    answers.say(503, b"")

    assert '"string"' == Registry(url, cache=cache).fetch(7)


def test_a_wiped_registry_is_believed_before_what_is_kept(answers, url, cache):
    cache.keep_text(7, '"string"')
    answers.say(200, {"schema": '"long"', "id": 7})

    assert '"long"' == Registry(url, cache=cache).fetch(7)
    assert '"long"' == cache.text(7)


def test_what_a_registry_does_not_know_any_more_is_forgotten(answers, url, cache):
    cache.keep_text(7, '"string"')
    answers.say(404, NOT_THERE)

    with pytest.raises(SchemaNotFoundError):
        Registry(url, cache=cache).fetch(7)
    assert None is cache.text(7)


def test_a_cache_which_is_damaged_or_cannot_be_written_is_no_error(answers, url, tmp_path):
    (tmp_path / "file").write_text("no folder")
    answers.say(200, {"schema": '"string"', "id": 7})

    assert '"string"' == Registry(url, cache=SchemaCache(tmp_path / "file")).fetch(7)
    (tmp_path / "id-8.json").write_text("{")
    assert None is SchemaCache(tmp_path).text(8)


def test_registering_is_remembered_for_a_restart_without_the_registry(answers, url, cache):
    answers.say(200, {"id": 5})
    assert 5 == Registry(url, cache=cache).register("a-value", '"string"')
    answers.say(503, b"")

    with pytest.raises(RegistryUnavailableError):
        Registry(url, cache=cache).register("a-value", '"string"')
    assert 5 == Registry(url, cache=cache).register("a-value", '"string"', or_known=True)
    with pytest.raises(RegistryUnavailableError):
        Registry(url, cache=cache).register("b-value", '"string"', or_known=True)


def test_a_refusal_keeps_the_words_of_the_registry(answers, url, cache):
    answers.say(409, {"error_code": 409, "message": "not so"})

    with pytest.raises(IncompatibleSchemaError, match="a-value refuses the schema: not so") as caught:
        Registry(url, cache=cache).register("a-value", schema_json("match_event"))
    assert "not so" == caught.value.answer


def test_one_who_registers_the_first_schema_a_moment_after_another_has_its_id(answers, url, cache):
    answers.before = [(409, json.dumps({"error_code": 409, "message": "An artifact already exists"}).encode())]
    answers.say(200, {"id": 5})

    assert 5 == Registry(url, cache=cache).register("a-value", '"string"')


def test_credentials_are_sent_and_never_shown(answers, url, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    settings = read_settings(
        bootstrap_servers="127.0.0.1:1", registry_url=url, registry_user="anna", registry_password="secret"
    )
    answers.say(401, {"error_code": 401, "message": "who are you"})

    with pytest.raises(RegistryUnavailableError) as caught:
        registry_of(settings).fetch(1)
    assert ["Basic YW5uYTpzZWNyZXQ="] == answers.authorizations
    assert "secret" not in str(caught.value)

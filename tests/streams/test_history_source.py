"""The public history: from the source's form to ours, over a server of our own; and nothing lost when it fails."""

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from features.history import HistoricGoal, international_matches
from streams import history_source
from streams.cli import main
from streams.history_source import GOALS_FILE, MATCHES_FILE, PROVENANCE, SourceError, fetch

# Lines of the source as they stand there, and one which is still to be played.
RESULTS = """date,home_team,away_team,home_score,away_score,tournament,city,country,neutral
1924-05-25,Italy,Spain,1,0,Olympic Games,Paris,France,TRUE
1917-10-06,Argentina,Chile,1,0,Copa América,Montevideo,Uruguay,TRUE
2024-10-15,Sudan,Ghana,2,0,African Cup of Nations qualification,Benghazi,Libya,TRUE
2024-10-15,Argentina,Bolivia,6,0,FIFA World Cup qualification,Buenos Aires,Argentina,FALSE
2026-06-11,Mexico,South Africa,NA,NA,FIFA World Cup,Mexico City,Mexico,FALSE
"""
SCORERS = """date,home_team,away_team,team,scorer,minute,own_goal,penalty
1917-10-06,Argentina,Chile,Argentina,Luis García,76,TRUE,FALSE
1924-05-25,Italy,Spain,Italy,Pedro Vallana,84,TRUE,FALSE
2024-10-15,Argentina,Bolivia,Argentina,Lionel Messi,19,FALSE,FALSE
2024-10-15,Argentina,Bolivia,Argentina,Somebody,NA,FALSE,TRUE
1900-01-01,Nobody,Knows,Nobody,A Player,1,FALSE,FALSE
"""


def source(**files):
    found = {"results.csv": RESULTS, "goalscorers.csv": SCORERS} | {f"{name}.csv": text for name, text in files.items()}
    return lambda url: found[url.rsplit("/", 1)[1]].encode()


def content(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_what_is_fetched_can_be_read(tmp_path):
    found = fetch("http://x/", tmp_path, source())
    matches = {match.home_team: match for match in international_matches(tmp_path) if match.day.year < 2024}
    later = {match.home_team: match for match in international_matches(tmp_path) if match.day.year == 2024}

    assert (found.matches, found.goals, found.first, found.last) == (4, 4, "1917-10-06", "2024-10-15")
    assert matches["Italy"].goals == (HistoricGoal(84, home=True, kind="own"),)
    assert matches["Italy"].match_id == "1924-05-25/Italy/Spain"
    assert (matches["Argentina"].neutral, matches["Argentina"].goals_timed) == (True, True)
    assert later["Argentina"].goals == (HistoricGoal(19, home=True, kind="goal"),)
    assert (later["Argentina"].neutral, later["Sudan"].goals_timed) == (False, False)
    assert json.loads((tmp_path / PROVENANCE).read_text())["sha256"].keys() == {"results.csv", "goalscorers.csv"}


def test_goals_are_as_in_the_history_that_is_at_hand(tmp_path, shared_data):
    """Matches of the real history, written in the source's form, come back as they were."""
    known = [match for match in international_matches(shared_data) if match.day.year >= 2022]
    results = [RESULTS.splitlines()[0]]
    scorers = [SCORERS.splitlines()[0]]
    for match in known:
        teams = f"{match.day},{match.home_team},{match.away_team}"
        results.append(
            f"{teams},{match.home_score},{match.away_score},{match.competition},,,{str(match.neutral).upper()}"
        )
        for goal in match.goals:
            team = match.home_team if goal.home else match.away_team
            flags = f"{str(goal.kind == 'own').upper()},{str(goal.kind == 'pen').upper()}"
            scorers.append(f"{teams},{team},,{goal.minute},{flags}")
    fetch("http://x", tmp_path, source(results="\n".join(results), goalscorers="\n".join(scorers)))

    def told(matches):
        return [
            (
                match.day,
                match.home_team,
                match.away_score,
                match.competition,
                match.neutral,
                match.goals,
                match.goals_timed,
            )
            for match in matches
        ]

    assert told(international_matches(tmp_path)) == told(known)


def test_the_same_source_gives_the_same_files(tmp_path):
    for name in ("one", "two"):
        fetch("http://x", tmp_path / name, source())

    for name in (MATCHES_FILE, GOALS_FILE):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"results": "a,b\n1,2\n"}, "results.csv has no column date, only a, b"),
        ({"goalscorers": "<html>"}, "goalscorers.csv has no column date"),
        ({"results": RESULTS.replace(",TRUE", ",yes", 1)}, "results.csv: neutral is 'yes', not TRUE or FALSE"),
        ({"results": RESULTS.replace("1,0,Olympic", "1,O,Olympic")}, "what was downloaded cannot be read: "),
        ({"results": RESULTS + "2025-01-01,A\n"}, "results.csv, line 7 has not 9 columns"),
        ({"results": RESULTS.splitlines()[0] + "\n"}, "results.csv has 0 matches with a score"),
        ({"results": "\n".join(RESULTS.splitlines()[:3])}, "has 2 matches with a score, and "),
        (
            {"goalscorers": SCORERS.replace(",Italy,Pedro", ",France,Pedro")},
            "goalscorers.csv has a goal of 'France' in ",
        ),
    ],
)
def test_another_form_is_a_sentence_and_leaves_what_was_there(tmp_path, files, sentence):
    fetch("http://x", tmp_path, source())
    before = content(tmp_path)

    with pytest.raises(SourceError) as told:
        fetch("http://x", tmp_path, source(**files))

    assert sentence in str(told.value)
    assert content(tmp_path) == before


def test_a_damaged_history_is_replaced(tmp_path):
    (tmp_path / MATCHES_FILE).write_bytes(gzip.compress(b"match_id\n"))
    (tmp_path / GOALS_FILE).write_bytes(b"nothing")

    assert fetch("http://x", tmp_path, source()).matches == 4


class Handler(BaseHTTPRequestHandler):
    """Serves the source, after as many errors as the server still has to make."""

    def do_GET(self) -> None:
        fails = self.server.fails  # type: ignore[attr-defined]
        if fails:
            self.send_error(fails.pop())
            return
        found = source()(self.path) if self.path.startswith("/history/") else b""
        self.send_response(200)
        self.send_header("Content-Length", str(len(found)))
        self.end_headers()
        self.wfile.write(found)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(name="server")
def _server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.fails = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(server, out, *words):
    url = f"http://127.0.0.1:{server.server_port}/history"
    return CliRunner().invoke(main, ["data", "fetch", "--url", url, "--out", str(out), *words])


def test_the_command_downloads_and_tries_again_what_a_server_fails_at(server, tmp_path):
    server.fails += [503, 500]

    result = run(server, tmp_path / "data")

    assert result.exit_code == 0, result.output
    assert f"4 matches from 1917-10-06 to 2024-10-15, 4 goals, in {tmp_path / 'data'}" in result.stdout
    assert json.loads(run(server, tmp_path / "data", "--json").stdout)["matches"] == 4


@pytest.mark.parametrize(("fails", "sentence"), [([404], "the answer is 404"), ([503] * 3, "the answer is 503")])
def test_a_server_that_does_not_give_it_is_a_sentence(server, tmp_path, fails, sentence):
    server.fails += fails

    result = run(server, tmp_path)

    assert result.exit_code == 2
    assert sentence in result.stderr
    assert f"{tmp_path} is as it was" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert content(tmp_path) == {}


def test_a_host_that_is_not_there_is_a_sentence(tmp_path):
    result = CliRunner().invoke(main, ["data", "fetch", "--url", "http://127.0.0.1:1", "--out", str(tmp_path)])

    assert result.exit_code == 2
    assert "results.csv cannot be downloaded: " in result.stderr


def test_what_is_too_large_is_not_read_to_its_end(server, tmp_path, monkeypatch):
    monkeypatch.setattr(history_source, "MOST_BYTES", 100)

    assert "is larger than 100 bytes" in run(server, tmp_path).stderr

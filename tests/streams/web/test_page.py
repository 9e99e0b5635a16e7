"""The page in a real browser: what it says is what the server told, for everybody, at any width, in both themes."""

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from streams.dashboard.parts import Parts
from streams.dashboard.rollouts import RolloutView
from streams.playing.crew import port_near
from streams.web.dashboard_server import DashboardServer
from tests.chromium import browser
from tests.streams.web.canned import Shows, everything, latency, letters, matches, members, nothing, pace, sample
from tests.streams.web.canned_rollouts import rollout

VIEWS = ("matches", "stream", "drift", "models", "rollouts", "schemas")
TITLES = {"rollouts": "Roll-outs"}
AXE = (Path(__file__).parents[2] / "data" / "axe" / "axe.min.js").read_text()
HOURS = 5
TAKE = """async (changes) => {
    const { take } = await import("/store.js");
    for (const stream of changes) take({ now_ms: Date.now(), views: { stream } });
    await new Promise((done) => setTimeout(done, 700)); // until all is drawn
}"""
KEPT = """async () => {
    const { partsLike } = await import("/store.js");
    return partsLike("stream", "pace").reduce((sum, [, minute]) => sum + minute.at_ms.length, 0);
}"""
NARROW, WIDE = {"width": 390, "height": 844}, {"width": 1600, "height": 1000}


@contextmanager
def served(service: Shows, port: int = 0) -> Iterator[DashboardServer]:
    server = DashboardServer(lambda: service, ("127.0.0.1", port or port_near(0)))
    server.start()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture(scope="module")
def full() -> Iterator[DashboardServer]:
    with served(Shows(everything())) as server:
        yield server


@contextmanager
def opened(
    chromium: Browser, url: str, view: str = "matches", size: dict = WIDE, theme: str = "light"
) -> Iterator[Page]:
    """Open a view, and check at the end that nothing was logged and nobody else was asked."""
    page = chromium.new_context(viewport=size, color_scheme=theme).new_page()
    said: list[str] = []
    asked: set[str | None] = set()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.add(urlsplit(request.url).hostname))
    page.goto(f"{url}#{view}")
    expect(page.locator("h1")).to_have_text(TITLES.get(view, view.capitalize()))
    expect(page.locator("#view")).to_have_attribute("aria-busy", "false")
    yield page
    page.context.close()
    assert [] == said
    assert {"127.0.0.1"} == asked


def data(server: DashboardServer, view: str) -> dict:
    with urllib.request.urlopen(f"{server.url}data/{view}", timeout=5) as answer:  # noqa: S310 - our own loopback
        return json.load(answer)["parts"]


@pytest.mark.parametrize(("size", "theme"), [(NARROW, "light"), (WIDE, "dark")])
def test_every_view_fits_and_has_no_serious_finding_of_axe(chromium, full, size, theme):
    for view in VIEWS:
        with opened(chromium, full.url, view, size, theme) as page:
            expect(page.locator("#state")).to_contain_text("Live")
            page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            beyond = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
            page.evaluate(AXE)
            found = page.evaluate("() => axe.run({resultTypes: ['violations']})")

            serious = [one for one in found["violations"] if one["impact"] in {"serious", "critical"}]
            assert [] == [(one["id"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"]) for one in serious]
            assert (view, 0) == (view, beyond)


def test_what_stands_on_a_match_is_what_the_api_says(chromium, full):
    told = data(full, "matches")
    with opened(chromium, full.url) as page:
        cards = page.locator("#matches > li")
        expect(cards).to_have_count(len(told["order"]))

        assert told["order"] == [one.get_attribute("data-match") for one in cards.all()]
        for name, card in zip(told["order"], cards.all(), strict=True):
            match = told[f"match:{name}"]
            one = match["prediction"]
            assert f"{match['home_team']} – {match['away_team']}" == card.locator(".teams").inner_text()  # noqa: RUF001 - as the page writes it
            assert f"{one['home_score']} : {one['away_score']}" == card.locator(".score").inner_text()
            assert [f"{100 * one[side]:.1f} %" for side in ("home", "draw", "away")] == card.locator(
                ".share"
            ).all_inner_texts()
            assert f"{one['minute']}'" == card.locator(".clock").inner_text()
        assert "16' goal Home Town" in cards.first.locator(".marks").inner_text()
        assert "red card Home Town" in (cards.first.locator(".chart").get_attribute("aria-label") or "")


def rows(page: Page, caption: str) -> dict[str, list[str]]:
    """Return the cells of a table by the head of its row."""
    table = page.locator("table", has=page.locator("caption", has_text=caption)).first
    expect(table).to_be_visible()
    return {
        row.locator("th").inner_text(): row.locator("td").all_inner_texts() for row in table.locator("tbody tr").all()
    }


def named_figures(page: Page) -> dict[str, str]:
    names, values = (page.locator(f".figures {one}").all_inner_texts() for one in ("dt", "dd"))
    return dict(zip(names, values, strict=True))


def test_figures_of_the_stream_are_those_of_its_data(chromium, full):
    told = data(full, "stream")
    with opened(chromium, full.url, "stream") as page:
        stages = rows(page, "By stage")
        newest = max(
            (one for name, one in told.items() if name.startswith("latency:")), key=lambda one: one["window_start_ms"]
        )
        for one in newest["stages"]:
            p50 = "–" if one["p50"] is None else f"{1000 * one['p50']:.1f} ms"  # noqa: RUF001 - as the page writes it
            assert [str(one["count"]), p50] == stages[one["stage"]][:2]
        lags = rows(page, "Seconds behind, by partition")
        for one in told["lag:p-monitor-1"]["partitions"]:
            seconds = one["seconds_behind"]
            assert ("0" if seconds == 0 else f"{seconds:.1f}") == lags["monitor, predictions"][1 + one["partition"]]
        assert {one["cause"]: str(one["count"]) for one in told["letters"]["causes"]} == {
            name: cells[0] for name, cells in rows(page, "Dead letters by cause").items()
        }
        assert ["stable", "worker-0", "/127.0.0.1", "t 0–1, 5"] == rows(page, "Members of the groups")["p-predict-1"]  # noqa: RUF001 - as the page writes it
        assert ["unknown", "unknown"] == lags["rate, team-events"][:2]


def test_a_cell_of_the_heat_map_opens_its_histograms_also_by_keyboard(chromium, full):
    told = data(full, "drift")
    window = min(
        (one for name, one in told.items() if name.startswith("window:")), key=lambda one: one["window_start_ms"]
    )
    one = window["features"][0]
    with opened(chromium, full.url, "drift") as page:
        cell = page.locator(f'button[data-feature="{one["feature"]}"]').first
        assert f"▲ {one['psi']:.3f}" == cell.inner_text()
        cell.click()
        figures = named_figures(page)

        assert "Verdict: drift." == page.locator("#h-detail + div strong").inner_text()
        assert [f"{one['psi']:.3f}", f"{one['null_mean']:.3f}", str(one["n"])] == [
            figures[name] for name in ("PSI", "PSI by chance alone, mean", "matches")
        ]
        (counted,) = [
            part
            for name, part in told.items()
            if name.startswith("histogram:") and str(window["window_start_ms"]) in name
        ]
        assert [str(count) for count in counted["counts"][0]] == [
            cells[2] for cells in rows(page, f"{one['feature']}: shares by bin").values()
        ]

        cell.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        assert "too few matches for a verdict" in page.locator("#h-detail + div strong").inner_text()
        assert "60" == named_figures(page)["matches"]
        expect(page.locator('tbody th:has-text("! elo_difference")')).to_be_visible()


def test_figures_of_the_models_are_those_of_their_data(chromium, full):
    told = data(full, "models")
    (sums,) = [one for name, one in told.items() if name.startswith("sums:")]
    (report,) = [one for name, one in told.items() if name.startswith("report:7:")]
    with opened(chromium, full.url, "models") as page:
        figures = named_figures(page)
        low, high = sums["log_loss_interval"]

        assert [f"{sums['log_loss']:.4f}", f"{low:.4f} to {high:.4f}", f"{sums['estimated_log_loss']:.4f}"] == [
            figures[name] for name in ("log loss, nats", "95 % interval", "estimated (CBPE)")
        ]
        whole = report["segments"][0]
        assert [f"{report['log_loss']:.4f}", f"{whole['estimated_log_loss']:.4f}"] == rows(page, "7 days: realised")[
            "log loss"
        ]
        assert sum(map(len, sums["reliability"].values())) == page.locator(".reliability .point").count()


def test_what_is_served_and_who_changed_it_is_told_with_what_had_no_effect(chromium, full):
    told = data(full, "models")
    with opened(chromium, full.url, "models") as page:
        expect(page.locator("#view strong").first).to_have_text(f"Change 2 of m: {told['serving']['said']}.")
        figures = named_figures(page)
        workers, changes = rows(page, "What workers said last"), rows(page, "The last changes")
        assert ["2", "0–3"] == rows(page, "What shadow workers said last")["s0"][2:4]  # noqa: RUF001 - as the page writes it

        assert [told["serving"]["champion"][:12], told["serving"]["challenger"][:12], "not every partition"] == [
            figures[name] for name in ("champion", "challenger", "carried out by")
        ]
        assert ["2", "0–2"] == workers["w0"][2:4]  # noqa: RUF001 - as the page writes it
        assert told["serving"]["workers"][1]["refused"] == workers["w1"][-1]
        assert ["anna@club", "a <b>try</b>", "yes"] == changes["2"][-3:]
        (void,) = [one for one in told["changes"] if one["void"]]
        expect(page.locator("#view td", has_text=f"none: {void['void']}")).to_be_visible()


def test_a_roll_out_stands_where_its_data_say(chromium, full):
    told = data(full, "rollouts")
    last, difference = told["last"], told["last"]["difference"]
    with opened(chromium, full.url, "rollouts") as page:
        expect(page.locator("#view p", has_text=last["why"]).first).to_be_visible()
        figures, steps, checks = (
            named_figures(page),
            rows(page, "Steps of the plan"),
            rows(page, "What each check found"),
        )

        assert [str(difference["matches"]), f"{difference['mean']:+.4f}", f"{difference['margin']:+.4f}"] == [
            figures[name] for name in ("matches with a result", "difference, nats", "margin of that step")
        ]
        assert f"{difference['lower']:+.4f} and {difference['upper']:+.4f}" == figures["surely between"]
        now = next(one for one in told["standing"]["steps"] if one["state"] == "RUNNING")
        assert figures["step"] == now["step"]
        assert ["● now", f"{now['matches']} of {now['min_matches']}"] == steps[now["step"]][:2]
        assert {one["step"]: f"{one['margin']:+.4f}" for one in told["standing"]["steps"]} == {
            name: cells[-1] for name, cells in steps.items()
        }
        assert {one["name"]: one["why"] for one in last["checks"]} == {
            name: cells[-1] for name, cells in checks.items()
        }


def test_the_confidence_sequence_is_drawn_and_told_window_by_window(chromium, full):
    told = data(full, "rollouts")
    windows = [one for name in sorted(told) if name.startswith("sequence:") for one in told[name]]
    with opened(chromium, full.url, "rollouts", NARROW, "dark") as page:
        expect(page.locator(".chart canvas")).to_be_visible()
        label, last = page.locator(".chart").get_attribute("aria-label") or "", windows[-1]["difference"]
        assert f"over {len(windows)} windows. After {last['matches']} matches it is {last['mean']:+.4f} nats" in label
        assert f"between {last['lower']:+.4f} and {last['upper']:+.4f}; the margin is {last['margin']:+.4f}" in label

        page.locator("summary", has_text="The last windows as a table").press("Enter")
        shown = rows(page, "Difference after each window")
        assert 20 == len(shown)
        for cells, one in zip(shown.values(), reversed(windows), strict=False):
            point = one["difference"]
            bounds = [f"{point[name]:+.4f}" for name in ("mean", "lower", "upper", "margin")]
            assert [one["step"], str(point["matches"]), *bounds] == [cells[0], *cells[2:]]


def test_a_step_that_is_passed_is_drawn_and_told_to_a_screen_reader(chromium):
    service = Shows(everything())
    steps = [[one["step"] for one in steps_of(rollout(days)) if one["state"] == "PASSED"] for days in (19, 20)]
    assert [[], ["shadow"]] == steps
    service.shown["rollouts"] = rollout(19).shown()
    with served(service) as server, opened(chromium, server.url, "rollouts") as page:
        expect(page.locator("#view td", has_text="● now")).to_have_count(1)
        assert "" == page.locator("#news").inner_text()
        service.shown["rollouts"] = rollout(20).shown()

        expect(page.locator("#news")).to_have_text("shadow is passed, canary 1 % begins")
        assert "✓ passed" == rows(page, "Steps of the plan")["shadow"][0]


def steps_of(view: RolloutView) -> list[dict]:
    return json.loads(view.shown()["standing"])["steps"]


def test_the_schemas_say_what_producers_write_and_what_was_refused(chromium, full):
    with opened(chromium, full.url, "schemas") as page:
        events = rows(page, "Subjects and their versions")["match-events-value"]

        assert ["v1, v2", "v1, v2"] == events[:2]
        assert events[2].startswith(
            "v1 (7 records), 2 records without a schema, 1 record of schema 99, which is no version"
        )
        assert "TRUNCATED 2, UNREGISTERED_SCHEMA 1" == events[4]


@pytest.mark.parametrize(
    ("view", "words"),
    [
        ("matches", "There is no match yet"),
        (
            "stream",
            "There is no window of latencies: nobody runs the role monitor. Start it with: touchline worker monitor",
        ),
        ("drift", "There is no window of drift: nobody runs the role monitor"),
        ("models", "There is no judged prediction: nobody runs the role performance"),
        ("models", "No change of m has been asked for: each worker serves the bundle of its settings."),
        ("rollouts", "No challenger is tried now. Begin with: touchline rollout start"),
        ("schemas", "not known"),
    ],
)
def test_a_view_without_anything_says_why(chromium, view, words):
    with served(Shows(nothing())) as server, opened(chromium, server.url, view) as page:
        expect(page.locator("#view")).to_contain_text(words)
        assert 0 == page.locator("#view canvas:visible").count() or view == "stream"


def test_a_goal_changes_the_card_and_is_told_to_a_screen_reader(chromium):
    service = Shows(everything())
    with served(service) as server, opened(chromium, server.url, size=NARROW) as page:
        card = page.locator('#matches > li[data-match="match 3"]')
        expect(card.locator(".score")).to_have_text("1 : 0")
        assert "" == page.locator("#news").inner_text()
        service.shown["matches"] = matches(goal=True).shown()

        expect(card.locator(".score")).to_have_text("2 : 0")
        expect(card.locator(".share").first).to_have_text("97.0 %")
        expect(page.locator("#news")).to_have_text("Home Town 3 2 : 0 Away United 3, minute 61")


def test_what_is_old_is_not_shown_as_live(chromium):
    service = Shows(everything())
    with opened_and_lost(chromium, service) as (page, port):
        expect(page.locator("#state")).to_contain_text("Not connected", timeout=15_000)
        expect(page.locator("#fresh")).to_contain_text(
            re.compile("Not connected to the server of this page for [0-9]+ s")
        )
        expect(page.locator("#matches > li")).to_have_count(12)
        service.problem = "the brokers do not answer"
        with served(service, port):
            expect(page.locator("#fresh")).to_contain_text("p-predictions: the brokers do not answer", timeout=15_000)
            expect(page.locator("#state")).to_contain_text("Not current")
            service.problem = None
            expect(page.locator("#state")).to_contain_text("Live", timeout=15_000)
            page.goto("about:blank")


def test_a_view_is_busy_until_its_first_figures_are_drawn(chromium, full):
    held: list[Route] = []
    page = chromium.new_context(viewport=WIDE).new_page()
    page.route("**/events", lambda route: held.append(route))  # noqa: PLW0108 - it cannot mark a built-in
    page.goto(f"{full.url}#models")
    expect(page.locator("#fresh")).to_have_text("Waiting for the first figures.")
    expect(page.locator("#view")).to_have_attribute("aria-busy", "true")
    assert {} == named_figures(page)
    held[0].continue_()
    expect(page.locator("#view")).to_have_attribute("aria-busy", "false")
    assert "log loss, nats" in named_figures(page)
    page.context.close()


@contextmanager
def opened_and_lost(chromium: Browser, service: Shows) -> Iterator[tuple[Page, int]]:
    """Open a page whose server then ends; that this fails to load is not held against it."""
    page = chromium.new_context(viewport=NARROW).new_page()
    with served(service) as server:
        page.goto(server.url)
        expect(page.locator("#state")).to_contain_text("Live")
    yield page, int(server.url.rstrip("/").rpartition(":")[2])
    page.context.close()


def test_hours_of_samples_leave_the_page_as_large_as_it_was(chromium, full):
    measured, stream, seen = pace(0), Parts(), {}
    around = {**latency().shown(), **letters().shown(), **members()}
    told = []
    for number in range(HOURS * 180):
        sample(measured, number, step_ms=20_000)
        stream.show({**measured.shown(), **around})
        told.append(json.loads(stream.changes(seen) or b"{}"))
    with opened(chromium, full.url, "stream") as page:
        devtools = page.context.new_cdp_session(page)
        sizes = []
        for hour in range(HOURS):
            page.evaluate(TAKE, told[180 * hour : 180 * (hour + 1)])
            devtools.send("HeapProfiler.collectGarbage")
            heap, nodes = devtools.send("Runtime.getHeapUsage"), devtools.send("Memory.getDOMCounters")
            sizes.append((heap["usedSize"], nodes["nodes"]))
        kept = page.evaluate(KEPT)

    assert 180 == kept
    heaps, counts = zip(*sizes[1:], strict=True)  # the first hour fills what is kept
    assert min(heaps[-2:]) < 1.15 * heaps[0]  # what is not collected yet comes and goes
    assert min(counts[-2:]) < 1.15 * counts[0]

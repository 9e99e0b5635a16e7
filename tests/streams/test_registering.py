from schemas.catalog import latest, schema_json
from streams.registering import register_all, topic_schemas


class Recorder:
    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def register(self, subject: str, schema_json: str, *, or_known: bool = False) -> int:  # noqa: ARG002 - the Protocol's
        self.seen.append((subject, schema_json))
        return len(self.seen)


def test_older_versions_are_registered_first_and_the_newest_id_counts():
    recorder = Recorder()

    found = register_all(recorder, "p-", topics={"match-events": "match_event"})

    assert [("p-match-events-value", schema_json("match_event", version)) for version in (1, 2)] == recorder.seen
    assert {"p-match-events-value": 2} == found


def test_a_worker_of_version_1_registers_no_later_one():
    recorder = Recorder()
    register_all(recorder, "", match_event_version=1)

    assert schema_json("match_event", 2) not in {text for _, text in recorder.seen}
    assert {f"{topic}-value" for topic in topic_schemas()} == {subject for subject, _ in recorder.seen}
    assert 2 == latest("match_event")

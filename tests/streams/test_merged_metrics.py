"""Metrics of several processes are one exposition, which a parser takes."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from streams.merged_metrics import merged_exposition


def exposition(amount: int) -> str:
    registry = CollectorRegistry()
    Counter("made", "Made.", registry=registry).inc(amount)
    Histogram("took_seconds", "Took.", ["role"], buckets=(1, 2), registry=registry).labels("own").observe(1.5)
    return generate_latest(registry).decode()


def samples(text: str) -> dict[tuple[str, str, str], float]:
    return {
        (sample.name, sample.labels["role"], sample.labels.get("le", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_a_sample_without_a_role_gets_the_one_of_its_process():
    found = samples(merged_exposition({"predict": exposition(2), "rate": exposition(3)}).decode())

    assert 2 == found["made_total", "predict", ""]
    assert 3 == found["made_total", "rate", ""]


def test_a_role_of_its_own_is_kept_and_each_family_stands_once():
    text = merged_exposition({"predict": exposition(2), "rate": ""}).decode()

    assert 1 == samples(text)["took_seconds_bucket", "own", "2.0"]
    assert 1 == text.count("# TYPE took_seconds histogram")


def test_nothing_gives_nothing():
    assert b"" == merged_exposition({})

"""Every wrong variable is named in one error, and no secret is shown."""

import os

import pytest
from confluent_kafka import Producer
from pydantic import SecretStr

from streams.engine.transactions import TIMEOUT_MS, transactional
from streams.settings import Security, Settings, SettingsError, read_settings

GIVEN = {"bootstrap_servers": "127.0.0.1:9092", "registry_url": "http://127.0.0.1:8081"}


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    for name in [name for name in os.environ if name.startswith("TOUCHLINE_")]:
        monkeypatch.delenv(name)


def test_every_wrong_variable_is_named_at_once(monkeypatch):
    monkeypatch.setenv("TOUCHLINE_PARTITIONS", "many")
    monkeypatch.setenv("TOUCHLINE_BOOTSTRAP_SERVERS", "localhost")
    monkeypatch.setenv("TOUCHLINE_PARTITION", "12")
    monkeypatch.setenv("TOUCHLINE_SECURITY__PROTOCOL", "TLS")

    with pytest.raises(SettingsError) as refusal:
        read_settings()

    for name in ("PARTITIONS", "BOOTSTRAP_SERVERS", "PARTITION", "SECURITY__PROTOCOL"):
        assert f"TOUCHLINE_{name} is " in str(refusal.value)
    assert "'localhost' is not host:port" in str(refusal.value)


def test_a_secret_is_not_shown_even_when_it_is_wrong(monkeypatch):
    monkeypatch.setenv("TOUCHLINE_REDIS_TTL_SECONDS", "-1")
    monkeypatch.setenv("TOUCHLINE_REDIS_URL", "redis://:topsecret@127.0.0.1")

    with pytest.raises(SettingsError) as refusal:
        read_settings()

    assert "topsecret" not in str(refusal.value)


def test_a_process_of_ours_reads_equal_settings(monkeypatch):
    settings = Settings(
        **GIVEN,
        topic_prefix="t-",
        redis_url="redis://:x@127.0.0.1:6379",
        security=Security(protocol="SASL_SSL", username="worker", password=SecretStr("p"), ca_file="/ca.pem"),
    )
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)

    assert settings == read_settings()


def test_both_clients_get_the_same_security():
    settings = Settings(
        **GIVEN, security=Security(protocol="SASL_SSL", username="u", password=SecretStr("p"), ca_file="/ca.pem")
    )

    config = settings.librdkafka(group_id="g")

    assert {
        "bootstrap.servers": "127.0.0.1:9092",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "u",
        "sasl.password": "p",
        "ssl.ca.location": "/ca.pem",
        "group.id": "g",
    } == {name: value for name, value in config.items() if not name.startswith("socket.")}
    assert "'p'" not in repr(settings)


def test_a_silent_broker_is_given_up_before_a_transaction_ends():
    config = transactional(Settings(**GIVEN).librdkafka(), "w0")

    Producer(config)  # librdkafka refuses a longer wait than a transaction lasts
    assert config["socket.timeout.ms"] == config["socket.connection.setup.timeout.ms"] < TIMEOUT_MS


def test_names_on_the_brokers_carry_prefix_and_run():
    settings = Settings(**GIVEN, topic_prefix="demo-", run_id="7")

    assert "demo-predictions" == settings.topic("predictions")
    assert "demo-predict-7" == settings.group("predict")
    assert "demo-predict-7-matches-changelog" == settings.changelog("predict", "matches")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        (
            "SECURITY",
            "hunter2{",
            "TOUCHLINE_SECURITY is a secret value: it is not JSON; set TOUCHLINE_SECURITY__PROTOCOL",
        ),
        ("SECURITY", '["hunter2"]', "TOUCHLINE_SECURITY is a secret value"),
        ("SECURITY__PASSWORT", "hunter2", "TOUCHLINE_SECURITY__PASSWORT is a secret value: Extra inputs"),
        ("REGISTRY_URL", "https://me:hunter2@host:8081", "REGISTRY_USER and REGISTRY_PASSWORD are not"),
        ("REGISTRY_URL", "ftp://me:hunter2@host", "it is not http://HOST:PORT or https://HOST:PORT"),
        ("REGISTRY_PASSWORD", "hunter2\udcff", "TOUCHLINE_REGISTRY_PASSWORD is a value which is not UTF-8 text"),
    ],
)
def test_a_wrong_setting_which_may_hold_a_secret_is_told_without_it(monkeypatch, name, value, sentence):
    monkeypatch.setenv(f"TOUCHLINE_{name}", value)

    with pytest.raises(SettingsError) as refusal:
        read_settings()

    assert sentence in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("server", ["host:", "host:²", "host:65536", ":9092", "host:-1"])
def test_a_server_has_a_host_and_a_port(server):
    with pytest.raises(SettingsError, match="is not host:port"):
        read_settings(bootstrap_servers=server)


@pytest.mark.parametrize("url", ["http://", "http://:8081", "http://host:0", "http://host:99999", "http://[host"])
def test_a_registry_has_a_host_and_no_impossible_port(url):
    with pytest.raises(SettingsError, match="TOUCHLINE_REGISTRY_URL"):
        read_settings(registry_url=url)


def test_a_very_long_value_is_shown_in_part():
    with pytest.raises(SettingsError) as refusal:
        read_settings(bootstrap_servers="x" * 100_000)

    assert 1_000 > len(str(refusal.value))


def test_a_delivery_must_end_within_the_session(monkeypatch):
    assert 7.5 == Settings(**GIVEN).delivery_seconds
    assert 4.5 == Settings(**GIVEN, session_timeout=6).delivery_seconds

    monkeypatch.setenv("TOUCHLINE_DELIVERY_TIMEOUT", "11")
    with pytest.raises(SettingsError, match=r"TOUCHLINE_DELIVERY_TIMEOUT is 11 and TOUCHLINE_SESSION_TIMEOUT is 10: "):
        read_settings(**GIVEN)

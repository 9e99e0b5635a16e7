import pytest

from streams.api.service import check_place
from streams.settings import Settings, SettingsError, read_settings
from streams.stopping import RefusedError

TOKEN = "correct-horse-battery"


def settings_of(**given) -> Settings:
    return Settings(bootstrap_servers="h:1", registry_url="http://h", **given)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "api.example", "", "127.0.0.1.example"])
def test_without_a_token_nobody_but_this_machine_is_answered(host):
    with pytest.raises(RefusedError, match="set TOUCHLINE_API_TOKEN"):
        check_place(settings_of(api_host=host))
    check_place(settings_of(api_host=host, api_token=TOKEN))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_on_loopback_no_token_is_needed(host):
    check_place(settings_of(api_host=host))


@pytest.mark.parametrize(
    "token", ["", "short", "x" * 201, "with spaces in between", "schlüssel-der-tür", "line\nbreak-in-it-all"]
)
def test_a_token_that_is_easy_to_guess_or_fits_into_no_header_is_refused_and_not_shown(monkeypatch, token):
    monkeypatch.setenv("TOUCHLINE_API_TOKEN", token)
    with pytest.raises(SettingsError) as caught:
        read_settings()

    assert "TOUCHLINE_API_TOKEN is a secret value: it is not 16 to 200 characters of ASCII" in str(caught.value)
    assert not token or token not in str(caught.value)

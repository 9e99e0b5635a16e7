from pathlib import Path

from streams.local.places import cache_folder, data_folder, state_folder


def test_the_folders_follow_xdg():
    environment = {"XDG_CACHE_HOME": "/a", "XDG_STATE_HOME": "/b", "XDG_DATA_HOME": "/c", "HOME": "/home/anna"}

    assert Path("/a/touchline") == cache_folder(environment)
    assert Path("/b/touchline") == state_folder(environment)
    assert Path("/c/touchline") == data_folder(environment)


def test_a_relative_or_missing_variable_means_the_usual_place_under_home():
    assert Path("/home/anna/.cache/touchline") == cache_folder({"XDG_CACHE_HOME": "here", "HOME": "/home/anna"})
    assert Path("/home/anna/.local/state/touchline") == state_folder({"HOME": "/home/anna"})
    assert Path.home() / ".cache/touchline" == cache_folder({})

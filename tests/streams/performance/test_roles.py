"""What the settings make of the role."""

import pytest

from monitors.performance import ZERO_ONE
from streams.performance.roles import costs_of
from streams.settings import Settings, SettingsError, read_settings

WHERE = {"bootstrap_servers": "h:1", "registry_url": "http://h"}


@pytest.mark.parametrize(
    ("setting", "costs"),
    [
        (None, None),
        ("zero-one", ZERO_ONE),
        ("0,1,1; 1,0,1; 1,1,0", ZERO_ONE),
        ("0,1.5,2;1,0,1;9,1,0", ((0.0, 1.5, 2.0), (1.0, 0.0, 1.0), (9.0, 1.0, 0.0))),
    ],
)
def test_a_cost_matrix_is_read_row_by_row(setting, costs):
    assert costs == costs_of(Settings(cost_matrix=setting, **WHERE).cost_matrix)


@pytest.mark.parametrize(
    "wrong", ["", "0,1,1", "0,1;1,0", "0,1,1;1,0,1;1,1,x", "0,1,1;1,0,1;1,1,-1", "0,1,1;1,0,1;1,1,nan"]
)
def test_what_is_no_cost_matrix_is_told_in_one_sentence(wrong):
    with pytest.raises(SettingsError, match=r"TOUCHLINE_COST_MATRIX is .*: it is neither zero-one nor three rows"):
        read_settings(cost_matrix=wrong, **WHERE)

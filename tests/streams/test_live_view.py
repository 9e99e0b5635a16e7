import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from streams.live_view import bar, live_view
from streams.playing.scoreboard import MatchView, RoleLag, Snapshot
from streams.playing.watching import Pulse

MATCH = MatchView("m", "Ghana", "Togo", 63, 1, 0, 0.7, 0.2, 0.1, "31' goal Ghana")
SHOWN = Snapshot(
    "World Cup", "Ctrl-C stops everything", [replace(MATCH, match_id=str(n), home_team=f"Team {n}") for n in range(4)],
    Pulse(12.34, 9.6, 41.2), [RoleLag("predict", 3.0, 0.25), RoleLag("rate", None, None)], 100, 101,
    {"metrics": "http://127.0.0.1:9464/metrics"},
)  # fmt: skip


def drawn(snapshot, width, height):
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    console.print(live_view(snapshot, width, height))
    return console.file.getvalue().splitlines()


@given(st.floats(0, 1), st.integers(1, 60))
def test_a_bar_is_as_long_as_its_share_and_always_as_wide(share, width):
    drawn_bar = bar(share, width)

    assert len(drawn_bar) == width
    full = drawn_bar.count("█") + sum(" ▏▎▍▌▋▊▉".index(one) for one in drawn_bar if one != "█") / 8
    assert abs(full - share * width) <= 1 / 16 + 1e-9


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50), (120, 30), (38, 24), (20, 10)])
def test_the_view_fits_its_terminal(width, height):
    lines = drawn(SHOWN, width, height)

    assert len(lines) <= max(height, 15)
    assert max(map(cell_len, lines)) <= width


def test_four_matches_are_seen_at_80_by_24_with_score_minute_bars_and_last_event():
    text = "\n".join(drawn(SHOWN, 80, 24))

    assert all(f"Team {n} 1 - 0 Togo" in text for n in range(4))
    assert text.count("63'") == 4
    assert text.count("31' goal Ghana") == 4
    assert text.count("70.0%") == 4
    assert "p50 10 ms  p99 41 ms" in text
    assert "12.3 predictions/s" in text
    assert "predict 3 (0.2 s)  rate unknown" in text
    assert "http://127.0.0.1:9464/metrics" in text


def test_when_not_all_matches_fit_those_which_run_come_first_and_the_rest_is_counted():
    over = replace(MATCH, home_team="Over", over=True)
    many = replace(SHOWN, matches=[*[replace(over, match_id=f"o{n}") for n in range(8)], *SHOWN.matches])

    text = "\n".join(drawn(many, 80, 24))

    assert "Over" not in text
    assert "(and 8 more)" in text


def test_long_names_leave_room_for_the_score():
    long = replace(MATCH, home_team="Bosnia and Herzegovina", away_team="Trinidad and Tobago")

    (head,) = [line for line in drawn(replace(SHOWN, matches=[long]), 38, 24) if " 1 - 0 " in line]

    assert "…" in head
    assert "63'" in head

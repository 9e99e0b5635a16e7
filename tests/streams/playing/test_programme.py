from dataclasses import replace
from datetime import date
from itertools import pairwise

from features.narrative import DAY_MS
from streams.playing.match_days import Choice
from streams.playing.programme import historic_programme, history_folder, overlapping, simulated_programme


def test_the_matches_of_a_day_overlap_and_end_on_it(matches):
    crowd = [replace(matches[0], match_id=str(number)) for number in range(60)]

    programme = historic_programme(crowd, Choice())

    (day,) = programme.days
    assert {event.occurred_at_ms // DAY_MS for event in (*day.fixtures, *day.course)} == {day.day}
    starts = sorted(set(overlapping(crowd).values()))
    assert max(after - before for before, after in pairwise(starts)) < 45 * 60_000


def test_a_programme_begins_with_the_ratings_of_earlier_days_only(matches):
    programme = historic_programme(matches, Choice(first=date(2022, 11, 21), tournament="League"))

    assert programme.title == "League 2022"
    assert [day.date for day in programme.days] == [date(2022, 11, 21)]
    assert {rating.team for rating in programme.book.ratings()} == {"Ghana", "Togo", "Mali", "Niger"}
    assert programme.book.rating("Togo").matches == 1


def test_a_simulated_programme_is_the_same_for_the_same_seed_and_ends():
    first, again, other = (simulated_programme(days=3, seed=seed) for seed in (1, 1, 2))

    assert first == replace(again, book=first.book)
    assert first.days != other.days
    assert 3 <= len(first.days) <= 4
    assert first.book.ratings() == []


def test_the_history_is_looked_for_beside_the_working_directory(tmp_path):
    here = tmp_path / "main"
    here.mkdir()
    assert history_folder(None, here) is None

    shared = tmp_path / "shared" / "data"
    shared.mkdir(parents=True)
    (shared / "international_matches.csv.gz").touch()
    assert history_folder(None, here) == shared
    assert history_folder(here, here) == here

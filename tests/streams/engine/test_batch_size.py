from hypothesis import given
from hypothesis import strategies as st

from streams.engine.batch_size import FIRST_DELIVERED, LEAST_ROWS, SLOW_SECONDS, BatchSize, DeliverySize

MOST = 2048
SECONDS = st.floats(0, 10)


@given(st.integers(1, 5000), st.lists(st.tuples(st.integers(1, 5000), SECONDS), max_size=50))
def test_it_stays_between_the_fewest_and_the_most_whatever_happens(most, batches):
    size = BatchSize(most, 0.05)

    for rows, seconds in batches:
        size.worked(rows, seconds)
        assert min(LEAST_ROWS, most) <= size.rows <= most


@given(st.integers(1, MOST), st.floats(0.0501, 10))
def test_a_batch_over_the_budget_never_lets_it_grow(rows, seconds):
    size = BatchSize(MOST, 0.05)
    size.worked(MOST, 0.2)
    before = size.rows

    size.worked(rows, seconds)

    assert size.rows <= before


@given(st.integers(1, 511), SECONDS)
def test_a_batch_that_was_not_full_never_lets_it_grow(rows, seconds):
    size = BatchSize(MOST, 0.05)
    size.worked(MOST, 0.2)

    size.worked(rows, seconds)

    assert size.rows <= 512


@given(st.floats(0, 0.01), st.floats(1e-6, 1e-3))
def test_where_a_row_always_costs_the_same_full_batches_come_to_fit_the_budget(fixed, per_row):
    size = BatchSize(MOST, 0.05)

    for _ in range(50):
        size.worked(size.rows, fixed + per_row * size.rows)

    fits = (0.05 - fixed) / per_row
    assert min(MOST, max(LEAST_ROWS, fits / 2)) <= size.rows <= max(LEAST_ROWS, min(MOST, fits + 1))


def test_one_slow_moment_is_made_up_for_within_a_few_batches():
    size = BatchSize(MOST, 0.05)
    size.worked(10, 1.0)
    assert size.rows == LEAST_ROWS

    for _ in range(5):
        size.worked(size.rows, size.rows * 20e-6)

    assert size.rows == MOST


@given(st.integers(1, 50_000), st.lists(st.tuples(st.integers(0, 50_000), SECONDS), max_size=50))
def test_deliveries_stay_between_the_fewest_and_the_most_whatever_happens(most, deliveries):
    size = DeliverySize(most)

    for rows, seconds in deliveries:
        size.delivered(rows, seconds)
        assert min(FIRST_DELIVERED, max(most, LEAST_ROWS)) <= size.rows <= max(most, LEAST_ROWS)


def test_deliveries_grow_with_what_brokers_took_and_not_with_a_few_rows():
    size = DeliverySize(10_000)
    for _ in range(20):
        size.delivered(3, 0.001)
    assert size.rows == FIRST_DELIVERED

    for _ in range(6):
        size.delivered(size.rows, 0.1)
    assert size.rows == 10_000


@given(st.floats(0, 3), st.floats(0.0002, 0.004))
def test_where_brokers_are_slow_a_delivery_comes_to_take_no_more_than_twice_what_is_slow(fixed, per_row):
    size = DeliverySize(100_000)

    slowest = 0.0
    for number in range(40):
        seconds = fixed + size.rows * per_row
        slowest = max(slowest, seconds) if number > 20 else 0.0
        size.delivered(size.rows, seconds)

    least = fixed + FIRST_DELIVERED * per_row
    assert slowest <= max(2 * SLOW_SECONDS, least)

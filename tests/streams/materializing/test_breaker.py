from streams.materializing.breaker import Breaker


def test_it_opens_after_failures_in_a_row_and_probes_after_pauses_that_double():
    now = [0.0]
    breaker = Breaker(lambda: now[0], failures=2, first_pause=1, longest_pause=3)
    assert not breaker.failed()
    assert breaker.lets_through
    assert breaker.failed()

    for pause in (1, 2, 3, 3):
        assert not breaker.lets_through
        now[0] += pause - 0.01
        assert not breaker.lets_through
        now[0] += 0.01
        assert breaker.lets_through
        assert not breaker.failed()


def test_a_success_closes_it_and_forgets_the_failures():
    now = [0.0]
    breaker = Breaker(lambda: now[0], failures=2, first_pause=1)
    breaker.failed()
    assert not breaker.succeeded()
    breaker.failed()
    assert not breaker.is_open

    breaker.failed()
    now[0] += 1
    assert breaker.succeeded()
    assert breaker.lets_through
    assert not breaker.failed()

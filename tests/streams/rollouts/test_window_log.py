"""A window is what the first who judged it wrote down."""

from dataclasses import replace

import numpy as np
import pytest

from monitors.cbpe import estimated
from monitors.differences import differences
from monitors.latency import LatencySketch
from monitors.rollout_evidence import Evidence, cells
from schemas.catalog import schema_json
from schemas.codec import Codec
from schemas.records import ShadowComparison
from streams.control.errors import ChangeError
from streams.rollouts.live_evidence import Seen
from streams.rollouts.trials import Trial
from streams.rollouts.window_log import WindowLog, comparison

TRIAL = Trial("m", "a" * 64, "b" * 64, 1_000)
CHANCES = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])


def seen(matches: int) -> Seen:
    latency = LatencySketch()
    latency.update_many([0.01, 0.02, 3.0])
    outcomes = differences(np.linspace(-0.9, 0.4, matches), 0.5)
    pending = estimated(CHANCES), estimated(CHANCES[::-1])
    evidence = Evidence(outcomes, 9, 2, latency, cells(CHANCES), cells(CHANCES[:1]), *pending, left_out=3)
    return Seen(evidence, np.array([0.1, 0.3]), 700)


def written(matches: int, until_ms: int = 2_000) -> ShadowComparison:
    return comparison(TRIAL, 0.5, (1_000, until_ms), seen(matches), ["1", "2"])


def test_what_is_written_is_read_as_it_was() -> None:
    codec = Codec("shadow_comparison", ShadowComparison)
    codec.learn(1, schema_json("shadow_comparison"))
    codec.use_for_writing(1)
    one = codec.decode(codec.encode(written(7)))
    log = WindowLog(TRIAL, 0.5)
    log.take(one)

    assert log.evidence(1_000, 2_000) == seen(7).evidence
    assert log.last == one
    assert (one.n, one.mean_divergence, one.max_divergence) == (2, pytest.approx(0.2), 0.3)
    assert one.open_since_ms == 700
    assert one.log_loss_difference == seen(7).evidence.outcomes.mean


def test_of_two_the_first_counts_and_other_trials_do_not() -> None:
    log = WindowLog(TRIAL, 0.5)
    for one in (replace(written(1), began_ms=999), replace(written(2), challenger="c" * 64), written(3), written(4)):
        log.take(one)

    found = log.evidence(1_000, 2_000)

    assert found is not None
    assert found.outcomes.matches == 3
    assert log.evidence(2_000, 3_000) is None


@pytest.mark.parametrize(("clip", "until_ms"), [(0.4, 2_000), (0.5, 3_000), (0.5, 1_500)])
def test_a_plan_with_other_windows_is_refused(clip: float, until_ms: int) -> None:
    log = WindowLog(TRIAL, clip)
    log.take(written(1))

    sentence = r"a window was judged until 1970-01-01 00:00:02 UTC with clip 0\.5, but by this plan the next ends at"
    with pytest.raises(ChangeError, match=sentence):
        log.evidence(1_000, until_ms)

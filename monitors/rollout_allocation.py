"""How a bandit shares the matches of a segment out: by the chance that the challenger is the better one there.

Both models score every match, so that nothing has to be tried out to be learned, and what a match tells does not depend
on who served it. What Thompson (1933, "On the likelihood that one unknown probability exceeds another in view of the
evidence of two samples") gives here is the share alone: drawing a match for the challenger with the posterior chance
that it is better is his rule for two arms. It needs no bound that holds at all times, because it decides nothing but
who serves: verdicts are those of `monitors.confidence_sequence`.

The posterior is the normal one with unknown variance (Gelman et al., "Bayesian Data Analysis", third edition, section
3.3): Student's t. Before a match has come in a segment, its mean difference is thought to lie around that of the other
segments, as far from it as the mean of PRIOR_MATCHES matches would.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy.special import stdtr

from monitors.differences import Differences

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitors.rollout_plan import Step

PRIOR_MATCHES = 100
"""Of what is thought before any has come; with PRIOR_DEVIATION a segment is thought to differ by some 0.01 nats."""

PRIOR_DEVIATION = 0.1
"""Of the differences of matches, in nats: about what two of the included models have (docs/rollouts.md)."""


def chance_better(own: Differences, others: Differences) -> float:
    """Return the posterior chance that the challenger's expected log loss is below the champion's in a segment.

    Args:
        own: Matches of the segment.
        others: Matches of all other segments.

    >>> chance_better(Differences(), Differences())
    0.5
    """
    n, mean = own.matches, own.mean if own.matches else 0.0
    pooled = PRIOR_MATCHES + others.matches
    before = others.matches * (others.mean if others.matches else 0.0) / pooled
    weight = 1 / (
        1 / PRIOR_MATCHES + 1 / pooled
    )  # how far segments lie apart, and how well that of the others is known
    after = weight + n
    centre = (weight * before + n * mean) / after
    within = PRIOR_MATCHES * PRIOR_DEVIATION**2 + own.squares - n * mean**2
    squares = within + weight * n / after * (mean - before) ** 2
    freedom = PRIOR_MATCHES + n
    return float(stdtr(freedom, -centre / math.sqrt(squares / freedom / after)))


def shares(step: Step, segments: Mapping[str, Differences]) -> Mapping[str, float]:
    """Return the share of later kick-offs that the challenger serves in each of *segments*, 0 to 1.

    It is that of the step, or in a bandit's the chance that it is better there, not below its floor nor above its cap.
    """
    if step.floor is None:
        return dict.fromkeys(segments, step.share)
    whole = sum(segments.values(), Differences())
    chances = {name: chance_better(own, whole - own) for name, own in segments.items()}
    return {name: min(max(chance, step.floor / 100), step.share) for name, chance in chances.items()}

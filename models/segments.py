"""Parts of the matches which are looked at by themselves: seasons, competitions, how clear the favourite is."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final

import numpy as np

from features.history import EPOCH
from models.walk_forward import Forecasts

FEWEST: Final = 100  # matches; a smaller competition is one of the others
OTHERS: Final = "others"
_FIRST_MONTH: Final = 7  # of a season
_BOUNDS: Final = np.array([0.4, 0.5, 0.6, 0.75])
_FAVOURITES: Final = ("0 to 40 %", "40 to 50 %", "50 to 60 %", "60 to 75 %", "75 to 100 %")

Labels = Sequence[str]
"""The part which each row belongs to."""


def seasons(found: Forecasts) -> Labels:
    """Return the season of each row, July to June."""
    days = [EPOCH + timedelta(days=day) for day in found.rows.days.tolist()]
    firsts = [day.year - (day.month < _FIRST_MONTH) for day in days]
    return [f"{first}/{(first + 1) % 100:02}" for first in firsts]


def competitions(found: Forecasts, of_match: Mapping[str, str]) -> Labels:
    """Return the competition of each row; those with few matches are one.

    Args:
        found: The forecasts.
        of_match: Competition by match_id.
    """
    names = [of_match[match_id] for match_id in found.rows.match_ids]
    matches = Counter(of_match[match_id] for match_id in set(found.rows.match_ids))
    return [name if matches[name] >= FEWEST else OTHERS for name in names]


def favourites(found: Forecasts) -> Labels:
    """Return for each row how probable Elo has its favourite."""
    highest = found.probabilities["elo"].max(axis=1)
    return [_FAVOURITES[place] for place in np.searchsorted(_BOUNDS, highest, side="right").tolist()]


BY: Final[Mapping[str, Callable[[Forecasts, Mapping[str, str]], Labels]]] = {
    "season": lambda found, _: seasons(found),
    "competition": competitions,
    "favourite": lambda found, _: favourites(found),
}
"""What forecasts can be parted by; told of each match its competition."""

"""Which of several models is to be published: the cheapest of those which are about as good as the best."""

from typing import Final

from models.predictors import Kind
from models.scores import Judged

BY_COST: Final[tuple[Kind, ...]] = ("heuristic", "tree", "mlp", "xgboost", "lightgbm", "forest", "mean", "stack")
"""Kinds by what a prediction costs."""

ABOUT: Final = 0.001
"""Nats; a difference in log loss below that is not worth a larger model."""


def champion(judged: Judged) -> Kind:
    """Return the cheapest kind whose log loss is within ABOUT of the best one's; at least one kind was judged."""
    losses = {kind: log_loss(judged, kind) for kind in BY_COST if kind in judged.kinds}
    best = min(losses.values())
    return next(kind for kind, loss in losses.items() if loss <= best + ABOUT)


def stack_against_mean(judged: Judged) -> str | None:
    """Return in one sentence whether the stack earns its place; None when it or the mean was not judged."""
    if not {"stack", "mean"} <= judged.kinds.keys():
        return None
    difference = log_loss(judged, "stack") - log_loss(judged, "mean")
    low, high = judged.kinds["stack"]["versus_mean"]  # type: ignore[misc] # an interval
    told = f"the stack's log loss less the plain mean's is {difference:+.4f} (95 % interval {low:+.4f} to {high:+.4f})"
    if high < 0:
        return f"The stack beats the plain mean: {told}."
    return f"The stack does not beat the plain mean, which is to be preferred: {told}."


def log_loss(judged: Judged, name: str) -> float:
    """Return the log loss of a model or a baseline."""
    loss = judged.kinds[name]["log_loss"]
    assert isinstance(loss, float)  # noqa: S101 # for the type
    return loss

import pytest

from models.champion import BY_COST, champion, stack_against_mean
from models.predictors import KINDS
from models.scores import Judged


def judged(interval=(0.0, 0.0), **losses):
    return Judged(9, {name: {"log_loss": loss, "versus_mean": interval} for name, loss in losses.items()})


def test_every_kind_has_its_place():
    assert set(KINDS) == set(BY_COST)


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ({"heuristic": 0.872, "xgboost": 0.8701, "stack": 0.870, "elo": 0.5}, "xgboost"),
        ({"heuristic": 0.8709, "stack": 0.870}, "heuristic"),
        ({"mlp": 0.9, "stack": 0.87, "mean": 0.8712}, "stack"),
    ],
)
def test_the_cheapest_of_about_the_best_is_the_champion(losses, best):
    assert best == champion(judged(**losses))


def test_the_stack_has_to_beat_the_mean_for_sure():
    assert "The stack beats the plain mean" in str(stack_against_mean(judged((-0.002, -0.001), stack=0.87, mean=0.88)))
    doubt = str(stack_against_mean(judged((-0.002, 0.001), stack=0.87, mean=0.88)))
    assert "does not beat the plain mean" in doubt
    assert "-0.0100 (95 % interval -0.0020 to +0.0010)" in doubt
    assert stack_against_mean(judged(mean=0.87)) is None

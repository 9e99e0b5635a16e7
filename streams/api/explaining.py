"""Why a prediction is what it is: what becomes of it when one feature at a time is as it usually is."""

from collections.abc import Mapping

import numpy as np

from models.bundle import Bundle
from models.predictors import CLASSES
from monitors.reference import ReferenceHistograms
from schemas.plain_values import to_json
from schemas.records import Prediction

_SHOWN = 12  # of the digits of a digest


class OtherBundleError(ValueError):
    """Raised for a prediction of another bundle than the one that is loaded; the message is one sentence."""


class Explainer:
    """Explains the predictions of one bundle; safe to call from several threads.

    Args:
        bundle: With which they were made.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        reference = ReferenceHistograms.from_dict(bundle.reference)
        middles = {name: found.middle for name, found in zip(reference.names, reference.histograms, strict=True)}
        self._usual = np.array([middles.get(name, np.nan) for name in bundle.feature_names], np.float32)

    def features(self, prediction: Prediction) -> list[dict[str, object]]:
        """Return name, value, usual value and change for each feature, in the order of the feature set.

        The change is the probability of each class with the feature at its usual value, less the one with the value it
        had: occlusion, one feature at a time. What features do together it does not show, and of features which follow
        from each other it takes one away and leaves the others.

        Raises:
            OtherBundleError: Another bundle made the prediction.
        """
        self._check(prediction)
        row = np.array(prediction.features, np.float32)
        rows = np.tile(row, (len(row) + 1, 1))
        rows[np.arange(1, len(row) + 1), np.arange(len(row))] = self._usual
        scored = self.bundle.score(rows, prediction.feature_set).astype(np.float64)
        changes = (scored[1:] - scored[0]).tolist()
        return [
            {
                "name": name,
                "value": to_json(float(value)),
                "usual": to_json(float(usual)),
                "change": dict(zip(CLASSES, change, strict=True)),
            }
            for name, value, usual, change in zip(self.bundle.feature_names, row, self._usual, changes, strict=True)
        ]

    def _check(self, prediction: Prediction) -> None:
        bundle = self.bundle
        made_by, expected = prediction.bundle_digest, len(bundle.feature_names)
        if made_by != bundle.digest:
            raise OtherBundleError(
                f"prediction {prediction.prediction_id!r} was made by bundle {made_by[:_SHOWN]} ({prediction.model} "
                f"{prediction.model_version}), and {bundle.digest[:_SHOWN]} ({bundle.model} {bundle.version}) is "
                f"loaded here: ask an api whose TOUCHLINE_BUNDLE is that one"
            )
        if (prediction.feature_set, len(prediction.features)) != (bundle.feature_set, expected):
            raise OtherBundleError(
                f"prediction {prediction.prediction_id!r} has {len(prediction.features)} features of "
                f"{prediction.feature_set!r:.100}, not the {expected} of {bundle.feature_set} that its bundle reads"
            )


def told(prediction: Prediction, names: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    """Return all that is in *prediction* as plain values, its features with the names of their set where it is known.

    Args:
        prediction: The prediction.
        names: Of the features, by feature set.
    """
    known = names.get(prediction.feature_set, ())
    labels = known if len(known) == len(prediction.features) else (None,) * len(prediction.features)
    features = [
        {"name": name, "value": value} for name, value in zip(labels, to_json(prediction.features), strict=True)
    ]
    return {**to_json(prediction), "predicted_at_ms": prediction.scored_at_us // 1000, "features": features}

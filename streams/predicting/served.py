"""The bundles which score at one moment, and which of them scores a match."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from features.told import Reads, together
from models.bundle import Bundle
from models.serving import Serving, pin_of
from schemas.records import Variant

NONE = -1


@dataclass(frozen=True, slots=True)
class Served:
    """What scores from one batch to the next change.

    Attributes:
        bundles: The champion first, then each other which may score a match.
        variants: In which part each scores.
        chosen: Returns the index of the bundle of a match which begins.
        ever: Digests of all that may have made predictions which are out.
        shadowed_by: The bundle which scores the same events beside another, by the index of that.
        reads: What any of them reads of users' feature events, so that feature sets live side by side.
    """

    bundles: Sequence[Bundle]
    variants: Sequence[Variant]
    chosen: Callable[[str], int]
    ever: Sequence[str]
    shadowed_by: Mapping[int, Bundle] = field(default_factory=dict)
    reads: Reads = field(init=False)
    _pins: NDArray[np.uint64] = field(init=False)

    def __post_init__(self) -> None:
        """Put the pins side by side, as numbers, and what is read."""
        numbers = [int.from_bytes(pin_of(bundle.digest)) for bundle in self.bundles]
        object.__setattr__(self, "_pins", np.array(numbers, np.uint64))
        all_of_them = (*self.bundles, *self.shadowed_by.values())
        object.__setattr__(self, "reads", together(one.features.reads for one in all_of_them))

    @classmethod
    def alone(cls, bundle: Bundle) -> "Served":
        """Return *bundle* as the only one."""
        return cls([bundle], [Variant.CHAMPION], lambda _match_id: 0, [bundle.digest])

    @classmethod
    def of(cls, serving: Serving, loaded: Sequence[Bundle]) -> "Served":
        """Return those of *loaded* which score by *serving*; its champion and challenger must be among them.

        A running match of one which is not loaded goes to the champion.
        """
        if serving.champion is None:
            return cls.alone(loaded[0])
        by_digest = {bundle.digest: bundle for bundle in loaded}
        kept = (one for one in serving.kept if one in by_digest and one != serving.champion)
        digests = [serving.champion, *kept]
        index = {digest: number for number, digest in enumerate(digests)}
        return cls(
            [by_digest[digest] for digest in digests],
            [Variant.CHALLENGER if one == serving.challenger else Variant.CHAMPION for one in digests],
            lambda match_id: index[serving.chosen(match_id) or digests[0]],
            serving.served,
            _shadows(serving, by_digest, index),
        )

    @property
    def champion(self) -> Bundle:
        """The bundle of matches which have not begun."""
        return self.bundles[0]

    def scores(self, pins: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Tell of each match whether a bundle scores it, by the number which its state remembers."""
        return pins == self._pins[0] if len(self._pins) == 1 else np.isin(pins, self._pins)

    def numbers(self, pins: NDArray[np.uint64]) -> NDArray[np.int64] | None:
        """Return the index of the bundle for each pin, the champion's for 0; None when there is one for all."""
        return None if len(self._pins) == 1 else (pins[:, None] == self._pins).argmax(axis=1)

    def pin(self, number: int) -> int:
        """Return the number by which a state remembers the bundle with this index."""
        return int(self._pins[number])

    def number(self, pin: bytes) -> int:
        """Return the index of the bundle which a state remembers as *pin*; NONE for no such bundle."""
        return next((row for row, one in enumerate(self.bundles) if pin_of(one.digest) == pin), NONE)


def _shadows(serving: Serving, loaded: Mapping[str, Bundle], index: Mapping[str, int]) -> Mapping[int, Bundle]:
    """Return who scores beside whom: the champion beside a challenger which serves, that beside it in the shadow."""
    if serving.challenger is None or serving.champion is None:
        return {}
    beside_champion = {0: loaded[serving.challenger]} if serving.shadow else {}
    served = index.get(serving.challenger)
    return beside_champion if served is None else beside_champion | {served: loaded[serving.champion]}

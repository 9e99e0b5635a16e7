"""Bundles by their digests, ready to score beside the running one."""

from collections.abc import Callable
from contextlib import suppress

from models.bundle import Bundle
from streams.bundles import bundle_with
from streams.predicting.warming import warm_up
from streams.settings import Settings


def loader(settings: Settings) -> Callable[[str], Bundle]:
    """Return what loads the bundle with a digest and warms it; it raises BundleError and StoreError."""

    def load(digest: str) -> Bundle:
        bundle = bundle_with(settings, digest, settings.scoring_threads)
        with suppress(Exception):  # what it cannot score is told where it is tried
            warm_up(bundle)
        return bundle

    return load

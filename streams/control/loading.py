"""Bundles by their digests, ready to score beside the running one."""

from collections.abc import Callable

import structlog

from models.bundle import Bundle
from streams.bundles import bundle_with
from streams.predicting.warming import score_once
from streams.settings import Settings

log = structlog.get_logger(__name__)


def loader(settings: Settings) -> Callable[[str], Bundle]:
    """Return what loads the bundle with a digest and warms it; it raises BundleError and StoreError."""

    def load(digest: str) -> Bundle:
        bundle = bundle_with(settings, digest, settings.scoring_threads)
        try:
            score_once(bundle)
        except Exception as error:  # noqa: BLE001 - what it cannot score is counted, and told, where it is tried
            log.warning("model.not_warm", bundle=digest, error=str(error))
        return bundle

    return load

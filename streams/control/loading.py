"""Bundles by their digests: where a worker finds what a control record names."""

from collections.abc import Callable

from models.bundle import Bundle, load_bundle, shipped_bundles
from models.manifest import BundleError
from streams.predicting.warming import warm_up
from streams.settings import Settings


def loader(settings: Settings) -> Callable[[str], Bundle]:
    """Return what loads the bundle with a digest and warms it; it raises BundleError."""

    def load(digest: str) -> Bundle:
        folder = shipped_bundles().get(digest)
        if folder is None:
            raise BundleError(f"no bundle {digest:.12} comes with Touchline")
        bundle = load_bundle(folder, settings.scoring_threads)
        warm_up(bundle)
        return bundle

    return load


def digest_of(settings: Settings, named: str) -> str:
    """Return the digest of the bundle which an operator has named: by a digest or the beginning of one.

    Raises:
        BundleError: There is no such bundle, or there are several.
    """
    del settings
    found = [digest for digest in shipped_bundles() if digest.startswith(named)]
    if len(found) != 1:
        raise BundleError(f"{len(found) or 'no'} bundles have a digest which begins with {named!r:.80}; one must")
    return found[0]

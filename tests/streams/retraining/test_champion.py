"""What a retraining knows of the champion that it starts from."""

from datetime import date

import pytest

from models.bundle import load_bundle, shipped_bundles
from streams.retraining.champion import _opened, next_version
from streams.settings import Settings


@pytest.mark.parametrize("digest", shipped_bundles())
def test_every_included_bundle_can_be_a_champion(digest, tmp_path):
    found = _opened(Settings(), digest)

    found.write(tmp_path / "copy")
    assert (found.digest, load_bundle(tmp_path / "copy").digest) == (digest, digest)
    assert found.learned_until in {None, date(2022, 11, 19)}


def test_the_next_version_follows_the_included_ones_and_those_of_the_store(tmp_path):
    assert next_version(Settings(model_store=str(tmp_path)), "internationals") == "4"
    assert next_version(Settings(model_store=str(tmp_path)), "another") == "1"

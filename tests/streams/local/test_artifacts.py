import hashlib
import json
import re
from dataclasses import replace

import pytest

from streams.local.artifacts import Artifact, DigestError, manifest_text, pinned_artifacts, sha256, verify

CONTENT = b"a jar"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
JAR = Artifact("kafka", "org.example", "thing", "1.2", "jar", "", DIGEST, len(CONTENT))


@pytest.fixture
def path(tmp_path):
    path = tmp_path / JAR.file_name
    path.write_bytes(CONTENT)
    return path


def test_the_right_file_is_kept(path):
    verify(JAR, path)

    assert DIGEST == sha256(path)


def test_a_wrong_file_is_removed_and_named_with_both_digests(path):
    path.write_bytes(CONTENT + b"!")
    found = sha256(path)

    with pytest.raises(DigestError) as error:
        verify(JAR, path)

    assert not path.exists()
    assert all(part in str(error.value) for part in ("thing-1.2.jar", found, DIGEST, str(path.parent)))
    assert "\n" not in str(error.value)


def test_a_classifier_is_part_of_the_file_name():
    assert "thing-1.2-all.tar.gz" == replace(JAR, classifier="all", packaging="tar.gz").file_name


def test_every_pinned_artifact_has_a_digest_a_size_and_a_place_of_its_own():
    pinned = pinned_artifacts()

    assert all(re.fullmatch("[0-9a-f]{64}", artifact.sha256) and artifact.size > 0 for artifact in pinned)
    assert len(pinned) == len({(artifact.part, artifact.file_name) for artifact in pinned})
    assert ["apicurio-registry-app-3.3.3-all.tar.gz"] == [one.file_name for one in pinned if one.part == "registry"]
    assert "kafka-server-4.3.1.jar" in {one.file_name for one in pinned if one.part == "kafka"}


def test_the_manifest_is_read_as_it_was_written():
    assert [JAR] == [Artifact(**entry) for entry in json.loads(manifest_text([JAR]))]

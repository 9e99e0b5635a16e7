"""Write the manifest of artifacts anew, after a version was changed here: ``python -m streams.local.pin``."""

from pathlib import Path

import jgo
from jgo.maven import MavenContext, PythonResolver

from streams.local.artifacts import MANIFEST, Artifact, manifest_text, sha256

KAFKA = "org.apache.kafka:kafka_2.13:4.3.1+org.apache.kafka:kafka-server:4.3.1+org.slf4j:slf4j-simple:1.7.36"
REGISTRY = ("io.apicurio", "apicurio-registry-app", "3.3.3")


def resolve_artifacts() -> list[Artifact]:
    """Download what Kafka and the registry consist of, and return it with digests."""
    registry = MavenContext(resolver=PythonResolver()).project(*REGISTRY[:2]).at_version(REGISTRY[2])
    found = [("kafka", artifact) for artifact in sorted(jgo.resolve(KAFKA), key=str)]
    found.append(("registry", registry.artifact(packaging="tar.gz", classifier="all")))
    return [_pinned(part, artifact) for part, artifact in found]


def _pinned(part: str, artifact: "jgo.maven.Artifact") -> Artifact:
    path = artifact.resolve()
    return Artifact(
        part=part,
        group=artifact.groupId,
        artifact=artifact.artifactId,
        version=artifact.version,
        packaging=artifact.packaging,
        classifier=artifact.classifier,
        sha256=sha256(path),
        size=path.stat().st_size,
    )


if __name__ == "__main__":
    Path(__file__).with_name(MANIFEST).write_text(manifest_text(resolve_artifacts()))

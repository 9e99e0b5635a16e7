"""What is served and how that was asked for: in words, and for programs."""

from typing import Any, Final

from models.serving import Serving
from schemas.records import ModelStatus
from streams.control.log import Change
from streams.control.status import Standing

_SHOWN: Final = 12


def in_words(serving: Serving) -> str:
    """Return what is served, for people."""
    champion, challenger = short(serving.champion), short(serving.challenger)
    if serving.challenger is None:
        return f"{champion} serves"
    if serving.canary_share:
        share = f"gets {serving.canary_share:.4g} of the matches which kick off from now on"
        return f"{champion} serves; {challenger} {share}{', and both score every match' if serving.shadow else ''}"
    said = "scores the same events in the shadow" if serving.shadow else "gets no more matches"
    return f"{champion} serves; {challenger} {said}"


def serving_as_json(serving: Serving, found: Standing) -> dict[str, Any]:
    """Return what is served and by which workers, for programs."""
    return {
        "revision": serving.revision,
        "champion": serving.champion,
        "challenger": serving.challenger,
        "canary_share": serving.canary_share,
        "done": found.carries_out(serving.revision),
        "missing_partitions": list(found.missing),
        "workers": [_worker_as_json(one) for one in {one.worker: one for one in found.by_partition.values()}.values()],
        "shadow_workers": [_worker_as_json(one) for one in found.shadows],
    }


def _worker_as_json(report: ModelStatus) -> dict[str, Any]:
    return {
        "worker": report.worker,
        "model": report.model,
        "version": report.model_version,
        "bundle": report.bundle_digest,
        "revision": report.revision,
        "partitions": list(report.partitions),
        "refused": report.refused,
        "at_ms": report.at_ms,
    }


def change_as_json(change: Change) -> dict[str, Any]:
    """Return one change for programs."""
    record = change.record
    said = {} if record is None else {
        "revision": record.revision, "action": record.action.value, "champion": record.champion,
        "challenger": record.challenger, "canary_share": record.canary_share, "running": record.running,
        "by": record.by, "why": record.why, "at_ms": record.at_ms, "replaces": record.replaces,
    }  # fmt: skip
    return {"offset": change.offset, **said, "void": change.void}


def short(digest: str | None) -> str:
    """Return as much of a digest as people are shown; nothing for None."""
    return "" if digest is None else digest[:_SHOWN]

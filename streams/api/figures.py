"""What the api role counts and measures; labels come from closed sets, never from a request."""

from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

LATENCY_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5)
Lookup = Literal["hit", "miss", "failed", "held_back"]


class ApiFigures:
    """The metrics of the role."""

    def __init__(self, registry: CollectorRegistry) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library types the rest
        self._requests = Counter(
            "touchline_api_requests", "Requests by route and class of status.", ["route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "touchline_api_request_seconds", "Time to the answer, but for /live.", ["route"],
            buckets=LATENCY_BUCKETS, registry=registry,
        )  # fmt: skip
        self._by_route: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._refused = Counter(
            "touchline_api_records_refused", "Records which are none, by cause.", ["topic", "cause"], registry=registry
        )
        self._lookups = Counter(
            "touchline_api_cache_lookups", "Questions to Redis: hit, miss, failed, or held_back while it fails.",
            ["result"], registry=registry,
        )  # fmt: skip
        self.matches = Gauge("touchline_api_matches", "Matches in the index.", registry=registry)
        self.predictions = Gauge("touchline_api_predictions", "Predictions in the index.", registry=registry)
        self.bytes = Gauge("touchline_api_index_bytes", "Memory of the index, about.", registry=registry)
        self.evicted = Gauge("touchline_api_matches_evicted", "Matches that had to leave the index.", registry=registry)
        self.behind = Gauge(
            "touchline_api_behind_records", "Predictions not read yet; NaN when unknown.", registry=registry
        )
        self.ready = Gauge("touchline_api_ready", "1 once the predictions were read to their end.", registry=registry)
        self.live_clients = Gauge("touchline_api_live_clients", "Clients of /live.", registry=registry)
        self.live_sent = Counter("touchline_api_live_sent", "Predictions put in line for clients.", registry=registry)
        self.live_skipped = Counter(
            "touchline_api_live_skipped", "Predictions which a slow client did not get.", registry=registry
        )
        self.live_dropped = Counter(
            "touchline_api_live_clients_dropped", "Clients that took nothing for too long.", registry=registry
        )

    def answered(self, route: str, status: int, seconds: float | None) -> None:
        """Count one answer; None for the time of one that is no measure."""
        found = self._by_route.get((route, status))
        if found is None:
            counter = self._requests.labels(route, f"{status // 100}xx")
            found = self._by_route[route, status] = (counter, self._seconds.labels(route))
        found[0].inc()
        if seconds is not None:
            found[1].observe(seconds)

    def refused(self, topic: str, cause: str) -> None:
        """Count one record left out."""
        self._refused.labels(topic, cause).inc()

    def looked_up(self, result: Lookup) -> None:
        """Count one question to the cache."""
        self._lookups.labels(result).inc()

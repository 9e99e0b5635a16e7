"""Whether brokers and registry answer."""

import http.client
import json
import logging
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from streams.local.errors import ClusterError
from streams.local.ports import LOOPBACK

REGISTRY_PATH = "/apis/ccompat/v7"
COMPATIBILITY = "BACKWARD"
ANSWER_SECONDS = 1.0
REGISTRY_SECONDS = 10.0

_SILENT = logging.getLogger("touchline.local.probes")


def brokers_probe(client_config: Mapping[str, str], node: int, cluster_id: str) -> Callable[[], bool]:
    """Return a question to the broker that *client_config* names: does it take part, as *node* of *cluster_id*?"""
    # A broker that is starting refuses connections; that is no news.
    quiet = {"log_level": 0, "error_cb": lambda _error: None, "reconnect.backoff.max.ms": 200}
    client = AdminClient({**client_config, **quiet}, logger=_SILENT)

    def answers() -> bool:
        try:
            found = client.list_topics(timeout=ANSWER_SECONDS)
        except KafkaException:
            return False
        # Another program's broker on our port does not count.
        return bool(found.cluster_id == cluster_id and node in found.brokers)

    return answers


def registry_answers(port: int) -> bool:
    """Tell whether a registry serves on *port* of loopback."""
    try:
        return _request(port, "GET", "/subjects", None)[0] == http.client.OK
    except (OSError, http.client.HTTPException):
        return False


def enforce_compatibility(port: int) -> None:
    """Make the registry refuse schemas that old readers' data would break: it enforces nothing by itself.

    Raises:
        ClusterError: The registry does not take the setting.
    """
    try:
        status, answer = _request(port, "PUT", "/config", {"compatibility": COMPATIBILITY})
    except (OSError, http.client.HTTPException) as error:
        raise ClusterError(f"the registry on port {port} ended while it was set up: {error}") from error
    if status != http.client.OK:
        raise ClusterError(f"the registry on port {port} refuses compatibility {COMPATIBILITY}: {status} {answer}")


def _request(port: int, method: str, path: str, content: Mapping[str, str] | None) -> tuple[int, str]:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=REGISTRY_SECONDS)
    try:
        body = None if content is None else json.dumps(content)
        connection.request(method, REGISTRY_PATH + path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    finally:
        connection.close()

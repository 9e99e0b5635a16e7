"""How Faust and its consumer are set up, from our settings."""

import ssl
from typing import Any

import faust

from streams.engine import recovery, transport
from streams.settings import SILENCE_SECONDS, Security, Settings

_ANSWER_SECONDS = 5.0
_FETCH_RECORDS = 4000


def faust_settings(settings: Settings) -> dict[str, Any]:
    """Return what a Faust application takes."""
    return {
        "broker": [f"{transport.SCHEME}://{server.strip()}" for server in settings.bootstrap_servers.split(",")],
        "broker_client_id": settings.worker_name,  # by which the brokers tell who has which partitions
        "broker_credentials": _credentials(settings.security),
        "TableManager": recovery.SliceTables,
        "store": "memory://",
        "topic_disable_leader": True,
        "topic_allow_declare": False,
        "topic_partitions": settings.partitions,
        "web_enabled": False,
        "consumer_auto_offset_reset": "earliest",
        "stream_recovery_delay": 0.0,
        "broker_commit_interval": settings.commit_interval,
        "broker_max_poll_records": _FETCH_RECORDS,
        "broker_session_timeout": settings.session_timeout,
        "broker_heartbeat_interval": settings.session_timeout / 4,
        "broker_rebalance_timeout": 2 * settings.session_timeout,
        # A broker that has stopped takes connections and answers none; a member may be kept waiting for all the others.
        "broker_request_timeout": 2 * settings.session_timeout + _ANSWER_SECONDS,
        # Nothing goes through Faust's own producer, but it has to have met a broker before the worker can start; by
        # default it would wait twenty minutes for one that has stopped.
        "producer_request_timeout": SILENCE_SECONDS,
        # There are no Faust tables to stand by; the number makes Faust use its own assignor, which keeps partition p of
        # all inputs together, where it would otherwise deal them out in turn.
        "table_standby_replicas": 1,
    }


def _credentials(security: Security) -> Any:
    if security.protocol == "PLAINTEXT":
        return None
    context = None
    if security.protocol.endswith("SSL"):
        context = ssl.create_default_context(cafile=security.ca_file)
        if security.certificate_file:
            context.load_cert_chain(security.certificate_file, security.key_file)
    if security.protocol == "SSL":
        return faust.SSLCredentials(context)
    return faust.SASLCredentials(
        username=security.username,
        password=security.password.get_secret_value() if security.password else None,
        mechanism=security.mechanism,
        ssl_context=context,
    )

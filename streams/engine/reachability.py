"""Whether what went wrong is that the brokers, or the registry, are away: then trying again is all there is to do."""

import sys

from confluent_kafka import KafkaError, KafkaException

AWAY = frozenset(
    getattr(KafkaError, name)
    for name in ("_TRANSPORT", "_ALL_BROKERS_DOWN", "_TIMED_OUT", "_MSG_TIMED_OUT", "_RESOLVE", "_WAIT_COORD")
)


def is_about_reachability(error: BaseException | None) -> bool:
    """Tell whether *error*, or what it came of, is that somebody cannot be reached."""
    away: list[type[BaseException]] = [ConnectionError]
    if aiokafka := sys.modules.get("aiokafka.errors"):  # commands have not loaded it, so nothing of it was raised
        away += [aiokafka.KafkaConnectionError, aiokafka.NoBrokersAvailable, aiokafka.RequestTimedOutError]
    while error is not None:
        if isinstance(error, tuple(away)):
            return True
        if isinstance(error, KafkaException) and error.args[0].code() in AWAY:
            return True
        error = error.__cause__
    return False

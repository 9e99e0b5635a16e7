"""Whether what went wrong is that the brokers, or the registry, are away: then trying again is all there is to do."""

from aiokafka.errors import KafkaConnectionError, NoBrokersAvailable, RequestTimedOutError
from confluent_kafka import KafkaError, KafkaException

AWAY = frozenset(
    getattr(KafkaError, name)
    for name in ("_TRANSPORT", "_ALL_BROKERS_DOWN", "_TIMED_OUT", "_MSG_TIMED_OUT", "_RESOLVE", "_WAIT_COORD")
)


def is_about_reachability(error: BaseException | None) -> bool:
    """Tell whether *error*, or what it came of, is that somebody cannot be reached."""
    while error is not None:
        if isinstance(error, ConnectionError | KafkaConnectionError | NoBrokersAvailable | RequestTimedOutError):
            return True
        if isinstance(error, KafkaException) and error.args[0].code() in AWAY:
            return True
        error = error.__cause__
    return False

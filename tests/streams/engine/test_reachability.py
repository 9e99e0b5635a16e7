"""What is waited out is told from what a person must look at."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from streams.brokers import BrokerError
from streams.engine.outbox import DeliveryError
from streams.engine.reachability import is_about_reachability
from streams.registry_errors import RegistryUnavailableError


def because(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (BrokerError("no broker answers"), True),
        (RegistryUnavailableError("the registry does not answer"), True),
        (because(DeliveryError("no"), KafkaException(KafkaError(KafkaError._MSG_TIMED_OUT))), True),
        (because(DeliveryError("no"), KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))), False),
        (ZeroDivisionError(), False),
    ],
)
def test_an_error_is_about_reachability_also_when_it_is_the_cause_of_another(error, away):
    assert away == is_about_reachability(error)
    assert away == is_about_reachability(because(RuntimeError("deliver failed"), error))

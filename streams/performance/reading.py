"""Reports of performance as tools read them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from streams.patient_registry import patient_registry
from streams.settings import Settings
from streams.tailing import Decoder, Tail, seen


@contextmanager
def performance_reports(settings: Settings) -> Iterator[Callable[[], Sequence[Mapping[str, Any]]]]:
    """Yield what reads all reports that there are; what it calls may raise BrokerError."""
    decode = Decoder(patient_registry(settings))
    with closing(Tail(settings, settings.topic("performance-reports"))) as tail:

        def read() -> Sequence[Mapping[str, Any]]:
            records = [seen(record, decode) for record in tail.records("earliest", key=None, follow=False)]
            return [record.value for record in records if record.value is not None]

        yield read

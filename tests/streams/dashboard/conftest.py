from tests.streams.monitoring.conftest import reference  # noqa: F401 - a fixture

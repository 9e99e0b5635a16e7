import pytest

from streams.local.diagnosis import explain
from streams.local.errors import ClusterError, PortTakenError

PORTS = {"broker-1": 9092, "controller-1": 19092}
# Lines as Kafka, the JVM and the registry write them.
LOGS = {
    "java.io.IOException: No space left on device\nERROR Shutdown broker": "disk of /data is full",
    "ERROR Disk error\njava.nio.file.AccessDeniedException: /data/broker-1": "/data cannot be written",
    "Error occurred during initialization of VM\nCould not reserve enough space for 512000KB object heap": "memory",
    "OpenJDK 64-Bit Server VM warning: INFO: os::commit_memory failed; error='Not enough space'\n"
    "# There is insufficient memory for the Java Runtime Environment to continue.": "memory",
    "org.apache.kafka.common.KafkaException: Failed to acquire lock on file .lock in /data": "another process uses",
    "Database may be already in use: null. Possible solutions: close all other connection(s)": "another process uses",
    "java.net.SocketException: Too many open files": "ulimit",
    "RuntimeException: Invalid cluster.id in: /data/meta.properties. Expected x, but read y": "another cluster's data",
}


def explained(tmp_path, text, ports=PORTS):
    log = tmp_path / "broker-1.log"
    log.write_text(text)
    return explain("broker-1", log, "/data", ports)


@pytest.mark.parametrize("text", LOGS)
def test_the_reason_is_one_sentence_about_what_the_log_shows(tmp_path, text):
    error = explained(tmp_path, text)

    assert str(error).startswith("broker-1 cannot start: ")
    assert LOGS[text] in str(error)
    assert "\n" not in str(error)
    assert "Exception" not in str(error)


def test_a_taken_port_is_named(tmp_path):
    error = explained(tmp_path, "Socket server failed to bind to 127.0.0.1:19092: Address already in use.")

    assert isinstance(error, PortTakenError)
    assert "port 19092 is taken" in str(error)


def test_all_ports_are_named_when_the_log_does_not_say_which(tmp_path):
    assert "port 9092 or 19092 is taken" in str(explained(tmp_path, "java.net.BindException"))


def test_what_is_not_known_is_quoted_from_the_last_error_without_its_trace(tmp_path):
    text = "INFO fine\nERROR something odd happened\n\tat kafka.Kafka.main(Kafka.java:3)\nbye\n"

    assert "it says 'ERROR something odd happened'" in str(explained(tmp_path, text))


def test_a_process_that_ended_without_a_word_is_said_to_have_been_killed(tmp_path):
    assert "killed" in str(explained(tmp_path, ""))
    assert "killed" in str(explain("registry", tmp_path / "missing", "/data", {}))


def test_only_the_end_of_a_long_log_is_read(tmp_path):
    error = explained(tmp_path, "No space left on device\n" + "INFO fine\n" * 100_000)

    assert type(error) is ClusterError
    assert "disk" not in str(error)

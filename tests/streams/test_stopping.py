"""A worker that stops because it must leaves nothing on its way."""

import socket
import subprocess
import sys

from streams.stopping import AWAY, FAILED, REFUSED

_SENDS = """
import socket
from streams.stopping import stop_worker
link = socket.create_connection(("127.0.0.1", {port}))
link.setblocking(False)
try:
    while True:
        link.send(bytes(65536))
except BlockingIOError:
    stop_worker("lease.lost", RuntimeError("too late"))
"""


def test_what_the_kernel_has_not_sent_yet_is_not_sent_after_the_end():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        program = _SENDS.format(port=server.getsockname()[1])
        process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        link, _ = server.accept()
        assert FAILED == process.wait(30)
        said = b"".join(process.communicate())

        with link:
            try:
                while link.recv(65536):
                    continue
                ended = "in good order"
            except ConnectionResetError:
                ended = "reset"
    assert "reset" == ended
    assert b"lease.lost" in said


def code_of(program: str) -> int:
    text = f"from streams.stopping import stop_worker\n{program}"
    return subprocess.run([sys.executable, "-c", text], check=False, capture_output=True).returncode


def test_the_exit_code_tells_a_refusal_and_an_outage_from_a_failure():
    assert REFUSED == code_of('stop_worker("input.refused", ConnectionError("no"))')
    assert AWAY == code_of('stop_worker("restore.failed", ConnectionError("no"))')
    assert FAILED == code_of('stop_worker("worker.failed", ValueError("no"))')

"""What the lines of the log are, whoever says them."""

import json
import subprocess
import sys

SAYS = """
import logging
from streams.logs import configure_logs

configure_logs("json", "INFO", role="predict")
logging.getLogger("aiokafka.consumer.group_coordinator").error("Group Coordinator Request failed: %s", "not available")
logging.getLogger("aiokafka.conn").info("connected")
logging.getLogger("mode.services").error("[^Worker]: Crashed reason=%r", "planted")
logging.getLogger("another").error("broke")
"""


def test_an_error_after_which_the_consumer_tries_again_is_a_warning_and_others_stay_errors():
    said = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, check=True, text=True).stderr

    lines = [json.loads(line) for line in said.splitlines()]
    assert [
        ("warning", "Group Coordinator Request failed: not available", "predict"),
        ("error", "broke", "predict"),
    ] == [(line["level"], line["event"], line["role"]) for line in lines]

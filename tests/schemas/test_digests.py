"""The digests of the kernels are those of hashlib."""

from hashlib import blake2b as reference

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from schemas.digests import WORK, blake2b, event_digest, write_hex

AROUND = st.binary(max_size=9)


def test_the_digest_of_an_id_of_any_length_is_that_of_hashlib():
    message = np.random.default_rng(0).bytes(600)
    data, work = np.frombuffer(message, np.uint8), np.empty(WORK, np.uint64)

    found = [event_digest(data, 0, length, work) for length in range(601)]

    expected = [reference(message[:length], digest_size=8).digest() for length in range(601)]
    assert [int.from_bytes(one, "big", signed=True) for one in expected] == found


@given(AROUND, st.binary(max_size=600), AROUND, st.integers(1, 64))
def test_a_digest_of_any_size_takes_only_the_message(before, message, after, size):
    data = np.frombuffer(before + message + after, np.uint8)
    work, out = np.full(WORK, 7, np.uint64), np.zeros(2 * size + 2, np.uint8)

    blake2b(data, len(before), len(message), size, work)
    end = write_hex(work, size, out, 1)

    assert 2 * size + 1 == end
    assert b"\0" + reference(message, digest_size=size).hexdigest().encode() + b"\0" == out.tobytes()

from uuid import UUID

from streams.local.launch import new_cluster_id


def test_no_id_of_a_cluster_looks_like_an_option():
    chances = iter([UUID(bytes=b"\xf8" + bytes(15)), UUID(bytes=b"\xf9" + bytes(15)), UUID(bytes=bytes(16))])

    assert "A" * 22 == new_cluster_id(lambda: next(chances))

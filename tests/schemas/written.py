"""Events of a schema of another team's."""

import io

import fastavro

FOREIGN = 1 << 24 | 99


def written(schema, values):
    target = io.BytesIO()
    target.write(b"\0" + FOREIGN.to_bytes(4, "big"))
    fastavro.schemaless_writer(target, fastavro.parse_schema(schema), values)
    return target.getvalue()

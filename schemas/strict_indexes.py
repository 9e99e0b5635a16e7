"""A parsed schema whose enums and unions know the indexes that Avro has, and no others.

fastavro looks an index up in a list, where -1 is the last one. In a dictionary there is no -1, and looking it up costs
the same. Such a schema reads; it cannot be resolved to another one, nor written with.
"""

from typing import Any


def with_strict_indexes(schema: Any) -> Any:
    """Return *schema*, which fastavro has parsed, with dictionaries in the place of lists of symbols and of branches.

    >>> with_strict_indexes(["null", "long"])
    {'type': 'union', 0: 'null', 1: 'long'}
    """
    if isinstance(schema, list):
        return {"type": "union", **dict(enumerate(map(with_strict_indexes, schema)))}
    if not isinstance(schema, dict):
        return schema
    found = dict(schema)
    for name in ("items", "values"):
        if name in found:
            found[name] = with_strict_indexes(found[name])
    if "symbols" in found:
        found["symbols"] = dict(enumerate(found["symbols"]))
    if "fields" in found:
        found["fields"] = [{**field, "type": with_strict_indexes(field["type"])} for field in found["fields"]]
    if "__named_schemas" in found:  # where fastavro keeps the types which other fields name
        named = found["__named_schemas"]
        found["__named_schemas"] = {name: with_strict_indexes(one) for name, one in named.items()}
    return found

"""How long the api takes to answer at a fixed rate, over loopback.

Run it with ``.venv/bin/python -m benchmarks.api`` while `touchline worker api` runs and predictions come in. The n-th
request is due at n / rate and its time counts from then, whenever it could be sent: an answer that is late makes those
behind it late too (no coordinated omission). It prints a table and writes build/api.json.
"""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

import click
import numpy as np
import uvloop
from rich.console import Console
from rich.table import Table

PERCENTILES = {"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0, "p99_9_ms": 99.9, "max_ms": 100.0}
MOST_SECONDS, MOST_RATE, MOST_CONNECTIONS = 600, 20_000, 256
PATIENCE_SECONDS = 10.0
OK = b"HTTP/1.1 200 "


@dataclass(slots=True)
class Found:
    """What came of the requests: seconds from due to answered, and what went wrong by name."""

    seconds: list[float] = field(default_factory=list)
    wrong: Counter[str] = field(default_factory=Counter)


async def ask(where: tuple[str, int], requests: Sequence[bytes], due: Sequence[float], found: Found) -> None:
    """Send *requests* over one connection, each when it is *due* (perf_counter) or once the one before is back."""
    reader, writer = await asyncio.open_connection(*where)
    try:
        for number, at in enumerate(due):
            if (wait := at - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            writer.write(requests[number % len(requests)])
            async with asyncio.timeout(PATIENCE_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(length_of(head))
            found.seconds.append(time.perf_counter() - at)
            if not head.startswith(OK):
                found.wrong[head[9:12].decode()] += 1
    except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
        found.wrong[type(error).__name__] += len(due) - number
    finally:
        writer.close()


def length_of(head: bytes) -> int:
    """Return how many bytes follow a *head*."""
    return int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])


async def load(where: tuple[str, int], paths: Sequence[bytes], rate: float, seconds: float, connections: int) -> Found:
    """Ask for *paths* in turn and return what came of it."""
    found, began = Found(), time.perf_counter() + 0.2
    due = [began + number / rate for number in range(round(rate * seconds))]
    await asyncio.gather(
        *(
            ask(where, [paths[n % len(paths)] for n in range(first, first + 97)], mine, found)
            for first in range(connections)
            if (mine := due[first::connections])
        )
    )
    return found


def requests_of(url: str, token: str | None) -> list[bytes]:
    """Return the mix: nine in ten ask for one of the matches that there are, the others for the list of 20."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urlopen(Request(f"{url}/matches?limit=200", headers=headers), timeout=10) as answer:  # noqa: S310 - loopback
        matches = [one["match_id"] for one in json.load(answer)["matches"]]
    if not matches:
        raise click.ClickException("there is no match in the index: let predictions come first")
    paths = [f"/matches/{quote(match, safe='')}" for match in matches]
    paths = [
        one for place, path in enumerate(paths) for one in ([path, "/matches?limit=20"] if place % 9 == 0 else [path])
    ]
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return [f"GET {path} HTTP/1.1\r\nHost: loopback\r\n{more}\r\n".encode() for path in paths]


def figures(found: Found, rate: float, seconds: float) -> dict[str, Any]:
    """Return percentiles and errors as plain values."""
    values = np.percentile(np.array(found.seconds or [np.nan]) * 1000, list(PERCENTILES.values())).round(3).tolist()
    return {
        "rate": rate,
        "seconds": seconds,
        "answers": len(found.seconds),
        "errors": dict(found.wrong),
        **dict(zip(PERCENTILES, values, strict=True)),
        "load_before": os.getloadavg()[0],
        "at": int(time.time()),
    }


@click.command()
@click.option("--url", default="http://127.0.0.1:8088", show_default=True)
@click.option("--token", envvar="TOUCHLINE_API_TOKEN", help="Of the api, if it has one.")
@click.option(
    "--rate", type=click.FloatRange(1, MOST_RATE), default=2000.0, show_default=True, help="Requests a second."
)
@click.option("--seconds", type=click.FloatRange(0.1, MOST_SECONDS), default=10.0, show_default=True)
@click.option("--connections", type=click.IntRange(1, MOST_CONNECTIONS), default=16, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/api.json"), show_default=True)
def main(*, url: str, token: str | None, rate: float, seconds: float, connections: int, out: Path) -> None:
    """Ask the api at a fixed rate and tell how long the answers took."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise click.ClickException(f"{url} is not on loopback: this load is not for other machines")
    requests = requests_of(url, token)
    result = figures(
        uvloop.run(load((parts.hostname, parts.port or 80), requests, rate, seconds, connections)), rate, seconds
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=2))
    table = Table(*result, title=f"{url}, {connections} connections")
    table.add_row(*map(str, result.values()))
    Console().print(table)
    if result["errors"]:
        raise SystemExit(1)


if __name__ == "__main__":
    main()

"""The matches side by side in a terminal: a snapshot and a size in, something to print out."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from streams.playing.scoreboard import MatchView, RoleLag, Snapshot

CARD_WIDTH, CARD_HEIGHT = 38, 6
_HEADER, _SHORTEST_BAR = 2, 4
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_LEVELS = "▁▂▃▄▅▆▇█"
_OUTCOMES = (("home", "green"), ("draw", "yellow"), ("away", "blue"))


def bar(share: float, width: int) -> str:
    """Return a bar of *width* columns, filled by *share* to an eighth of a column.

    >>> bar(0.5, 4), bar(0.53125, 4), bar(0.0, 2)
    ('██  ', '██▏ ', '  ')
    """
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def sparkline(values: Sequence[float | None], top: float) -> str:
    """Return one block for each value from 0 up to *top*; a dot where there is none.

    >>> sparkline([0.0, None, 0.05, 0.1, 7.0], top=0.1)
    '▁·▅██'
    """
    highest = len(_LEVELS) - 1
    return "".join(
        "·" if one is None else _LEVELS[round(highest * min(max(one / top, 0.0), 1.0)) if top > 0 else 0]
        for one in values
    )


def live_view(snapshot: Snapshot, width: int, height: int) -> RenderableType:
    """Return what fits into *width* columns and *height* lines; running matches come first when not all do."""
    footer = _footer(snapshot, width)
    columns = max(1, min(width // CARD_WIDTH, max(1, len(snapshot.matches))))
    rows = max(1, (height - _HEADER - len(footer)) // CARD_HEIGHT)
    shown = _first(snapshot.matches, columns * rows)
    card_width = width // columns
    grid = Table.grid(padding=0)
    for _ in range(columns):
        grid.add_column(width=card_width, no_wrap=True)
    for start in range(0, len(shown), columns):
        grid.add_row(*(_card(match, card_width - 2) for match in shown[start : start + columns]))
    hidden = len(snapshot.matches) - len(shown)
    title = _line(snapshot.title + (f"  (and {hidden} more)" if hidden else ""), width, "bold")
    return Group(title, Text(), grid, *footer)


def _first(matches: Sequence[MatchView], most: int) -> list[MatchView]:
    if len(matches) <= most:
        return list(matches)
    return sorted(matches, key=lambda match: (match.over, match.minute < 0))[:most]


def _card(match: MatchView, width: int) -> Text:
    card = Text(no_wrap=True, overflow="crop")
    clock = match.clock.rjust(5)
    score = f" {match.home_score} - {match.away_score} " if match.minute >= 0 else " v "
    room = width - len(clock) - len(score)
    home, away = _fitted(match.home_team, match.away_team, room)
    card.append(home, "bold").append(score, "bold").append(away, "bold")
    card.append(clock.rjust(width - len(home) - len(score) - len(away)), "cyan" if not match.over else "dim")
    room = max(_SHORTEST_BAR, width - 12)
    for (name, style), share in zip(_OUTCOMES, (match.home, match.draw, match.away), strict=True):
        card.append(f"\n{name} ", "dim").append(bar(share, room), style).append(f"{share:6.1%}")
    card.append("\n" + _cut(match.last_event, width) + "\n", "magenta" if "goal" in match.last_event else "dim")
    return card


def _fitted(home: str, away: str, room: int) -> tuple[str, str]:
    """Return both names in *room* columns; a short one leaves its room to the other."""
    if len(home) + len(away) <= room:
        return home, away
    half = room // 2
    for_home = max(half, room - len(away))
    home = _cut(home, for_home)
    return home, _cut(away, room - len(home))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def _footer(snapshot: Snapshot, width: int) -> list[Text]:
    pulse = snapshot.pulse
    latency = f"p50 {_ms(pulse.p50_ms)}  p99 {_ms(pulse.p99_ms)}  (source timestamp to delivered prediction)"
    lines = [
        f"{pulse.per_second:.1f} predictions/s  {snapshot.sent} events sent  {snapshot.predictions} predictions",
        latency,
        "lag  " + ("  ".join(_lag(one) for one in snapshot.lags) or "not measured yet"),
    ]
    lines += [f"{name}  {url}" for name, url in snapshot.links.items()]
    return [_line(line, width, "") for line in lines] + [_line(snapshot.note, width, "dim")]


def _line(text: str, width: int, style: str) -> Text:
    return Text(_cut(text, width), style, no_wrap=True, overflow="crop")


def _ms(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds:.0f} ms"


def _lag(one: RoleLag) -> str:
    if one.records is None:
        return f"{one.role} unknown"
    return f"{one.role} {one.records:.0f} ({one.seconds or 0.0:.1f} s)"

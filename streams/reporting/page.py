"""One self-contained page which tells what a backtest has found; nothing in it is fetched from elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 76rem; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { max-width: 46rem; }
.charts { display: grid; gap: 1.5rem; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); }
figure { margin: 0; } figcaption { font-size: .875rem; }
svg { width: 100%; height: auto; max-width: 34rem; }
svg text { fill: currentColor !important; }
svg [style*="#000000"] { stroke: currentColor !important; }
svg [style*="fill: #000000"] { fill: currentColor !important; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } thead th { background: var(--soft); }
.good { color: #15803d; } .bad { color: #b91c1c; }
@media (prefers-color-scheme: dark) { .good { color: #4ade80; } .bad { color: #f87171; } }
"""

Cell = str | float | tuple[float, float] | None


def page(title: str, blocks: Iterable[str]) -> str:
    """Return the page of *blocks*."""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{escape(title)}</h1>\n"
        f"{''.join(blocks)}</main>\n</body>\n</html>\n"
    )


def heading(text: str) -> str:
    """Return a heading."""
    return f"<h2>{escape(text)}</h2>\n"


def paragraph(text: str) -> str:
    """Return a paragraph."""
    return f"<p>{escape(text)}</p>\n"


def charts(pictures: Mapping[str, str]) -> str:
    """Return *pictures* side by side, each under its caption."""
    figures = (
        f"<figure><figcaption>{escape(caption)}</figcaption>{svg}</figure>\n" for caption, svg in pictures.items()
    )
    return f'<div class="charts">\n{"".join(figures)}</div>\n'


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return a table which scrolls by itself where the page is narrow; intervals are coloured by what they say."""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>\n" for row in rows)
    return (
        f'<div class="wide" role="region" aria-label="{escape(caption)}" tabindex="0"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div>\n"
    )


def _cell(cell: Cell) -> str:
    if cell is None:
        return "<td></td>"
    if isinstance(cell, str):
        return f"<td>{escape(cell)}</td>"
    if isinstance(cell, tuple):
        kind = "good" if cell[1] < 0 else "bad" if cell[0] > 0 else ""
        return f'<td class="{kind}">{cell[0]:+.4f} to {cell[1]:+.4f}</td>'
    return f"<td>{cell:,.0f}</td>" if cell == int(cell) and abs(cell) > 1 else f"<td>{cell:.4f}</td>"

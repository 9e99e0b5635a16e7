"""The pages of a backtest are whole, well formed and name what they show."""

import re
from html.parser import HTMLParser

import pytest

from models.reliability import Bin
from streams.reporting import page
from streams.reporting.charts import bars_chart, lines_chart, reliability_chart

VOID = {"meta", "br", "use"}


class Checked(HTMLParser):
    """Remembers ids and that every element which begins also ends."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.sources = [], [], []

    def handle_starttag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]
        self.sources += [value for name, value in attrs if name in {"src", "href", "xlink:href"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert tag == self.open.pop()


def checked(html: str) -> Checked:
    found = Checked()
    found.feed(html)
    assert [] == found.open
    return found


def test_a_page_holds_all_it_shows():
    bins = [Bin(0.2, 0.25, 0.1, 0.4, 20), Bin(0.7, 0.6, 0.5, 0.7, 30)]
    pictures = {
        "one": reliability_chart({"home": bins, "away": bins}),
        "two": lines_chart(range(30), {"elo": [1.0] * 30}, "minute", "Losses"),
        "three": bars_chart({"elo_difference": 0.6, "minute": 0.4}, "Importance"),
    }
    found = checked(page.page("A <test>", [page.heading("Charts"), page.charts(pictures)]))

    assert len(found.ids) == len(set(found.ids))
    assert all(source.startswith("#") for source in found.sources)
    assert all(name in pictures["one"] for name in ("home", "away", 'role="img"', "forecast probability"))
    assert not re.search(r' (width|height)="[0-9.]+pt"', pictures["one"])


def test_the_same_chart_has_the_same_bytes():
    assert bars_chart({"a": 1.0}, "Importance") == bars_chart({"a": 1.0}, "Importance")


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("<b>", "<td>&lt;b&gt;</td>"),
        (0.87061, "<td>0.8706</td>"),
        ((-0.02, -0.01), '<td class="good">-0.0200 to -0.0100</td>'),
        ((0.01, 0.02), '<td class="bad">+0.0100 to +0.0200</td>'),
        ((-0.01, 0.02), "-0.0100 to +0.0200</td>"),
        (None, "<td></td>"),
    ],
)
def test_cells_say_what_is_better(cell, shown):
    assert shown in page.table("Models", ["one"], [[cell]])

# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plots, as SVG that goes into the page. matplotlib draws them; without it the page has its tables only."""

from __future__ import annotations

import importlib
import importlib.util
import io
import re
from typing import Any

from .._sanitize import sanitize
from .fleet import Comparison

HAS_MATPLOTLIB = importlib.util.find_spec("matplotlib") is not None

# Written into the SVG, then replaced by the page's own colours, which follow light and dark.
COLOURS = {"#010101": "var(--ink)", "#020202": "var(--line)", "#030303": "var(--gpu)", "#040404": "var(--cpu)"}
INK, LINE, GPU, CPU = COLOURS
# One more line than this, and none can be told from the others.
SERIES = (("#050505", "-"), ("#060606", "--"), ("#070707", "-."), ("#080808", ":"), ("#090909", "-"), ("#0a0a0a", "--"))
COLOURS.update({colour: f"var(--series-{place})" for place, (colour, dark) in enumerate(SERIES)})
MOST_BARS = 24
# Inches. On a phone the drawing shrinks with the page, so it is drawn narrow, and its letters stay readable.
WIDTH = 5.0
LONGEST_NAME = 18

# Its keys are a type of their own, known only where matplotlib is.
STYLE: Any = {
    "svg.fonttype": "none",
    # Names of elements inside the SVG come from this, so that the same records give the same page.
    "svg.hashsalt": "whisperops",
    "font.family": "sans-serif",
    "font.size": 12,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": LINE,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "figure.constrained_layout.use": True,
}


def _matplotlib() -> tuple[Any, ...]:
    """Imported where something is drawn: it takes longer to start than Ansible, and most runs have nothing to draw."""
    return tuple(importlib.import_module(name) for name in ("matplotlib", "matplotlib.figure", "matplotlib.ticker"))


def _name(host: str) -> str:
    text = " ".join(sanitize(host).split())
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"


def _own(tag: str, number: int) -> str:
    """A tag with the page's colours, and with names that no other drawing of the page has."""
    for colour, variable in COLOURS.items():
        tag = tag.replace(colour, variable)
    tag = re.sub(r'\bid="', f'id="f{number}-', tag)
    tag = re.sub(r'xlink:href="#', f'href="#f{number}-', tag)
    return tag.replace("url(#", f"url(#f{number}-")


def _svg(figure: Any, number: int) -> str:
    file = io.StringIO()
    figure.savefig(
        file, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<(metadata|style)\b.*?</\1>", "", svg, flags=re.DOTALL)
    # Only inside of tags: a host may be named like an attribute.
    svg = re.sub(r"<[^>]*>", lambda tag: _own(tag.group(), number), svg)
    svg = re.sub(r' xmlns:xlink="[^"]*"| xmlns="[^"]*"| version="1.1"', "", svg)
    # It scales with the page. What it shows is told in words beside it.
    start, end = svg.split(">", 1)
    return re.sub(r' (width|height)="[^"]*"', "", start) + ' aria-hidden="true" focusable="false">' + end


def speed_plot(comparisons: list[Comparison], number: int = 0) -> str | None:
    """Bars in pairs, the fastest host on top, on a logarithmic scale."""
    if not HAS_MATPLOTLIB or not comparisons:
        return None
    rows = sorted(comparisons, key=lambda row: (-row.gpu, row.host))[:MOST_BARS][::-1]
    mpl, figures, tickers = _matplotlib()
    with mpl.rc_context(STYLE):
        figure = figures.Figure(figsize=(WIDTH, 1.1 + 0.5 * len(rows)))
        axes = figure.subplots()
        places = range(len(rows))
        axes.barh([place + 0.19 for place in places], [row.gpu for row in rows], height=0.36, color=GPU, label="GPU")
        axes.barh(
            [place - 0.19 for place in places],
            [row.cpu for row in rows],
            height=0.36,
            color=CPU,
            label="CPU",
            hatch="//",
            edgecolor=LINE,
        )
        axes.set_yticks(list(places), [_name(row.host) for row in rows])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.set_xscale("log")
        # matplotlib's own would be formulas, and those are off: a host may be named like one.
        axes.xaxis.set_major_formatter(tickers.FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(tickers.NullFormatter())
        axes.set_xlabel("seconds of speech per second")
        axes.grid(visible=False, axis="y")
        figure.legend(loc="outside upper right", ncols=2)
        return _svg(figure, number)


def memory_plot(lines: dict[str, list[tuple[float, float]]], number: int = 1) -> str | None:
    """GPU memory over the benchmark's time, of the hosts that used the most."""
    drawn = sorted(lines.items(), key=lambda line: (-max((y for x, y in line[1]), default=0.0), line[0]))[: len(SERIES)]
    if not HAS_MATPLOTLIB or not any(points for name, points in drawn):
        return None
    mpl, figures, _tickers = _matplotlib()
    with mpl.rc_context(STYLE):
        figure = figures.Figure(figsize=(WIDTH, 3.2 + 0.12 * len(drawn)))
        axes = figure.subplots()
        for (host, points), (colour, dashes) in zip(drawn, SERIES):
            axes.plot(
                [x for x, y in points],
                [y for x, y in points],
                color=colour,
                linestyle=dashes,
                label=_name(host).lstrip("_"),
            )
        axes.set_ylim(bottom=0)
        axes.set_xlabel("seconds since the benchmark began")
        axes.set_ylabel("GPU memory, MiB")
        figure.legend(loc="outside lower center", ncols=2)
        return _svg(figure, number)

# Copyright (c) 2026, the whisperops.gpu founders
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page: one HTML file that needs nothing beside it. Every text in it goes through the escaping of Jinja."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, Mapping

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from .._sanitize import sanitize
from . import plots
from .coerce import mapping, mappings, moment, number, sequence, text, texts
from .fleet import Fleet, comparison, memory_over_time, speed_of
from .problems import read_guide
from .state import STATES, older_than_plan

HERE = Path(__file__).parent
# More lists of hosts than this are folded.
MOST_HOSTS_IN_SIGHT = 12
# Each host's own plots are drawn up to here: beyond, they would be most of the page.
MOST_HOSTS_WITH_PLOTS = 12
DEEPEST = 4
NOTHING = "-"
THREE_DIGITS = 100


def _finalize(value: Any) -> Any:
    """What {{ }} prints: a dash for nothing, Markup as it is, all else as visible text that Jinja then escapes."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NOTHING if value is None else sanitize(value)


def _time(value: Any) -> Markup:
    read = moment(value)
    if read is None:
        return Markup(NOTHING)
    return Markup('<time datetime="{}">{}</time>').format(read.isoformat(), read.strftime("%Y-%m-%d %H:%M UTC"))


def _figure(value: Any, unit: str = "") -> str:
    """Three significant digits are more than any benchmark's spread allows."""
    read = number(value)
    if read is None:
        return NOTHING
    return (f"{read:.0f}" if abs(read) >= THREE_DIGITS else f"{read:.3g}") + (f" {unit}" if unit else "")


def _guide_text(section: str) -> Markup:
    """The few forms that the troubleshooting guide uses: paragraphs, code, bold, links to its own sections."""
    paragraphs = []
    for part in re.split(r"\n\s*\n", section):
        if part.startswith("```"):
            paragraphs.append(Markup("<pre>{}</pre>").format("\n".join(part.splitlines()[1:-1])))
            continue
        html = str(escape(" ".join(part.split())))
        html = re.sub(r"`([^`]+)`", r"<code>\1</code>", html)
        html = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", html)
        html = re.sub(r"(?<!\*)\*([^*]+)\*(?!\*)", r"<em>\1</em>", html)
        html = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", html)
        paragraphs.append(Markup("<p>{}</p>").format(Markup(html)))
    return Markup("\n").join(paragraphs)


def _anchor(host: object) -> str:
    """A name for the host's place on the page. Names of hosts may hold anything, anchors no spaces."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "-", str(host))[:60]
    return f"host-{plain}-{hashlib.sha256(str(host).encode('utf-8', 'surrogatepass')).hexdigest()[:6]}"


def _words(name: object) -> str:
    """utilization_max_percent -> utilization max (percent): the unit stands at the end of our names."""
    words = str(name).split("_")
    units = {"percent": "%", "mib": "MiB", "seconds": "s", "w": "W", "j": "J", "c": "°C"}
    unit = units.get(words[-1]) if len(words) > 1 else None
    return " ".join(words[:-1]) + f" ({unit})" if unit else " ".join(words)


def _kind(value: Any, depth: int) -> str:
    """How a value of evidence is shown: nested up to a depth, then as one text."""
    if depth < DEEPEST and isinstance(value, Mapping):
        return "mapping"
    if depth < DEEPEST and isinstance(value, (list, tuple)):
        return "list"
    return "text"


def _gpus_line(record: Mapping[str, Any]) -> str:
    """2 x NVIDIA A100 (8.0)"""
    counted: dict[str, int] = {}
    for gpu in mappings(mapping(record.get("gpu_info")).get("gpus")):
        label = sanitize(gpu.get("name") or "GPU of unknown name", 80)
        if gpu.get("compute_capability"):
            label += f" ({sanitize(gpu['compute_capability'], 12)})"
        counted[label] = counted.get(label, 0) + 1
    for gpu in mappings(mapping(record.get("gpu_info")).get("unavailable_gpus")):
        where = gpu.get("name") or gpu.get("pci_bus_id") or "GPU of unknown name"
        label = f"{sanitize(where, 80)} not offered: {sanitize(gpu.get('code') or NOTHING, 40)}"
        counted[label] = counted.get(label, 0) + 1
    if not counted:
        return "none" if mapping(record.get("gpu_info")).get("gpu_present") is False else NOTHING
    return ", ".join(f"{times} x {label}" if times > 1 else label for label, times in counted.items())


def _speed_line(record: Mapping[str, Any]) -> str:
    factors = [number(result.get("real_time_factor")) for result in mappings(record.get("proof"))]
    speeds = [1 / factor for factor in factors if factor]
    if not speeds or older_than_plan(record, "proof"):
        return NOTHING
    return f"{_figure(min(speeds))} x real time"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, finalize=_finalize, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(
        time=_time, figure=_figure, guide_text=_guide_text, anchor=_anchor, words=_words, mapping=mapping,
        mappings=mappings, texts=texts, sequence=sequence, text=text, number=number, sanitize=sanitize,
    )  # fmt: skip
    environment.globals.update(
        kind=_kind, gpus_line=_gpus_line, speed_line=_speed_line, speed_of=speed_of, older_than_plan=older_than_plan,
        STATES=STATES, MOST_HOSTS_IN_SIGHT=MOST_HOSTS_IN_SIGHT,
    )  # fmt: skip
    return environment


def render(fleet: Fleet) -> str:
    script = (HERE / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    compared = [found for found in map(comparison, fleet.records) if found]
    memory = {str(r.get("host")): points for r in fleet.records if (points := memory_over_time(r))}
    own = {}
    if 1 < max(len(compared), len(memory)) <= MOST_HOSTS_WITH_PLOTS:
        for place, record in enumerate(fleet.records):
            host = str(record.get("host"))
            drawn = (
                plots.speed_plot([c for c in compared if c.host == host], 10 + 2 * place),
                plots.memory_plot({host: memory[host]}, 11 + 2 * place) if host in memory else None,
            )
            own[host] = [Markup(svg) for svg in drawn if svg]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            fleet=fleet,
            hosts=list(zip(fleet.records, fleet.states)),
            guide=read_guide(),
            compared=sorted(compared, key=lambda c: (-c.gpu, c.host)),
            memory=memory,
            speed_plot=_markup(plots.speed_plot(compared)),
            memory_plot=_markup(plots.memory_plot(memory)),
            own_plots=own,
            most_bars=plots.MOST_BARS,
            most_lines=len(plots.SERIES),
            has_matplotlib=plots.HAS_MATPLOTLIB,
            style=Markup((HERE / "page.css").read_text(encoding="utf-8")),
            script=Markup(script),
            script_hash=digest,
        )
    )


def _markup(svg: str | None) -> Markup | None:
    return None if svg is None else Markup(svg)

"""The report: every figure with its pairs, medians and extremes, as a page of the documentation."""

import statistics
from collections.abc import Sequence

from benchmarks.figures import Figure, Goal, Report

HEAD = """# Benchmarks

Written by `make bench`; [Performance](../explanation/performance.md) explains the figures. Backout and the peer run in
turn, in pairs, so that a busy machine slows both. Values are medians, with minimum and maximum. The ratio is the median
of the pairs' ratios: of speeds (≥, more is better) or of times and sizes (≤, less is better). Missed targets are bold.
"Client" is the server's own client with LOAD DATA LOCAL. Files are CSV. A load ends when it has committed.

![Loading a million rows beside the server's own client](benchmarks.svg)
"""
TABLE = "|what|peer (pairs)|Backout|peer|ratio|target|\n|---|---|---|---|---|---|"
SHORT = {
    ", until committed": "",
    ", end to end": "",
    " of a CSV": "",
    "the client's LOAD DATA LOCAL": "client",
    "the table as it is": "unchanged table",
    "a bare ": "bare ",
}


def write(report: Report, command: str) -> str:
    """The page."""
    scale, versions = report.scale, report.versions
    lines = [
        HEAD,
        f"{versions.get('machine', '?')}. {_versions(report)}. Files of"
        f" {scale.rows:,} rows of 11 columns. Default settings, unless a line says otherwise. `{command}`.",
    ]
    for database in dict.fromkeys(figure.database for figure in report.figures):
        lines += ["", f"## {database}: {versions.get(database, '')}", "", TABLE]
        lines += [_line(figure) for figure in report.figures if figure.database == database]
    return "\n".join(lines) + "\n"


def _versions(report: Report) -> str:
    return ", ".join(f"{name} {text}" for name, text in report.versions.items() if name != "machine")


def _line(figure: Figure) -> str:
    sign = "≥" if figure.goal is Goal.SPEED else "≤"
    target = "" if figure.target is None else f"{sign}{figure.target:g}"
    if figure.reached is False:
        target = f"**{target}**"
    low, high = min(figure.ratios), max(figure.ratios)
    # two digits would say that a target was reached that was missed by less than they show
    digits = 3 if figure.reached is False and round(figure.ratio, 2) == figure.target else 2
    ratio = f"**{figure.ratio:.{digits}f}** ({low:.2f}–{high:.2f})"
    ours, theirs = _spread(figure.ours, figure.unit), _spread(figure.theirs, figure.unit)
    what, peer = _shorten(figure.what), f"{_shorten(figure.peer)} ({len(figure.ours)})"
    return f"|{what}|{peer}|{ours}|{theirs}|{ratio}|{target}|"


def _shorten(label: str) -> str:
    """A label without what the page says once, at its top."""
    for text, short in SHORT.items():
        label = label.replace(text, short)
    return label


def _spread(values: Sequence[float], unit: str) -> str:
    middle = statistics.median(values)
    scale, shown = (1000, "ms") if unit == "s" and middle < 0.5 else (1, unit)
    low, middle, high = (_number(value * scale) for value in (min(values), middle, max(values)))
    return f"{middle} {shown} ({low}–{high})" if len(values) > 1 else f"{middle} {shown}"


def _number(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"

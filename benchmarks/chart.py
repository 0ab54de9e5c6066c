"""The chart: rows a second of each way to load, beside the server's own client."""

from html import escape

from benchmarks.figures import Figure, Goal, Report

WIDTH, BAR, GAP, LEFT = 760, 22, 8, 300
PER_ROW = "POST of a CSV, per row"


def draw(report: Report) -> str:
    """An SVG with light and dark colours; every bar has its number."""
    bars = [bar for figure in report.figures if (bar := _bar(figure, report)) is not None]
    most = max((share for _, share in bars), default=1.0)
    height = len(bars) * (BAR + GAP) + 60
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
        ' font-family="system-ui, sans-serif" font-size="13">',
        "<title>Speed of each way to load, as a share of the client's LOAD DATA LOCAL</title>",
        "<style>text{fill:#1f2328}.ours{fill:#0969da}.peer{fill:#8c959f}line{stroke:#1f2328}"
        "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ours{fill:#4493f8}line{stroke:#e6edf3}}</style>",
        '<text x="10" y="20" font-weight="600">Speed, LOAD DATA LOCAL of the server\'s client = 1</text>',
    ]
    unit = (WIDTH - LEFT - 60) / max(most, 1.0)
    for number, (name, share) in enumerate(bars):
        y = 36 + number * (BAR + GAP)
        kind = "ours" if ": POST" in name or ": /insert" in name else "peer"
        parts += [
            f'<text x="{LEFT - 8}" y="{y + 16}" text-anchor="end">{escape(name)}</text>',
            f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{share * unit:.1f}" height="{BAR}" rx="2"/>',
            f'<text x="{LEFT + share * unit + 6:.1f}" y="{y + 16}">{share:.2f}</text>',
        ]
    edge = LEFT + unit
    parts.append(f'<line x1="{edge:.1f}" x2="{edge:.1f}" y1="30" y2="{height - 24}" stroke-dasharray="4 3"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bar(figure: Figure, report: Report) -> tuple[str, float] | None:
    """A way to load and its share of the client's speed."""
    if figure.goal is not Goal.SPEED or figure.per_second:
        return None
    if figure.what != PER_ROW:
        return f"{figure.database}: {figure.what.removesuffix(', until committed')}", figure.ratio
    # ours beside the client, by ours beside the peer
    ours = next(one.ratio for one in report.figures if one.database == figure.database and one.goal is Goal.SPEED)
    return f"{figure.database}: {figure.peer}", ours / figure.ratio

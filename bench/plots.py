"""Plots as SVG: bars, and lines over logarithmic axes."""

from __future__ import annotations

import math

_OPEN = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{}" height="{}" font-family="sans-serif" font-size="12">'
)
_BACK = '<rect width="100%" height="100%" fill="white"/><text x="8" y="18" font-weight="bold">{}</text>'
_COLOURS = ("#4a7ebb", "#c0504d")
_LEFT, _TOP, _WIDTH, _HEIGHT = 70, 40, 440, 220


def bars(title: str, values: dict[str, float]) -> str:
    """Return a plot with a bar for each value."""
    most = max(values.values()) or 1
    rows = [
        f'<text x="190" y="{45 + 22 * row}" text-anchor="end">{name}</text>'
        f'<rect x="198" y="{33 + 22 * row}" width="{300 * value / most:.0f}" height="15" fill="{_COLOURS[0]}"/>'
        f'<text x="{204 + 300 * value / most:.0f}" y="{45 + 22 * row}">{value:.3g}</text>'
        for row, (name, value) in enumerate(values.items())
    ]
    return f"{_OPEN.format(580, 45 + 22 * len(rows))}{_BACK.format(title)}{''.join(rows)}</svg>\n"


def lines(title: str, across: list[float], curves: dict[str, list[float]], unit: str) -> str:
    """Return a plot of curves over the same points; both axes are logarithmic.

    Args:
        title: What is shown.
        across: The points.
        curves: A value for each point.
        unit: Of the values.
    """
    values = [value for curve in curves.values() for value in curve if value > 0]
    low, high = 10 ** math.floor(math.log10(min(values))), 10 ** math.ceil(math.log10(max(values)))

    def place(point: float, value: float) -> tuple[float, float]:
        x = math.log10(point / across[0]) / (math.log10(across[-1] / across[0]) or 1)
        y = math.log10(max(value, low) / low) / (math.log10(high / low) or 1)
        return _LEFT + _WIDTH * x, _TOP + _HEIGHT * (1 - y)

    parts = []
    for point in across:
        x, _ = place(point, low)
        parts.append(f'<text x="{x:.0f}" y="{_TOP + _HEIGHT + 18}" text-anchor="middle">{point:,.0f}</text>')
    for power in range(round(math.log10(low)), round(math.log10(high)) + 1):
        _, y = place(across[0], 10.0**power)
        parts.append(
            f'<path d="M{_LEFT} {y:.0f}h{_WIDTH}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{10.0**power:g} {unit}</text>'
        )
    for colour, (name, curve) in zip(_COLOURS, curves.items(), strict=False):
        places = [place(*each) for each in zip(across, curve, strict=True)]
        path = " ".join(f"{x:.0f},{y:.0f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(
            f'<text x="{_LEFT + _WIDTH + 8}" y="{places[-1][1] + 4:.0f}" fill="{colour}">{name}</text>'
        )
    return f"{_OPEN.format(640, _TOP + _HEIGHT + 30)}{_BACK.format(title)}{''.join(parts)}</svg>\n"

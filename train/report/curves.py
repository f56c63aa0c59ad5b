"""Small charts side by side, as one SVG file that needs nothing else: a share over steps, a line for each way."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

WAYS = (("#555555", ""), ("#0072b2", "5 3"), ("#d55e00", "1.5 2.5"), ("#009e73", ""))
"""Colour and dashes of a line, to be told apart in print too, and by those who do not see all colours (after Okabe and
Ito)."""

_COLUMNS, _WIDTH, _HEIGHT = 4, 200, 130
_LEFT, _TOP, _RIGHT, _BOTTOM = 40, 24, 8, 22
_LEGEND = 30
_INK, _RULE, _PAPER = "#222222", "#dddddd", "#ffffff"


@dataclass(frozen=True, slots=True)
class Line:
    """Points of a step and a share in [0, 1], from left to right; `way` is a number of WAYS. A faint one is one of
    several that another is the mean of."""

    way: int
    points: Sequence[tuple[int, float]]
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart."""

    title: str
    lines: Sequence[Line]


def svg(panels: Sequence[Panel], ways: Sequence[str], said: str) -> str:
    """The charts in rows of four, with the same axes, under a legend that names the ways; `said` is the text for those
    who do not see it. Raises ValueError where there is no point at all."""
    steps = [step for panel in panels for line in panel.lines for step, _ in line.points]
    first, last = min(steps), max(steps)
    width, height = _COLUMNS * _WIDTH, _LEGEND + -(-len(panels) // _COLUMNS) * _HEIGHT
    root = ElementTree.Element(
        "svg",
        {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width} {height}", "role": "img"}
        | {"font-family": "system-ui, sans-serif", "font-size": "11", "fill": _INK},
    )
    ElementTree.SubElement(root, "title").text = said
    _add(root, "rect", width=width, height=height, fill=_PAPER)
    for number, name in enumerate(ways):
        x = _LEFT + number * 160
        _line(root, number, [(x, 14), (x + 24, 14)])
        _add(root, "text", x=x + 30, y=18).text = name
    for place, panel in enumerate(panels):
        x, y = place % _COLUMNS * _WIDTH, _LEGEND + place // _COLUMNS * _HEIGHT
        _draw(_add(root, "g", transform=f"translate({x} {y})"), panel, first, last)
    ElementTree.indent(root, " ")
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _draw(group: ElementTree.Element, panel: Panel, first: int, last: int) -> None:
    across, down = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def at(step: int, share: float) -> tuple[float, float]:
        return _LEFT + across * (step - first) / max(last - first, 1), _TOP + down * (1 - share)

    _add(group, "text", x=_LEFT, y=_TOP - 9, **{"font-weight": "600"}).text = panel.title
    for share in (0.0, 0.5, 1.0):
        y = at(first, share)[1]
        _add(group, "path", d=f"M{_LEFT} {y:g}h{across}", stroke=_RULE)
        _add(group, "text", x=_LEFT - 4, y=y + 4, **{"text-anchor": "end"}).text = f"{share:.0%}"
    for step in sorted({first, 0, last} if first <= 0 <= last else {first, last}):
        _add(group, "text", x=at(step, 0)[0], y=_HEIGHT - 8, **{"text-anchor": "middle"}).text = str(step)
    for line in sorted(panel.lines, key=lambda line: not line.faint):
        _line(group, line.way, [at(*point) for point in line.points], line.faint)


def _line(parent: ElementTree.Element, way: int, points: Sequence[tuple[float, float]], faint: bool = False) -> None:
    colour, dashes = WAYS[way]
    drawn = _add(parent, "polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), fill="none", stroke=colour)
    drawn.set("stroke-width", "0.8" if faint else "2")
    drawn.set("stroke-opacity", "0.5" if faint else "1")
    if dashes:
        drawn.set("stroke-dasharray", dashes)


def _add(parent: ElementTree.Element, tag: str, **attributes: str | float) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag, {name: f"{value}" for name, value in attributes.items()})

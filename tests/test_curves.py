"""Small charts as SVG."""

from xml.etree import ElementTree

import pytest

from visrep.train.report.curves import WAYS, Line, Panel, svg

SVG = "{http://www.w3.org/2000/svg}"


def test_a_line_goes_from_the_first_step_to_the_last_and_up_with_the_share() -> None:
    drawn = ElementTree.fromstring(
        svg([Panel("a & b", [Line(1, [(-1, 0.0), (0, 0.5), (1, 1.0)])])], ["x", "y"], "A chart")
    )
    panel = drawn.find(f"{SVG}g")
    assert panel is not None
    (line,) = panel.findall(f"{SVG}polyline")
    points = [tuple(map(float, point.split(","))) for point in str(line.get("points")).split()]
    (x, bottom), (middle, half), (right, top) = points
    assert middle - x == pytest.approx(right - middle)
    assert bottom - half == pytest.approx(half - top)
    assert (right > x, bottom > top) == (True, True)
    assert line.get("stroke") == WAYS[1][0]
    words = [text.text for text in panel.iter(f"{SVG}text")]
    assert words[0] == "a & b"
    assert {"-1", "0", "1", "0%", "100%"} <= set(words)
    assert [text.text for text in drawn.findall(f"{SVG}text")] == ["x", "y"]
    assert drawn.findtext(f"{SVG}title") == "A chart"


def test_charts_stand_in_rows_and_share_their_axes() -> None:
    panels = [Panel(str(number), [Line(0, [(0, 0.5), (number, 0.5)])]) for number in range(1, 6)]
    drawn = ElementTree.fromstring(svg(panels, ["x"], ""))
    ends = [str(line.get("points")).split()[-1] for line in drawn.iter(f"{SVG}polyline")][1:]
    assert len({float(end.split(",")[0]) for end in ends}) == 5, "five lengths on one scale"
    places = [group.get("transform") for group in drawn.findall(f"{SVG}g")]
    assert len({str(place).split()[1] for place in places}) == 2, "two rows"


def test_a_mean_lies_over_the_faint_lines_that_it_is_the_mean_of() -> None:
    lines = [Line(0, [(0, 0.5), (1, 0.5)]), Line(0, [(0, 0.4), (1, 0.6)], faint=True)]
    drawn = ElementTree.fromstring(svg([Panel("", lines)], ["x"], ""))
    widths = [line.get("stroke-width") for line in drawn.iter(f"{SVG}polyline")]
    assert widths == ["2", "0.8", "2"]

"""Panels and lines are well-formed, and put marks where the numbers are."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import numpy as np
import pytest

from rooney_assets.graph.factory_pictures import influential_axes
from rooney_assets.graph.svg import Chart, Lines
from rooney_assets.graph.svg_panels import Panel, bars, heat, panels

SVG = "{http://www.w3.org/2000/svg}"
NAN = math.nan


def rects(marks: str) -> list[ElementTree.Element]:
    """The rectangles of a panel's marks."""
    document = panels("a <title>", [Panel("p & q", "words", marks)], 3, "legend")
    return ElementTree.fromstring(document).findall(f"{SVG}g/{SVG}rect")


def number(one: ElementTree.Element, name: str) -> float:
    """An attribute as a number."""
    return float(one.get(name, "nan"))


def test_cells_lie_where_their_values_do_and_one_is_framed() -> None:
    cells = rects(heat([[0.0, 1.0], [-1.0, NAN]], 1.0, (1, 0), ("y", "x")))
    white, blue, red, unknown = (one.get("fill") for one in cells)
    assert (white, blue, red) == ("#ffffff", "#2b6cb0", "#c53030")
    assert unknown not in (white, blue, red)
    # The first row is below, the first column to the left.
    assert number(cells[0], "y") > number(cells[2], "y")
    assert number(cells[0], "x") < number(cells[1], "x")
    assert [one.get("stroke") is not None for one in cells] == [False, False, True, False]


def test_bars_reach_as_far_as_their_numbers_and_no_further() -> None:
    up, down, cut = rects(bars(["2016", "2017", "2018", "2019"], [1.0, -0.5, NAN, 8.0], 2.0))
    assert number(up, "height") == pytest.approx(2 * number(down, "height"), abs=0.3)
    assert number(cut, "height") == pytest.approx(2 * number(up, "height"), abs=0.3)
    assert number(up, "y") + number(up, "height") == pytest.approx(number(down, "y"), abs=0.3)
    assert up.get("fill") != down.get("fill")


@pytest.mark.parametrize("count", [0, 1, 4, 54])
def test_any_number_of_panels_is_a_document_that_holds_them(count: int) -> None:
    items = [Panel(f"v{at}", "w", bars([], [], 1.0)) for at in range(count)]
    root = ElementTree.fromstring(panels("t", items, 6, "l"))
    assert len(root.findall(f"{SVG}g")) == count
    rows = max(1, -(-count // 6))
    assert float(root.get("height", 0)) > rows * 100


def test_the_most_influential_axis_comes_last() -> None:
    values = np.zeros((2, 3, 4))
    values += np.array([0.0, 5.0])[:, None, None]
    values += np.array([0.0, 1.0, 2.0])[None, :, None]
    assert influential_axes(values) == (1, 0)
    assert influential_axes(np.array([1.0, NAN, 3.0])) == (0, 0)


def test_lines_have_a_colour_each_and_their_names() -> None:
    x = [2015.0, 2016.0, 2017.0]
    document = Lines("t", x, {"a": [0.0, 1.0, 2.0], "b": [2.0, 1.0, 0.0]}, "year", "%").to_svg()
    root = ElementTree.fromstring(document)
    lines = root.findall(f"{SVG}polyline")
    assert len({one.get("stroke") for one in lines}) == 2
    assert {"a", "b"} <= {one.text for one in root.iter()}
    first, second = (one.get("points", "").split() for one in lines)
    assert first[1] == second[1]
    assert first[0].split(",")[0] == second[0].split(",")[0]


@pytest.mark.parametrize("series", [{}, {"a": [1.0]}, {"a": [0.0]}])
def test_lines_of_little_are_a_document(series: dict[str, list[float]]) -> None:
    ElementTree.fromstring(Lines("t", [2015.0], series, "year", "%").to_svg())


def test_an_upright_mark_lies_in_the_picture_even_beyond_the_bars() -> None:
    chart = Chart("t", [0.05, 0.15], [3.0, 4.0], "x", "n", marks=[(0.9, "luck")], bar_width=0.09)
    root = ElementTree.fromstring(chart.to_svg())
    (mark,) = [one for one in root.findall(f"{SVG}line") if one.get("x1") == one.get("x2")]
    bar = root.findall(f"{SVG}rect")[-1]
    assert float(bar.get("x", 0)) + float(bar.get("width", 0)) < float(mark.get("x1", 0)) < 640
    assert "luck" in {one.text for one in root.iter()}


def test_words_of_a_mark_stand_over_all_lines_and_a_curve_is_inside_the_picture() -> None:
    curve = [(-1.0, 0.0), (0.0, 9.0), (1.0, 0.0)]
    chart = Chart("t", [0.0], [3.0], "x", "n", marks=[(0.1, "one"), (0.2, "two")], curve=curve)
    root = ElementTree.fromstring(chart.to_svg())
    tags = [(one.tag.removeprefix(SVG), one.text) for one in root]
    last_line = max(at for at, (tag, _) in enumerate(tags) if tag in ("line", "polyline"))
    words = [at for at, (_, text) in enumerate(tags) if text in ("one", "two")]
    assert min(words) > last_line
    (line,) = root.findall(f"{SVG}polyline")
    places = [tuple(map(float, one.split(","))) for one in line.get("points", "").split()]
    bar = root.findall(f"{SVG}rect")[-1]
    # 9 is three times as high above the floor as the bar of 3.
    assert places[0][1] - places[1][1] == pytest.approx(3 * number(bar, "height"), abs=0.3)
    assert all(64 <= x <= 628 and 34 <= y <= 200 for x, y in places)


def test_axes_of_a_map_are_named_across_and_up() -> None:
    document = panels("t", [Panel("p", "w", heat([[0.0], [1.0]], 1.0, (0, 0), ("y", "x")))], 1, "l")
    words = [one.text for one in ElementTree.fromstring(document).iter() if one.text]
    assert "→ x" in words
    assert "↑ y" in words

"""Charts are well-formed, small, free of scripts, and put marks where the numbers are."""

import time
from xml.etree import ElementTree

import pytest

from rooney_assets.graph.svg import HEIGHT, MOST_POINTS, WIDTH, Chart

SVG = "{http://www.w3.org/2000/svg}"
ALARM = "#c53030"


def drawn(chart: Chart) -> ElementTree.Element:
    """The parsed document; parsing proves that it is well-formed."""
    return ElementTree.fromstring(chart.to_svg())


def bars_of(chart: Chart) -> list[ElementTree.Element]:
    """The rectangles but the paper."""
    return drawn(chart).findall(f"{SVG}rect")[1:]


@pytest.mark.parametrize("kind", ["bars", "line", "points"])
@pytest.mark.parametrize(
    ("x", "y"),
    [
        ([], []),
        ([2020], [0.0]),
        ([2020], [5.0]),
        ([2020, 2021], [-3.0, 3.0]),
        ([2020, 2021], [1e-9, 2e-9]),
        ([2020, 2021, 2022], [float("nan"), 1.0, float("inf")]),
        ([2020, 2021], [float("nan"), float("nan")]),
        (["null", "a & <b>"], [1.0, 2.0]),
    ],
)
def test_any_series_gives_a_whole_document(kind: str, x: list[float], y: list[float]) -> None:
    root = drawn(Chart("A <title> & more", x, y, "x", "y", kind, limit=1.5))  # type: ignore[arg-type]
    assert root.tag == f"{SVG}svg"
    assert not [one for one in root.iter() if "script" in one.tag]
    assert any("A <title> & more" in (one.text or "") for one in root.iter())
    assert root.find(f"{SVG}rect").get("width") == str(WIDTH)  # type: ignore[union-attr]


def test_bars_are_as_high_as_their_numbers() -> None:
    low, high = bars_of(Chart("t", [1, 2], [10.0, 20.0], "x", "y"))
    assert float(high.get("height", 0)) == pytest.approx(2 * float(low.get("height", 0)), abs=0.2)
    floors = {round(float(b.get("y", 0)) + float(b.get("height", 0)), 0) for b in (low, high)}
    assert len(floors) == 1
    assert all(0 <= float(one.get("y", -1)) <= HEIGHT for one in (low, high))


def test_what_breaks_the_limit_is_in_the_colour_of_alarm() -> None:
    most = bars_of(Chart("t", [1, 2], [10.0, 20.0], "x", "y", limit=15.0))
    assert [one.get("fill") == ALARM for one in most] == [False, True]
    least = bars_of(Chart("t", [1, 2], [10.0, 20.0], "x", "y", limit=15.0, limit_is_least=True))
    assert [one.get("fill") == ALARM for one in least] == [True, False]


def test_a_long_series_is_thinned_and_keeps_its_extreme() -> None:
    y = [0.0] * 100_000
    y[54_321] = 7.0
    points = drawn(Chart("t", range(100_000), y, "x", "y", "points")).findall(f"{SVG}circle")
    assert len(points) <= MOST_POINTS
    heights = [float(one.get("cy", 0)) for one in points]
    assert heights.count(min(heights)) == 1


def test_a_chart_costs_less_than_a_millisecond() -> None:
    chart = Chart("t", list(range(2009, 2026)), [0.5] * 17, "year", "share", limit=0.4)
    chart.to_svg()
    began = time.perf_counter()
    for _ in range(50):
        chart.to_svg()
    # Five times the promise: the machine may be busy.
    assert (time.perf_counter() - began) / 50 < 0.005

"""Figures of a model are whole documents with nothing outside, and mark what they say."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from xml.etree import ElementTree

import polars as pl
import pytest
from small_portrait import NAMES, portrait

from rooney_assets.graph.svg import stacked
from rooney_assets.graph.svg_rows import LEFT, RowBars, Rows, Swarm
from rooney_assets.model_report.figures import figures_of
from rooney_assets.model_report.portrait import Portrait
from rooney_core.modeling.calibration import RELIABILITY_SCHEMA

SVG = "{http://www.w3.org/2000/svg}"
GLYPH = 5.4
"""Pixels of a letter at 11 px, more than the browser takes."""


def parsed(document: str) -> ElementTree.Element:
    return ElementTree.fromstring(document)


def outside(root: ElementTree.Element) -> list[str]:
    """Marks and words that leave their document's own size."""
    wide, high = float(root.get("width", "0")), float(root.get("height", "0"))
    found = []
    for one in root.iter():
        xs = [float(one.get(name, "0")) for name in ("x", "x1", "x2", "cx")]
        ys = [float(one.get(name, "0")) for name in ("y", "y1", "y2", "cy")]
        if one.tag == f"{SVG}text" and "rotate" not in one.get("transform", ""):
            length = GLYPH * len(one.text or "")
            share = {"start": 0.0, "middle": 0.5, "end": 1.0}[one.get("text-anchor", "start")]
            xs += [xs[0] - share * length, xs[0] + (1 - share) * length]
        if one.tag == f"{SVG}path":
            xs += [float(at) for at in re.findall(r"M([-\d.]+) ", one.get("d", ""))]
        if min(xs) < 0 or max(xs) > wide or min(ys) < 0 or max(ys) > high:
            found.append(f"{one.tag} {one.attrib} {one.text}")
    return found


KINDS = (
    *("whole", "two-way", "train only", "one trial"),
    *("every trial given up", "no reliability"),
)


@cache
def unusual() -> dict[str, Portrait]:
    """Portraits with something missing."""
    whole = portrait()
    none = whole.trials.with_columns(
        pl.lit(None, pl.Float64).alias("score"),
        pl.lit([], pl.List(pl.Float64)).alias("path_sharpes"),
    )
    silent = replace(whole.model, reliability=pl.DataFrame(schema=RELIABILITY_SCHEMA))
    return {
        "whole": whole,
        "two-way": portrait("two_way"),
        "train only": portrait(only="train"),
        "one trial": replace(whole, trials=whole.trials.slice(1, 1), chosen=0),
        "every trial given up": replace(whole, trials=none),
        "no reliability": replace(whole, model=silent),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_figures_are_well_formed_small_and_cut_nothing_off(kind: str) -> None:
    drawn = figures_of(unusual()[kind])
    assert {"importance", "reliability", "threshold", "path_sharpes", "contributions"} <= set(drawn)
    for name, document in drawn.items():
        assert not outside(parsed(document)), name
        assert len(document) < 150_000
        assert "<script" not in document
        assert "nan" not in document.replace("unknown", "")


def test_a_swarm_has_a_point_for_every_trade() -> None:
    found = portrait()
    document = figures_of(found)["contributions"]
    assert document.count("h0") == found.explained.shape[0] * len(NAMES)


def test_paths_of_a_set_that_was_given_up_are_in_no_histogram() -> None:
    document = figures_of(portrait())["path_sharpes"]
    words = " ".join(one.text or "" for one in parsed(document).iter(f"{SVG}text"))
    assert "Path Sharpes of 2 sets" in words
    assert "chosen set: 2 paths, mean 1.50" in words
    bars = parsed(document).findall(f"{SVG}rect")[1:]
    assert max(float(one.get("x", "0")) for one in bars) < 640


def test_bars_of_rows_begin_at_0_and_end_at_their_value() -> None:
    names = ["one", "a name that is far too long to stand beside its bar", "<&>"]
    root = parsed(RowBars("title", names, [2.0, -1.0, float("nan")], "unit").to_svg())
    bars = root.findall(f"{SVG}rect")[1:]
    frame = Rows.around(names, 17, -1.0, 2.0)
    assert [float(one.get("x", "0")) for one in bars] == pytest.approx(
        [frame.x(0.0), frame.x(-1.0)], abs=0.06
    )
    assert [float(one.get("width", "0")) for one in bars] == pytest.approx(
        [frame.x(2.0) - frame.x(0.0), frame.x(0.0) - frame.x(-1.0)], abs=0.06
    )
    assert frame.x(-1.0) > LEFT
    assert not outside(root)


@pytest.mark.parametrize("values", [[], [[]], [[float("nan")]], [[0.0, 0.0]], [[1e-9], [-1e9]]])
def test_any_swarm_is_a_whole_document(values: list[list[float]]) -> None:
    names = [f"f{at}" for at in range(len(values))]
    document = Swarm("t", names, values, [[0.5] * len(row) for row in values], "x", "").to_svg()
    assert not outside(parsed(document))


def test_stacked_documents_keep_their_bodies() -> None:
    one = RowBars("first", ["a"], [1.0], "x").to_svg()
    root = parsed(stacked([one, one]))
    assert len(root.findall(f".//{SVG}svg")) == 2

"""The page needs nothing but a browser, says what the model is, and is never over another file."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from small_portrait import portrait

from rooney_assets.lake import Manifest
from rooney_assets.model_report import words
from rooney_assets.model_report.files import PAGE, write
from rooney_assets.model_report.page import page_of
from rooney_assets.model_report.standing import Looks, Standing
from rooney_assets.registry import Registered
from rooney_core.errors import RefusedError
from rooney_core.gates.evaluation import EVALUATION_SCHEMA

VOID = {"meta", "line", "rect", "circle", "polyline", "path"}


def evaluation() -> dict[str, Any]:
    """A row of EVALUATION_SCHEMA of a model that failed."""
    row = dict.fromkeys(EVALUATION_SCHEMA)
    reason = {"code": "too_few_trades", "text": "test trades 12 is not above 100"}
    row |= {name: 0.25 for name, kind in EVALUATION_SCHEMA.items() if kind == pl.Float64()}
    row |= {name: 12 for name, kind in EVALUATION_SCHEMA.items() if kind == pl.Int64()}
    row |= {"lift_sharpe": -0.4, "lift_sharpe_low": -1.0, "lift_sharpe_high": 0.3}
    return row | {"verdict": "fail", "significant": False, "reasons": [reason], "warnings": []}


def standing(**changes: Any) -> Standing:
    facts = {"asset": "meta_model", "partition": "symbol=SIM_T", "rows": 1, "schema": {}}
    now = datetime(2026, 1, 1, tzinfo=UTC)
    manifest = Manifest(
        **facts,
        data_version="d1",
        visible_version="d1",
        sealed_version=None,
        created_at=now,
        recorded_at=now,
        run_id="run-1",
        code_version="c1",
        git_commit="g1",
    )
    lineage = {"meta_model[SIM_T]": "v1", "training_set[SIM_T]": "v2", "session_bars[SIM_U]": "v3"}
    whole = Standing(portrait(), manifest, None, Looks(1, 5, date(2025, 12, 31)), lineage)
    return replace(whole, **changes)


class Outline(HTMLParser):
    """Collects tags, links and open elements."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("found", [None, evaluation()])
def test_the_page_is_whole_and_needs_nothing_else(found: dict[str, Any] | None) -> None:
    page = page_of(standing(evaluation=found))
    outline = Outline()
    outline.feed(page)
    assert not outline.open
    assert not {"script", "link", "iframe", "img"} & set(outline.tags)
    assert not outline.links
    addresses = set(re.findall(r"https?://[^\"' <]+", page))
    assert addresses == {"http://www.w3.org/2000/svg"}
    # Seven figures; the threshold's holds two more.
    assert outline.tags.count("svg") == 9


def test_the_page_tells_the_verdict_with_its_reason_and_the_looks() -> None:
    failed = page_of(standing(evaluation=evaluation()))
    for text in ("FAIL, not significant", "test trades 12 is not above 100", "too_few_trades"):
        assert text in failed
    assert "annual Sharpe -0.40, 90 % interval -1.00 to 0.30" in failed
    sealed = page_of(standing())
    assert "not evaluated" in sealed
    assert "1 of 5 looks spent at the test window to 2025-12-31" in sealed
    assert "SIMULATED" in sealed


@pytest.mark.parametrize(("n_trials", "flag"), [(10, " --quick"), (420, "")])
def test_the_way_to_a_verdict_is_of_the_same_search(n_trials: int, flag: str) -> None:
    whole = portrait()
    scored = replace(whole, model=replace(whole.model, n_trials=n_trials))
    ((_, told), _) = words.evaluation_rows(standing(portrait=scored))
    assert f"`rooney train SIM_T{flag} --evaluate`" in told


def test_the_page_names_where_the_model_came_from() -> None:
    registered = Registered("rooney-meta-model-SIM_T", "3", ("challenger",), "run-of-mlflow")
    page = page_of(standing(registered=registered))
    for text in ("v2", "session_bars of SIM_U", "run-of-mlflow", "version 3 (challenger)", "g1"):
        assert text in page
    assert "not registered" in page_of(standing())


def test_the_same_model_gives_the_same_bytes() -> None:
    assert page_of(standing()) == page_of(standing())


def test_facts_are_json_without_nan_and_without_daily_series() -> None:
    facts = words.facts_of(standing(evaluation=evaluation()))
    text = json.dumps(facts, allow_nan=False)
    assert json.loads(text)["threshold"] == 0.55
    assert facts["cpcv_path_sharpes"] == [1.0, 2.0]
    assert "test_daily_return" not in facts["evaluation"]
    assert facts["looks"] == {"used": 1, "budget": 5}


def test_a_page_replaces_its_own_and_nothing_else(tmp_path: Path) -> None:
    path = write(standing(), tmp_path)
    again = write(standing(evaluation=evaluation()), tmp_path)
    assert path == again == tmp_path / PAGE
    assert "FAIL" in path.read_text(encoding="utf-8")
    other = replace(portrait(), model_version="another")
    with pytest.raises(RefusedError, match="no page of this model"):
        write(standing(portrait=other), tmp_path)
    assert "FAIL" in path.read_text(encoding="utf-8")
    write(standing(portrait=other), tmp_path, overwrite=True)
    assert "another" in path.read_text(encoding="utf-8")
    assert [one.name for one in tmp_path.iterdir()] == [PAGE]


def test_two_way_and_quick_are_warned_of() -> None:
    said = " ".join(words.warnings_of(standing(portrait=portrait("two_way"))))
    assert "Two-way split" in said
    assert "3 sets were scored, 420 is the default" in said
    table = words.windows_table(standing(portrait=portrait("two_way")))
    assert table[1][0] == "validation (in sample)"

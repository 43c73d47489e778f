"""Everything that is known about a release candidate, as rows of one table.

Belongs here: the schema, and turning tables of the lake into rows. Does not belong here: reading
the lake (`assets.evidence`), or the page over the rows (`page`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

import numpy as np
import polars as pl

from rooney_assets.graph.lineage import Link

EVIDENCE_SCHEMA: Final = {
    "rebalance_month": pl.String(),
    "release_id": pl.String(),
    "part": pl.String(),
    "about": pl.String(),
    "item": pl.String(),
    "version": pl.String(),
    "amount": pl.Float64(),
    "bound": pl.Float64(),
    "holds": pl.Boolean(),
    "words": pl.String(),
    "series": pl.List(pl.Float64()),
}
"""A row per fact: of which `part`, `about` what (a symbol, or "asset[KEY]"), and which `item`. What
a fact does not have is null; a number that is not known is null too, never 0."""

FAN_POINTS: Final = 121
"""Sessions at which a scenario fan is kept, the first and the last among them."""
FAN_SESSION: Final = "session_number"
PAGE_HASH: Final = "sha256"


class Part(StrEnum):
    """What a row is a part of."""

    RELEASE = "release"
    OVERRIDE = "override"
    SYMBOL = "symbol"
    GATE = "gate"
    EVALUATION = "evaluation"
    PORTFOLIO = "portfolio"
    STRESS = "stress"
    FAN = "fan"
    SEQUENCE = "sequence"
    PAPER = "paper"
    TRIALS = "trials"
    LOOKS = "looks"
    CHECK = "check"
    LINEAGE = "lineage"
    MANDATE = "mandate"
    PAGE = "page"


Tables = Mapping[str, pl.DataFrame]
"""Symbol to frame."""


@dataclass(frozen=True)
class Known:
    """What evidence is made of; tables by symbol where they are of a symbol.

    `candidate`: production_config rows. `paper_days`: daily_pnl_usd and buy_hold_pnl_usd by session
    and symbol; None where nothing was traded. `portfolio`: the month's summary, one row. `fans`:
    columns session_number and the quantiles of equity. `sequences`: a row per Monte Carlo of the
    trades. `trials`: search to configurations scored. `looks`: every recorded look; `budget`: how
    many different models may look at one window.
    """

    candidate: pl.DataFrame
    gates: pl.DataFrame
    paper: pl.DataFrame
    paper_days: pl.DataFrame | None
    portfolio: pl.DataFrame
    mandate: pl.DataFrame
    evaluations: Tables
    stress: Tables
    fans: Tables
    sequences: Tables
    trials: Mapping[str, Mapping[str, int]]
    looks: Tables
    budget: int
    lineage: tuple[Link, ...]


Row = dict[str, Any]


def evidence_rows(known: Known) -> pl.DataFrame:
    """EVIDENCE_SCHEMA, part by part; all of it hangs on `known` alone."""
    rows = [
        *_release_rows(known.candidate),
        *_override_rows(known),
        *_symbol_rows(known.candidate),
        *_gate_rows(known.gates),
        *_of_symbols(Part.EVALUATION, known.evaluations),
        *_one(Part.PORTFOLIO, "", known.portfolio),
        *_stress_rows(known.stress),
        *_fan_rows(known.fans),
        *_sequence_rows(known.sequences),
        *_one(Part.PAPER, "", known.paper),
        *_paper_days(known.paper_days),
        *_trial_rows(known.trials),
        *_look_rows(known.looks, known.budget),
        *_check_rows(known.lineage),
        *_lineage_rows(known.lineage),
        *_mandate_rows(known.mandate),
    ]
    shared = {name: str(known.candidate[name][0]) for name in ("rebalance_month", "release_id")}
    table = pl.DataFrame([shared | one for one in rows], schema=EVIDENCE_SCHEMA)
    return table.with_columns(pl.col("amount", "bound").fill_nan(None))


def with_page_hash(table: pl.DataFrame, digest: str) -> pl.DataFrame:
    """The rows and one more that names the page, so that the table's version names it too."""
    first = table.row(0, named=True)
    shared = {name: first[name] for name in ("rebalance_month", "release_id")}
    row = shared | _row(Part.PAGE, "", PAGE_HASH, version=digest)
    return pl.concat((table, pl.DataFrame([row], schema=EVIDENCE_SCHEMA)))


def of_part(table: pl.DataFrame, part: Part) -> pl.DataFrame:
    """The rows of a part, in their order."""
    return table.filter(pl.col("part") == part)


def _row(part: Part, about: str, item: str, **facts: Any) -> Row:
    return {"part": str(part), "about": about, "item": item, **facts}


def _value(part: Part, about: str, item: str, value: Any) -> Row:
    """A fact of whatever type, in the column that it fits."""
    if isinstance(value, bool):
        return _row(part, about, item, holds=value)
    if isinstance(value, int | float):
        return _row(part, about, item, amount=float(value))
    if isinstance(value, date):
        return _row(part, about, item, words=value.isoformat())
    if item.endswith(("_version", "_id")):
        return _row(part, about, item, version=value)
    return _row(part, about, item, words=value)


_OF_RELEASE: Final = (
    *("release_id", "production_model_version", "mandate_version", "data_through"),
    *("approved_until", "max_positions", "is_simulated", "live_limits"),
)


def _release_rows(candidate: pl.DataFrame) -> list[Row]:
    first = candidate.row(0, named=True)
    return [_value(Part.RELEASE, "", name, first[name]) for name in _OF_RELEASE]


def _override_rows(known: Known) -> list[Row]:
    """Overrides that the release names, and those that gate rows were passed by; each once."""
    named = {
        (one["symbol"], one["gate"]): (one["until"], f"{one['who']}: {one['reason']}")
        for one in json.loads(known.candidate["overrides"][0])
    }
    used = known.gates.filter(pl.col("overridden_until").is_not_null())
    columns = ("symbol", "gate", "overridden_until", "override_reason")
    for symbol, gate, until, reason in used.select(columns).iter_rows():
        named.setdefault((symbol, gate), (until.isoformat(), reason))
    return [
        _row(Part.OVERRIDE, symbol, gate, holds=False, words=f"until {until}, {reason}")
        for (symbol, gate), (until, reason) in sorted(named.items())
    ]


def _symbol_rows(candidate: pl.DataFrame) -> list[Row]:
    rows = []
    for one in candidate.iter_rows(named=True):
        about = one["symbol"]
        rows.append(
            _row(Part.SYMBOL, about, "size", amount=float(one["size"]), words=one["reason"])
        )
        if one["variant"] is not None:
            rows.append(_row(Part.SYMBOL, about, one["variant"], words=one["params"]))
        if one["model_version"] is not None:
            rows.append(
                _row(
                    Part.SYMBOL,
                    about,
                    "model",
                    version=one["model_version"],
                    amount=one["threshold"],
                    words="threshold of the probability",
                )
            )
    return rows


def _gate_rows(gates: pl.DataFrame) -> list[Row]:
    return [
        _row(
            Part.GATE,
            one["symbol"],
            f"{one['gate']}: {one['code']}",
            version=one["model_version"],
            amount=one["value"],
            bound=one["limit"],
            holds=one["passed"],
            words=one["reason"],
        )
        for one in gates.iter_rows(named=True)
    ]


def _of_symbols(part: Part, tables: Tables) -> list[Row]:
    return [row for symbol in sorted(tables) for row in _one(part, symbol, tables[symbol])]


def _one(part: Part, about: str, table: pl.DataFrame) -> list[Row]:
    """The scalar columns of a table of one row, and lists of reasons as words."""
    if table.is_empty():
        return []
    rows = []
    for name, value in table.row(0, named=True).items():
        if name in ("symbol", "rebalance_month"):
            continue
        if not isinstance(value, list):
            rows.append(_value(part, about, name, value))
        elif value and isinstance(value[0], dict):
            told = "; ".join(str(one["text"]) for one in value)
            rows.append(_row(part, about, name, words=told))
        elif value and isinstance(value[0], str):
            rows.append(_row(part, about, name, words=", ".join(value)))
    return rows


_OF_A_KIND: Final = {
    "scenarios": pl.len().cast(pl.Float64),
    "profitable share": (pl.col("net_profit_usd") > 0).mean(),
    "median net profit, USD": pl.col("net_profit_usd").median(),
    "median annual Sharpe": pl.col("annual_sharpe").median(),
    "deepest drawdown": pl.col("max_drawdown").min(),
    "worst loss": pl.col("worst_loss").min(),
}
OF_A_KIND: Final = tuple(_OF_A_KIND)
"""What is said of the scenarios of a kind, in order."""
EVERY_KIND: Final = "every kind"


def _stress_rows(reports: Tables) -> list[Row]:
    rows = []
    for symbol in sorted(reports):
        report = reports[symbol]
        if report.is_empty():
            continue
        columns = [one.alias(name) for name, one in _OF_A_KIND.items()]
        whole = report.with_columns(kind=pl.lit(EVERY_KIND))
        for table in (whole, report):
            for one in table.group_by("kind", maintain_order=True).agg(columns).to_dicts():
                kind = one.pop("kind")
                rows += [
                    _row(Part.STRESS, symbol, f"{kind}: {name}", amount=value)
                    for name, value in one.items()
                ]
    return rows


def _fan_rows(fans: Tables) -> list[Row]:
    rows = []
    for symbol in sorted(fans):
        fan = fans[symbol]
        if fan.height < 2:
            continue
        chosen = np.unique(np.linspace(0, fan.height - 1, FAN_POINTS).round().astype(int))
        kept = fan.sort(FAN_SESSION)[chosen.tolist()]
        names = [FAN_SESSION, *(name for name in kept.columns if name[:1] == "p")]
        rows += [
            _row(Part.FAN, symbol, name, series=kept[name].cast(pl.Float64).to_list())
            for name in names
        ]
    return rows


def _sequence_rows(sequences: Tables) -> list[Row]:
    rows = []
    for symbol in sorted(sequences):
        for one in sequences[symbol].iter_rows(named=True):
            method = one["method"]
            rows += [
                _row(Part.SEQUENCE, symbol, f"{method}: {name}", amount=float(value))
                for name, value in one.items()
                if isinstance(value, int | float)
            ]
    return rows


_PAPER_DAYS: Final = {"traded on paper": "daily_pnl_usd", "buy and hold": "buy_hold_pnl_usd"}


def _paper_days(days: pl.DataFrame | None) -> list[Row]:
    """Profit so far after each session, of all symbols together."""
    if days is None or days.is_empty():
        return []
    daily = days.group_by("session").agg(pl.col(list(_PAPER_DAYS.values())).sum()).sort("session")
    return [
        _row(Part.PAPER, "", name, series=daily[column].cum_sum().to_list())
        for name, column in _PAPER_DAYS.items()
    ]


def _trial_rows(trials: Mapping[str, Mapping[str, int]]) -> list[Row]:
    return [
        _row(Part.TRIALS, symbol, search, amount=float(count))
        for symbol in sorted(trials)
        for search, count in sorted(trials[symbol].items())
    ]


def _look_rows(looks: Tables, budget: int) -> list[Row]:
    """Of each symbol the looks that count in its newest window, and how many were recorded."""
    rows = []
    for symbol in sorted(looks):
        every = looks[symbol]
        window = every["window"].max() if every.height else None
        newest = every.filter(pl.col("window") == window) if every.height else every
        used = newest.select("model_version", "code_version").n_unique() if newest.height else 0
        rows.append(
            _row(
                Part.LOOKS,
                symbol,
                "used",
                amount=float(used),
                bound=float(budget),
                holds=used <= budget,
                words=f"of {budget} models that may see window {window or 1} of the test years",
            )
        )
        rows.append(_row(Part.LOOKS, symbol, "repeats", amount=float(_repeats(every))))
    return rows


def _repeats(looks: pl.DataFrame) -> int:
    return int(looks["is_repeat"].sum()) if looks.height else 0


def _check_rows(links: Iterable[Link]) -> list[Row]:
    return [
        _row(Part.CHECK, one.label, name, version=one.version, holds=bool(passed))
        for one in links
        for name, passed in one.checks.items()
    ]


def _lineage_rows(links: Iterable[Link]) -> list[Row]:
    return [
        _row(
            Part.LINEAGE,
            one.label,
            f"code {one.code_version}" if one.code_version else "not in the lake any more",
            version=one.version,
            amount=float(one.rows) if one.code_version else math.nan,
            words=json.dumps(dict(one.inputs), sort_keys=True),
        )
        for one in links
    ]


def _mandate_rows(mandate: pl.DataFrame) -> list[Row]:
    return [
        _row(Part.MANDATE, one["section"], one["limit"], words=one["value"])
        for one in mandate.iter_rows(named=True)
    ]

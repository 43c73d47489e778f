"""The page of a release's evidence: a single HTML file that needs nothing but a browser.

Belongs here: what the page shows of the rows, and in which order. Does not belong here: the rows
(`rows`), or how charts and tables look (`figures`, `graph.page`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Final

import polars as pl

from rooney_assets.evidence import figures, tables
from rooney_assets.evidence.rows import EVERY_KIND, OF_A_KIND, Part, of_part
from rooney_assets.graph import page as pages

ABOUT: Final = "rooney-release"
"""The name of the fact that says, to a program, of which release a page is."""

SIMULATED: Final = "SIMULATED MARKET: no price in here was ever traded."
MEDIAN_PROFIT: Final = "median net profit, USD"
SHORT: Final = 10
"""Letters of a version where the whole one stands elsewhere."""


def page_of(rows: pl.DataFrame) -> str:
    """The document; the same rows give the same bytes."""
    first = rows.row(0, named=True)
    title = f"Evidence for release {first['release_id']}"
    body = [
        f"<h1>Evidence for {first['rebalance_month']}</h1>",
        *_head(rows),
        "<h2>Symbols</h2>",
        tables.symbols(rows),
        "<h2>Gates</h2>",
        *_gates(rows),
        "<h2>Models on the sealed test years</h2>",
        tables.by_symbol(of_part(rows, Part.EVALUATION), tables.EVALUATED),
        pages.paragraph(
            "Sharpe: annual, of daily returns, flat days included. The deflated one is a "
            "probability, given every configuration that was scored.",
            "note",
        ),
        *_reasons(rows),
        "<h2>Trials and looks</h2>",
        tables.trials(rows),
        "<h2>Scenarios</h2>",
        *_scenarios(rows),
        "<h2>Portfolio in the selection window</h2>",
        pages.facts(tables.named_facts(of_part(rows, Part.PORTFOLIO))),
        "<h2>Paper trading</h2>",
        *_paper(rows),
        "<h2>Checks</h2>",
        *_checks(rows),
        "<h2>Where it comes from</h2>",
        *_lineage(rows),
        "<h2>Mandate</h2>",
        pages.folded(
            "Every limit that it was judged by",
            pages.facts(list(of_part(rows, Part.MANDATE).select("item", "words").iter_rows())),
        ),
    ]
    return pages.page(title, body, {ABOUT: str(first["release_id"])})


def _head(rows: pl.DataFrame) -> Iterable[str]:
    """What matters first: overrides, simulation, what is traded, and what did not pass."""
    release = of_part(rows, Part.RELEASE)
    overrides = of_part(rows, Part.OVERRIDE)
    for about, gate, words in overrides.select("about", "item", "words").iter_rows():
        yield pages.paragraph(f"OVERRIDE of the {gate} gate for {about} {words}", "alarm")
    if release.filter(pl.col("item") == "is_simulated")["holds"].to_list() == [True]:
        yield pages.paragraph(SIMULATED, "bad")
    sizes = of_part(rows, Part.SYMBOL).filter((pl.col("item") == "size") & (pl.col("amount") > 0))
    traded = [
        f"{symbol} {size:.0f}" for symbol, size in sizes.select("about", "amount").iter_rows()
    ]
    yield pages.paragraph(f"Trades {', '.join(traded) or 'nothing'}.")
    yield _standing(rows, sizes["about"].to_list())
    shown = release.filter(~pl.col("item").is_in(("is_simulated", "live_limits")))
    limits = release.filter(pl.col("item") == "live_limits")["words"]
    live = json.loads(limits[0]) if limits.len() else {}
    told = ", ".join(f"{name} {value:g}" for name, value in live.items())
    yield pages.facts([*tables.named_facts(shown), ("limits for the trader", told or "-")])


def _standing(rows: pl.DataFrame, traded: list[str]) -> str:
    """Whether every gate of every traded symbol is green, in words."""
    gates = of_part(rows, Part.GATE).filter(pl.col("about").is_in(traded))
    red = gates.filter(~pl.col("holds"))
    if not traded:
        return pages.paragraph("An empty portfolio: no gate had to be passed.", "note")
    if red.is_empty():
        words = f"All {gates.height} gate rows of the traded symbols are green."
        return pages.paragraph(words, "good")
    failed = ", ".join(f"{a} {b}" for a, b in red.select("about", "item").iter_rows())
    return pages.paragraph(f"Not green: {failed}.", "bad")


def _gates(rows: pl.DataFrame) -> list[str]:
    found = of_part(rows, Part.GATE)
    lines = [
        (
            one["about"],
            one["item"],
            "yes" if one["holds"] else "NO",
            tables.number(one["amount"]),
            tables.number(one["bound"]),
            one["words"],
        )
        for one in found.iter_rows(named=True)
    ]
    kinds = ["" if held else "bad" for held in found["holds"]]
    head = ("symbol", "gate", "passed", "value", "limit", "reason")
    return [
        tables.gate_matrix(found),
        pages.folded("Every row", pages.table(head, lines, kinds, ends_in_words=True)),
    ]


def _reasons(rows: pl.DataFrame) -> list[str]:
    """The verdicts in words, and warnings."""
    told = of_part(rows, Part.EVALUATION).filter(pl.col("item").is_in(("reasons", "warnings")))
    facts = [
        (f"{a}: {b}", c or "-") for a, b, c in told.select("about", "item", "words").iter_rows()
    ]
    return [pages.facts(facts)] if facts else []


def _scenarios(rows: pl.DataFrame) -> list[str]:
    stress = of_part(rows, Part.STRESS)
    if stress.is_empty():
        words = "No scenario was run: no model passed its verdict."
        return [pages.paragraph(words, "note")]
    parts = []
    fans, sequences = of_part(rows, Part.FAN), of_part(rows, Part.SEQUENCE)
    for symbol in stress["about"].unique(maintain_order=True):
        series = dict(fans.filter(pl.col("about") == symbol).select("item", "series").iter_rows())
        table = tables.by_kind(stress.filter(pl.col("about") == symbol))
        profits = {kind: one.get(MEDIAN_PROFIT, math.nan) for kind, one in table.items()}
        profits.pop(EVERY_KIND, None)
        parts += [figures.fan(symbol, series), figures.kinds(symbol, profits)]
        lines = [
            (kind, *(tables.number(one.get(name)) for name in OF_A_KIND))
            for kind, one in table.items()
        ]
        parts.append(pages.table(("kind", *OF_A_KIND), lines))
        drawn = sequences.filter(pl.col("about") == symbol)
        if drawn.height:
            parts.append(
                pages.folded("The sequence of its trades", pages.facts(tables.named_facts(drawn)))
            )
    return parts


def _paper(rows: pl.DataFrame) -> list[str]:
    found = of_part(rows, Part.PAPER)
    series = dict(found.filter(pl.col("series").is_not_null()).select("item", "series").iter_rows())
    drawn = [figures.paper(series)] if series else []
    return [*drawn, pages.facts(tables.named_facts(found.filter(pl.col("series").is_null())))]


def _checks(rows: pl.DataFrame) -> list[str]:
    found = of_part(rows, Part.CHECK)
    failed = found.filter(~pl.col("holds"))
    words = f"{found.height - failed.height} of {found.height} checks passed."
    parts = [pages.paragraph(words, "bad" if failed.height else "good")]
    if failed.height:
        told = [
            (label, f"{name} failed") for label, name in failed.select("about", "item").iter_rows()
        ]
        parts.append(pages.facts(told))
        words = "None of these blocks: a table that fails a blocking check is not in the lake."
        parts.append(pages.paragraph(words, "note"))
    lines = [
        (label, name, "yes" if held else "NO")
        for label, name, held in found.select("about", "item", "holds").iter_rows()
    ]
    kinds = ["" if held else "bad" for held in found["holds"]]
    return [
        *parts,
        pages.folded("Every check", pages.table(("table", "check", "passed"), lines, kinds)),
    ]


def _lineage(rows: pl.DataFrame) -> list[str]:
    found = of_part(rows, Part.LINEAGE)
    lines = [
        (
            one["about"],
            one["version"],
            tables.number(one["amount"]),
            one["item"],
            ", ".join(
                f"{name} {version[:SHORT]}" for name, version in json.loads(one["words"]).items()
            ),
        )
        for one in found.iter_rows(named=True)
    ]
    head = ("table", "version", "rows", "made by", "of")
    return [
        pages.paragraph(
            "Versions are hashes of content: the same bars and the same code give the same ones. "
            f"Here their first {SHORT} digits, below all of them.",
            "note",
        ),
        tables.lineage_matrix(found),
        pages.folded(
            "Every version, and what it was made of", pages.table(head, lines, ends_in_words=True)
        ),
    ]

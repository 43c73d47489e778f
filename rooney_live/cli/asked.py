"""`rooney-live status` and `why`: what the trader did, from its journal.

Belongs here: the two questions and their tables. Does not belong here: reading the journal
(`journal_reading.py`), or anything that changes what the trader does.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rooney_core.errors import MissingArtifact, RooneyError, UnknownName
from rooney_live.cli.group import places
from rooney_live.cli.shown import counts, echo_json, echo_red, echo_table
from rooney_live.settings import Settings, read_settings

if TYPE_CHECKING:
    from rooney_live.journal import Journal, Row


@click.command()
@click.argument("symbol")
@click.argument("time")
@places
def why(symbol: str, time: str, lake: Path | None, state: Path | None, as_json: bool) -> None:
    """Why a decision was made. TIME is the end of the bar: 2025-12-30T15:00, UTC without a zone."""
    from rooney_live.journal_reading import decision_at, events_at, orders_at, parse_moment
    from rooney_live.risk.reading import answering

    settings = read_settings(lake=lake, state=state)
    moment_us = parse_moment(time)
    with answering(_place(settings).journal) as journal:
        _refuse_unknown(symbol, journal, settings)
        row = decision_at(journal, symbol, moment_us)
        row |= {"orders": orders_at(journal, row), "events": events_at(journal, row)}
    for name in ("features", "contributions"):
        row[name] = json.loads(row[name])
    if as_json:
        echo_json(row)
    else:
        _print_decision(row)


@click.command()
@places
def status(lake: Path | None, state: Path | None, as_json: bool) -> None:
    """What is traded, held and stopped; of the last rehearsal, where nothing was traded yet."""
    settings = read_settings(lake=lake, state=state)
    run = _status(settings, _place(settings)) | {"overrides": _overrides(settings)}
    if as_json:
        echo_json(run)
        return
    for notice in (*run.pop("overrides"), *run.pop("stopped_by")):
        echo_red(notice)
    run["symbols"] = ", ".join(run["symbols"]) or "none (empty portfolio)"
    run["decisions_by_code"] = counts(run["decisions_by_code"])
    run["net_profit_usd"] = f"{run['net_profit_usd']:.2f}"
    run["positions"] = "; ".join(map(_in_words, run["positions"])) or "none"
    run["open_orders"] = "; ".join(_order_in_words(one) for one in run["open_orders"]) or "none"
    run["feeds"] = counts(Counter(one["state"] for one in run["feeds"].values()))
    echo_table(("what", "value"), [(name, value) for name, value in run.items()])


def _status(settings: Settings, place: Settings) -> dict[str, Any]:
    """The last run of a place, all null where it has none, and how the trader stands."""
    from rooney_live.journal_reading import last_run, run_summary
    from rooney_live.risk.reading import answering
    from rooney_live.status import told_ahead, trader_status

    with answering(place.journal) as journal:
        run = last_run(journal) or {"run_id": None, "symbols": "[]"}
        summary = run_summary(journal, run["run_id"] or "")
        run |= trader_status(journal, place)
    if place != settings:
        run["stopped_by"] += [f"before the first start, {words}" for words in told_ahead(settings)]
    return run | {
        "symbols": json.loads(run["symbols"]),
        "decisions_by_code": summary.decisions_by_code,
        "n_trades": len(summary.trades),
        "net_profit_usd": summary.net_profit_usd,
        "n_open_positions": summary.n_open,
        "journal": str(place.journal),
    }


def _place(settings: Settings) -> Settings:
    """Whose journal answers: the live trader's, else the rehearsal's; one without a run last."""
    from rooney_live.status import traded

    place = traded(settings)
    if place is not None:
        return place
    if settings.journal.is_file():
        return settings
    raise MissingArtifact(
        f"There is no journal at {settings.journal}; run `rooney-live rehearse`, or point "
        "ROONEY_STATE (or --state) at the folder that has one."
    )


def _in_words(position: Row) -> str:
    proof = "never proved" if position["proof"] == "none" else f"by {position['proof']}"
    return (
        f"{position['side']:+d} x {position['size']} {position['contract']} "
        f"({position['state']}, {proof} {position['proof_age_hours']:.1f} h ago)"
    )


def _order_in_words(order: Row) -> str:
    return f"{order['order_id']} {order['state']} {order['code']}".rstrip()


def _overrides(settings: Settings) -> list[str]:
    """Gates that the lake's release passes on a person's word; [] where there is no release.

    One that does not verify is told, and withholds nothing else: a trader may go on with another.
    """
    from rooney_core.release.standing import overrides_shown
    from rooney_live.release_store import config_path, day_of, read_release

    if not config_path(settings.lake).is_file():
        return []
    try:
        config = read_release(settings.lake).config
    except RooneyError as error:
        return [f"No trader could start: {error}"]
    return list(overrides_shown(config, day_of(config)))


def _refuse_unknown(symbol: str, journal: Journal, settings: Settings) -> None:
    """A symbol without a record is either out of the release, for a reason, or unknown."""
    from rooney_live.journal_reading import recorded_symbols
    from rooney_live.release_store import config_path, read_release

    recorded = recorded_symbols(journal)
    if symbol in recorded:
        return
    reasons: Mapping[str, str] = {}
    if config_path(settings.lake).is_file():
        reasons = read_release(settings.lake).config.reasons
    if symbol in reasons:
        raise MissingArtifact(
            f"No decision of {symbol} is recorded. The release says of it: {reasons[symbol]}."
        )
    raise UnknownName.among("symbol", symbol, {*recorded, *reasons})


def _print_decision(row: Row) -> None:
    from rooney_live.journal_reading import as_text, order_in_words

    asked = row["probability"] is not None
    facts = [
        ("symbol", row["symbol"]),
        ("contract", row["contract"]),
        ("bar end", as_text(row["bar_end_us"])),
        ("session", row["session"]),
        ("close", f"{row['close']:.10g}"),
        ("code", row["code"]),
        ("action", row["action"]),
        ("side", f"{row['side']:+d}" if row["side"] else "none"),
        ("probability", f"{row['probability']:.4f}" if asked else "the model was not asked"),
        ("threshold", f"{row['threshold']:.4f}"),
        ("release", row["release_id"]),
        *(("order", order_in_words(order)) for order in row["orders"]),
        *((event["code"], event["message"]) for event in row["events"]),
    ]
    echo_table(("what", "value"), facts)
    if row["features"]:
        click.echo("")
        echo_table(("feature", "value", "added before calibration"), _explained(row))


def _explained(row: Row) -> list[tuple[str, str, str]]:
    """The base, then the features and what each added to it, the strongest first, then their sum.

    The sum is what the trees say together; calibration makes the probability of it.
    """
    from rooney_core.decision.records import BASE

    values, added = row["features"], row["contributions"]
    ordered = sorted(values.items(), key=lambda one: -abs(added[one[0]]))
    return [
        (BASE, "", f"{added[BASE]:.6f}"),
        *(
            (name, "unknown" if value is None else f"{value:.6g}", f"{added[name]:+.6f}")
            for name, value in ordered
        ),
        ("sum", "", f"{math.fsum(added.values()):.6f}"),
    ]


COMMANDS = (why, status)

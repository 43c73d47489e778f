"""`rooney-live preflight` and `verify-features`: may the trader start?

Belongs here: the commands and their tables. Does not belong here: the checks (`preflight.py`), or
what a feature is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rooney_live.cli.group import FOLDER, explained, places
from rooney_live.cli.operations import note
from rooney_live.cli.shown import echo_json, echo_red, echo_table
from rooney_live.settings import read_settings

if TYPE_CHECKING:
    from rooney_live.preflight_answers import Check
    from rooney_live.verify_features import Coverage

RECORDED = 500
WHOLE = 100.0


@click.command()
@click.option("--bars", type=FOLDER, help="Folder of bars, laid out as the lake [the lake].")
@explained
@places
def preflight(
    bars: Path | None, reason: str, lake: Path | None, state: Path | None, as_json: bool
) -> None:
    """Check all that the trader depends on; exit code 1 when anything would stop it.

    Nothing is ordered, subscribed to or billed: connections are made and closed.
    """
    settings = read_settings(lake=lake, state=state)
    from rooney_live.preflight import preflight as run_preflight

    checks = run_preflight(settings, bars or settings.lake)
    is_fine = all(check.passed for check in checks)
    if as_json:
        echo_json([vars(check) | {"rows": list(check.rows)} for check in checks])
    else:
        _print_checks(checks)
    failed = [check.name for check in checks if not check.passed]
    note(settings, "PREFLIGHT", "passed" if is_fine else "failed", {"failed": failed}, reason)
    if not is_fine:
        raise SystemExit(1)


def _print_checks(checks: Sequence[Check]) -> None:
    words = {True: "pass", False: "FAIL", None: "skipped"}
    rows = [(check.name, words[check.passed], check.detail) for check in checks]
    red = [check.passed is False or check.is_red for check in checks]
    echo_table(("check", "result", "detail"), rows, red)
    for check in checks:
        if check.rows:
            click.echo(f"\n{check.name}:")
            _print_rows(check.rows)


def _print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    table = [[_cell(value) for value in row.values()] for row in rows]
    lacking = [row.get("percent", WHOLE) < WHOLE for row in rows]
    echo_table(tuple(rows[0]), table, lacking)


def _cell(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return f"{value:.10g}" if isinstance(value, float) else str(value)


@click.command("verify-features")
@click.option("--bars", type=FOLDER, help="Folder of bars, laid out as the lake [the lake].")
@explained
@places
def verify_features(
    bars: Path | None, reason: str, lake: Path | None, state: Path | None, as_json: bool
) -> None:
    """Is every feature known? At the last bar, and in what the trader recorded; exit code 1 if not.

    Without full coverage a symbol does not trade.
    """
    settings = read_settings(lake=lake, state=state)
    from rooney_live.journal import JournalRefused
    from rooney_live.release_store import read_release
    from rooney_live.risk.reading import reading
    from rooney_live.verify_features import coverage_of_bars, coverage_recorded

    release = read_release(settings.lake)
    now = coverage_of_bars(release, bars or settings.lake)
    try:
        with reading(settings.journal) as journal:
            recorded = coverage_recorded(journal, release, RECORDED)
    except JournalRefused:
        recorded = []
    rows = [("last bar", one) for one in now] + [("recorded", one) for one in recorded]
    if as_json:
        echo_json([{"where": where} | _facts(one) for where, one in rows])
    else:
        _print_coverage(rows)
    lacking = [one.symbol for one in now if not one.is_full]
    outcome = "lacking" if lacking else "full"
    note(settings, "VERIFY_FEATURES", outcome, {"lacking": lacking}, reason)
    if lacking:
        raise SystemExit(1)


def _print_coverage(rows: Sequence[tuple[str, Coverage]]) -> None:
    from rooney_live.journal_reading import as_text

    if not rows:
        click.echo("The portfolio is empty: no feature is needed.")
        return
    table = [
        (
            one.symbol,
            where,
            as_text(one.at_us),
            f"{one.n_known}/{one.n_features}",
            f"{one.percent:.1f} %",
            ", ".join(one.unknown) or "none",
        )
        for where, one in rows
    ]
    headers = ("symbol", "where", "bar end", "known", "coverage", "unknown")
    echo_table(headers, table, [not one.is_full for _, one in rows])
    if not all(one.is_full for _, one in rows):
        echo_red("A symbol without full coverage does not trade on that bar: FEATURES_MISSING.")


def _facts(one: Coverage) -> dict[str, Any]:
    return {
        "symbol": one.symbol,
        "at_us": one.at_us,
        "n_known": one.n_known,
        "n_features": one.n_features,
        "percent": one.percent,
        "unknown": list(one.unknown),
        "n_asked": one.n_asked,
    }


COMMANDS = (preflight, verify_features)

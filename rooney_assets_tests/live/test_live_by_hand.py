"""Orders and exits by hand: through every check, and never a word that is not so.

Belongs here: `trade` and `flatten` while the trader runs, hangs, or is none, and what the command
says of it. Does not belong here: what the venue makes of the orders (test_live_orders_*.py).
"""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from click.testing import CliRunner
from small_trader import Killed, opened_desk

from rooney_live import hand
from rooney_live.cli import main
from rooney_live.instance import TRADER_LOCK, Lock
from rooney_live.journal import Journal
from rooney_live.risk.controls_schema import Command
from rooney_live.risk.record import record

US = 1_000_000


@pytest.fixture
def desk(lake, tmp_path, monkeypatch):
    with opened_desk(lake, tmp_path / "state", monkeypatch, 2) as opened:
        yield opened


@pytest.fixture
def rooney(desk):
    def invoke(*arguments):
        places = ["--lake", str(desk.settings.lake), "--state", str(desk.settings.state)]
        return CliRunner().invoke(main, [*map(str, arguments), *places])

    return invoke


def with_a_position(desk):
    """A trader that was killed with its first position open; the contract."""

    def die_when_open():
        if desk.rows("SELECT * FROM positions WHERE state = 'open'"):
            raise Killed

    with pytest.raises(Killed):
        desk.play([one for moment in desk.moments for one in (moment, die_when_open)])
    (row,) = desk.rows("SELECT contract FROM positions WHERE state = 'open'")
    return row["contract"]


def asked(desk, at_us, symbol="SIM_ES", size=1):
    """`trade`, at a time of the bars."""

    def do():
        arguments = {"symbol": symbol, "intent": "enter", "side": 1, "size": size}
        with Journal.open(desk.settings.journal) as journal:
            record(journal, Command.TRADE, "a hunch", arguments, who="ann", at_us=at_us)

    return do


def undisturbed(desk):
    """Entries of the strategy alone, of a folder beside."""
    beside = replace(desk, settings=replace(desk.settings, state=desk.settings.state / "beside"))
    if not beside.settings.journal.exists():
        beside.play(beside.moments)
    return [row["order_id"] for row in beside.rows("SELECT * FROM orders WHERE intent = 'enter'")]


def said(desk):
    return [row["message"] for row in desk.rows("SELECT message FROM events WHERE code = 'MANUAL'")]


def test_a_trader_that_hangs_is_no_reason_to_say_that_nothing_is_held(desk, rooney, monkeypatch):
    monkeypatch.setattr(hand, "_SOON_S", 0.2)
    contract = with_a_position(desk)
    with Lock.take(desk.settings.live / TRADER_LOCK):
        shown = rooney("flatten", "--reason", "out")
        traded = rooney("trade", "SIM_ES", "buy", "--reason", "a hunch")
        of_another = rooney("flatten", "--symbol", "SIM_NQ", "--reason", "out")
    assert shown.exit_code == 1
    assert f"{contract} is still held, and no exit is ordered" in shown.output
    assert "rooney-live kill" in shown.output
    assert traded.exit_code == 1
    assert "has not acted on it yet" in traded.output
    assert (of_another.exit_code, of_another.output.strip()) == (
        0,
        "Nothing is held: no order was needed.",
    )


def test_flatten_needs_no_release_that_verifies(desk, rooney, tmp_path):
    """Whoever withdrew the release has to be able to leave what it opened."""
    contract = with_a_position(desk)
    empty = tmp_path / "empty"
    empty.mkdir()
    arguments = ["flatten", "--reason", "out", "--lake", empty, "--state", desk.settings.state]
    shown = CliRunner().invoke(main, list(map(str, arguments)))
    assert shown.exit_code == 0, shown.output
    assert not any(desk.receiver.positions().values())
    (order,) = desk.rows("SELECT * FROM orders WHERE origin = 'flatten'")
    assert (order["contract"], order["state"]) == (contract, "ACKED")
    shutil.rmtree(empty)


def test_what_the_trader_denies_by_hand_is_on_record(desk):
    """Of a symbol that the release does not know, and of more than may be held."""
    first = desk.moments[0].end_us
    script = [desk.moments[0], asked(desk, first, "SIM_ZZ"), asked(desk, first, size=10_000)]
    assert desk.play([*script, *desk.moments[1:2]]) == 0
    large, unknown = sorted(said(desk))
    assert unknown.startswith("SIM_ZZ: denied")
    assert large.endswith("denied, RISK_SIZE")
    assert not any(":manual" in one for one in desk.entries)


def test_nothing_is_opened_by_hand_after_the_flat_time_or_beyond_max_positions(desk, rooney):
    after = next(
        one
        for one in desk.moments
        if any(bar.symbol == "SIM_ES" and one.end_us > bar.flat_deadline_us for bar in one.bars)
    )
    seen = [one for one in desk.moments if one.end_us <= after.end_us]
    ordered = asked(desk, after.end_us)
    assert desk.play([*seen, ordered, *desk.moments[len(seen) : len(seen) + 1]]) == 0
    assert said(desk)[-1].endswith("denied, FLAT_WINDOW")
    assert not any(":manual" in one for one in desk.entries)


def test_a_second_position_by_hand_counts_against_max_positions(desk):
    """The strategy holds one when the person asks for another symbol; one is allowed."""
    config = desk.release.config.model_copy(update={"max_positions": 1})
    desk.release = replace(desk.release, config=config)
    at, held = next(
        (at, bar.symbol)
        for at, one in enumerate(desk.moments)
        for bar in one.bars
        if f"{bar.symbol}:{one.end_us}:enter" in undisturbed(desk)
    )
    (other,) = set(desk.release.bundles) - {held}
    moments = desk.moments
    script = [*moments[: at + 2], asked(desk, moments[at + 1].end_us, other), moments[at + 2]]
    assert desk.play(script) == 0
    assert said(desk)[-1].endswith("denied, MAX_POSITIONS")

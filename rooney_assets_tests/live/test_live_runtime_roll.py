"""A roll under a position: left with the old contract, and taken on only by who may hold overnight.

Belongs here: the whole trader through a roll, and started again after it. Does not belong here: the
paper account (test_live_paper_roll.py), or the feed's part in it (test_live_feed_sessions.py).
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_trader import Killed, opened_desk

from rooney_core.market.contracts import parse_contract
from rooney_live.engine import Engine

N_SESSIONS = 3


@pytest.fixture
def desk(lake, tmp_path, monkeypatch):
    with opened_desk(lake, tmp_path / "state", monkeypatch, N_SESSIONS) as opened:
        opened.mode = "live"
        yield opened


def overnight(desk):
    """The same strategies, allowed to hold overnight."""
    bundles = {
        symbol: replace(one, variant=replace(one.variant, overnight=True))
        for symbol, one in desk.release.bundles.items()
    }
    desk.release = replace(desk.release, bundles=bundles)
    return desk


def rolled(desk):
    """Moments in which a symbol has another contract while it is held, the number of the first of
    these, the symbol, and both contracts."""
    engine, held_before = Engine(desk.release), ()
    engine.begin(desk.whole.warm_up())
    for number, moment in enumerate(desk.moments):
        engine.take(moment)
        for bar in moment.bars:
            if bar.symbol in engine.held and bar.symbol in held_before:
                old, month = bar.contract, parse_contract(bar.contract)
                new = replace(month, year=month.year + 1).name
                moments = _renamed(desk.moments, number, bar.symbol, new)
                return moments, number, bar.symbol, old, new
        held_before = engine.held
    raise AssertionError("a position of these sessions lasts")


def _renamed(moments, number, symbol, contract):
    bars = [
        tuple(replace(bar, contract=contract) if bar.symbol == symbol else bar for bar in one.bars)
        for one in moments[number:]
    ]
    later = zip(moments[number:], bars, strict=True)
    return [*moments[:number], *(replace(one, bars=own) for one, own in later)]


def around(desk, order_id):
    """What the venue was told of the order's symbol just before it, and after it, as (action,
    contract)."""
    known = {row["order_id"]: row for row in desk.rows("SELECT * FROM orders")}
    sent = [known[one["order_id"]] | one for one in desk.sent()]
    own = [one for one in sent if one["symbol"] == known[order_id]["symbol"]]
    (at,) = (at for at, one in enumerate(own) if one["order_id"] == order_id)
    told = [(one["action"], one["contract"]) for one in own]
    return told[at - 1], told[at + 1 :]


def flat_at_the_end(desk):
    left = desk.rows("SELECT * FROM positions WHERE state <> 'flat'")
    return left == [] and not any(desk.receiver.positions().values())


def test_who_may_not_hold_overnight_leaves_and_does_not_come_back(desk):
    moments, number, _, old, new = rolled(desk)
    assert desk.play(moments) == 0
    at_us = moments[number].end_us
    (left,) = desk.rows("SELECT * FROM orders WHERE origin = 'roll'")
    assert (left["intent"], left["contract"], left["decided_at_us"]) == ("exit", old, at_us)
    assert left["state"] == "ACKED"
    _, after = around(desk, left["order_id"])
    assert ("exit", old) not in after
    # The next is one that the strategy wants anew, some bars later.
    (again,) = desk.rows("SELECT min(decided_at_us) AS at FROM orders WHERE contract = ?", new)
    assert again["at"] > at_us
    assert flat_at_the_end(desk)


@pytest.mark.parametrize("newer_code", [None, "after the roll", "before the roll"])
def test_who_may_hold_overnight_goes_on_in_the_new_contract(desk, newer_code):
    """Also where the trader was killed about the roll, and another code goes on."""

    def die():
        raise Killed

    moments, number, _, old, new = rolled(overnight(desk))
    if newer_code is not None:
        at = number + (newer_code == "after the roll")
        with pytest.raises(Killed):
            desk.play([*moments[:at], die])
        desk.run_id = "newer code"
    assert desk.play(moments) == 0
    rolls = desk.rows("SELECT * FROM orders WHERE origin = 'roll' ORDER BY intent DESC")
    assert [(one["intent"], one["contract"]) for one in rolls] == [("exit", old), ("enter", new)]
    assert {one["decided_at_us"] for one in rolls} == {moments[number].end_us}
    assert {one["state"] for one in rolls} == {"ACKED"}
    (action, contract), after = around(desk, rolls[0]["order_id"])
    # Out first, then as much of the next, and that is left as the strategy leaves it.
    assert (contract, after[:2]) == (old, [(action, new), ("exit", new)])
    assert desk.rows("SELECT * FROM orders WHERE origin = 'recovery'") == []
    assert flat_at_the_end(desk)

"""What the broker holds against the ledger: by hand, by file, and what is refused."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from monitor_desk import INSTRUMENTS, beat, hold, journal_at
from order_desk import entry, leaving

from rooney_core.errors import InputError, InvalidSetting, MissingArtifact
from rooney_live.broker_csv import contract_key, read_fills, read_positions
from rooney_live.cli import main
from rooney_live.journal import Journal
from rooney_live.ledger import Ledger
from rooney_live.orders.outbox import Outbox
from rooney_live.orders.records import OrderState
from rooney_live.reconcile import (
    HOUR_US,
    Finding,
    open_positions,
    reconcile_all,
    reconcile_one,
    unproven,
)
from rooney_live.rehearsal.receiver import Receiver
from rooney_live.reported import record_fills
from rooney_live.risk.record import now_us

KEY = ("SIM_ES", "SIM_ESH21")
TODAY = date(2021, 2, 1)
LIST = list(INSTRUMENTS.values())


@pytest.fixture
def live(tmp_path):
    """A state folder with a long position of two contracts, acknowledged."""
    folder = tmp_path / "state" / "live"
    folder.mkdir(parents=True)
    with Receiver(folder / "venue") as venue:
        hold(folder, venue)
    beat(folder)
    return folder


def all_of(journal: Journal, held: dict[tuple[str, str], int]) -> list[tuple[int, int, Finding]]:
    found = reconcile_all(journal, held, "broker", INSTRUMENTS, "end of day", now_us())
    return [(one.believed, one.held, one.finding) for one in found]


def test_the_same_is_confirmed_and_the_proof_is_new(live):
    with journal_at(live) as journal:
        (before,) = open_positions(journal)
        assert before["proof"] == "acknowledged"
        assert all_of(journal, {KEY: 2}) == [(2, 2, Finding.CONFIRMED)]
        (after,) = open_positions(journal)
    assert (after["proof"], after["is_known"]) == ("broker", 1)
    assert after["proof_at_us"] > before["since_us"]
    assert after["opened_by"] == before["opened_by"]


def test_what_the_broker_does_not_hold_is_flat_from_now_on(live):
    with journal_at(live) as journal:
        assert all_of(journal, {}) == [(2, 0, Finding.CORRECTED)]
        assert open_positions(journal) == []
        (row,) = journal.query("SELECT state, closed_by FROM positions")
        assert row["state"] == "flat"
        assert row["closed_by"].startswith("person:")
        assert Ledger(journal).open == ()
        with journal.transaction():
            Ledger(journal).follow(now_us())
        assert Ledger(journal).open == ()


def test_what_nobody_decided_on_comes_in_with_its_next_deadline(live):
    other = ("SIM_CL", "SIM_CLJ21")
    with journal_at(live) as journal:
        found = all_of(journal, {KEY: 2, other: -1})
        assert found == [(0, -1, Finding.CORRECTED), (2, 2, Finding.CONFIRMED)]
        (row,) = [one for one in open_positions(journal) if one["symbol"] == "SIM_CL"]
        (mine,) = [one for one in Ledger(journal).open if one.symbol == "SIM_CL"]
        with journal.transaction():
            Ledger(journal).follow(now_us())
        assert len(Ledger(journal).open) == 2
    assert (row["side"], row["size"], row["proof"]) == (-1, 1, "broker")
    assert mine.opened_by.startswith("person:")
    assert now_us() < row["deadline_us"] < now_us() + 5 * 24 * HOUR_US


def test_another_size_or_side_replaces_what_was_believed(live):
    with journal_at(live) as journal:
        assert all_of(journal, {KEY: -3}) == [(2, -3, Finding.CORRECTED)]
        assert [(one.side, one.size) for one in Ledger(journal).open] == [(-1, 3)]
        assert len(journal.query("SELECT * FROM positions")) == 2


def test_by_hand_only_that_contract_is_spoken_of(live):
    with journal_at(live) as journal:
        other = ("SIM_CL", "SIM_CLJ21")
        found = reconcile_one(journal, other, 0, INSTRUMENTS, "looked", now_us())
        assert (found.believed, found.held, found.finding) == (0, 0, Finding.CONFIRMED)
        assert [one["proof"] for one in open_positions(journal)] == ["acknowledged"]
        reconcile_one(journal, KEY, 2, INSTRUMENTS, "looked", now_us())
        assert [one["proof"] for one in open_positions(journal)] == ["person"]
        (first, second) = journal.query("SELECT * FROM controls ORDER BY control_id")
    assert (first["command"], first["reason"]) == ("RECONCILE", "looked")
    assert json.loads(second["arguments"])["positions"][0]["contract"] == KEY[1]
    assert second["who"]


def test_what_is_not_held_is_not_left_for_ever(live):
    """A refused exit is repeated, and lets no entry by, until a person says that it is flat."""
    with journal_at(live) as journal:
        outbox, at_us = Outbox(journal), now_us()
        refused = leaving("SIM_ES", at_us)
        outbox.add(refused, at_us)
        outbox.claim(refused.order_id, at_us)
        outbox.mark(refused.order_id, OrderState.REJECTED, at_us, code="no-position")
        assert all_of(journal, {}) == [(2, 0, Finding.CORRECTED)]
        assert outbox.open_orders() == ()
        outbox.add(leaving("SIM_ES", at_us + 1), at_us)
        assert all_of(journal, {}) == [(0, 0, Finding.CONFIRMED)]
        assert outbox.open_orders() == ()


def test_a_list_of_before_an_entry_left_loses_no_position(live):
    """On its way it is refused; while it waits it is no position yet, and none that is missing."""
    with journal_at(live) as journal:
        outbox, at_us = Outbox(journal), now_us()
        order = entry("SIM_CL", at_us)
        with journal.transaction():
            outbox.add(order, at_us)
            Ledger(journal).begin(order, None)
        assert all_of(journal, {KEY: 2}) == [(2, 2, Finding.CONFIRMED)]
        outbox.claim(order.order_id, at_us)
        with pytest.raises(InvalidSetting, match="SIM_CLH21 is on its way"):
            all_of(journal, {KEY: 2})
        # Another contract may be spoken of; and a process that is gone answers no more.
        reconcile_one(journal, KEY, 2, INSTRUMENTS, "looked", at_us)
        assert {one["symbol"] for one in open_positions(journal)} == {"SIM_ES", "SIM_CL"}
        later_us = at_us + 60_000_000
        reconcile_all(journal, {KEY: 2}, "broker", INSTRUMENTS, "end of day", later_us)
        assert {one["symbol"] for one in open_positions(journal)} == {"SIM_ES"}


@pytest.mark.parametrize("name", ["SIM_ESH21", "SIM_ESH2021", "sim_esh2021"])
def test_by_hand_a_contract_has_every_name_that_it_has_anywhere(name):
    assert contract_key("SIM_ES", name, INSTRUMENTS, [KEY], TODAY) == KEY
    assert contract_key("SIM_ES", "SIM_ESH1", INSTRUMENTS, [], TODAY) == KEY
    # What left the release can still be told flat.
    gone = ("SIM_ZZ", "SIM_ZZH21")
    assert contract_key(*gone, INSTRUMENTS, [gone], TODAY) == gone
    assert contract_key("SIM_TLT", "SIM_TLT", INSTRUMENTS, [], TODAY) == ("SIM_TLT", "SIM_TLT")


@pytest.mark.parametrize("name", ["SIM_CLH21", "SIM_ESF21", "NONSENSE", ""])
def test_by_hand_a_contract_that_nobody_can_order_is_refused(name):
    with pytest.raises(InputError):
        contract_key("SIM_ES", name, INSTRUMENTS, [KEY], TODAY)


def test_without_a_reason_or_a_run_nothing_is_changed(live, tmp_path):
    with journal_at(live) as journal:
        with pytest.raises(InvalidSetting, match="reason"):
            reconcile_all(journal, {}, "broker", INSTRUMENTS, " ", now_us())
        assert len(open_positions(journal)) == 1
    with Journal.open(tmp_path / "new.sqlite") as journal, pytest.raises(MissingArtifact):
        reconcile_all(journal, {}, "broker", INSTRUMENTS, "why", now_us())


def test_an_acknowledgement_is_no_proof_and_time_runs_from_the_decision(live):
    with journal_at(live) as journal:
        (row,) = open_positions(journal)
        since = row["since_us"]
        assert unproven([row], 24, since + 24 * HOUR_US) == ()
        assert unproven([row], 24, since + 24 * HOUR_US + 1) == ("SIM_ES",)
        reconcile_one(journal, KEY, 2, INSTRUMENTS, "looked", since + 20 * HOUR_US)
        (row,) = open_positions(journal)
        assert unproven([row], 24, since + 44 * HOUR_US) == ()
        assert unproven([row], 24, since + 44 * HOUR_US + 1) == ("SIM_ES",)


@settings(max_examples=25, deadline=None)
@given(rounds=st.lists(st.dictionaries(st.sampled_from(["A", "B", "C"]), st.integers(-5, 5))))
def test_whatever_was_believed_the_ledger_then_holds_what_the_broker_holds(
    tmp_path_factory, rounds
):
    folder = tmp_path_factory.mktemp("ledger")
    with journal_at(folder) as journal:
        for at_us, held in enumerate(rounds, 1):
            wanted = {("SIM_ES", name): size for name, size in held.items()}
            reconcile_all(journal, wanted, "broker", INSTRUMENTS, "round", at_us * HOUR_US)
            found = {
                (one["symbol"], one["contract"]): one["side"] * one["size"]
                for one in open_positions(journal)
            }
            assert found == {key: size for key, size in wanted.items() if size}


# Files


def written(folder: Path, text: str) -> Path:
    path = folder / "broker.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "ticker,quantity\nSIM_ESH2021,2\n",
        "Symbol,Net Pos\nSIM_ESH21,2\n",
        "Account,Contract,Symbol,Net_Position\n1,SIM_ESH1,SIM_ES,2\n",
        "contract,side,qty\nSIM_ESH2021,Long,2\n",
        "\ufeffcontract,qty\nSIM_ESH2021,1\nSIM_ESH2021,1.0\n",
        'contract,qty\n"SIM_ESH2021","2"\n',
    ],
)
def test_a_list_is_read_under_every_name_that_brokers_use(tmp_path, text):
    found = read_positions(written(tmp_path, text), LIST, [KEY], TODAY)
    assert (found.held, found.others) == ({KEY: 2}, {})


def test_shorts_strangers_and_contracts_that_nobody_believed_in(tmp_path):
    text = "contract,side,qty\nSIM_ESH21,sell,3\nSIM_NQM2021,buy,1\nZZH21,buy,4\n"
    found = read_positions(written(tmp_path, text), LIST, [KEY], TODAY)
    assert found.held == {KEY: -3, ("SIM_NQ", "SIM_NQM21"): 1}
    assert found.others == {"ZZH21": 4}
    # What is not held says nothing, whatever it is called; small letters are a contract too.
    text = "contract,qty\nSIM_ES 03-21,0\nsim_esh21,1\nCash,0\nAAPL,10\n"
    found = read_positions(written(tmp_path, text), LIST, [KEY], TODAY)
    assert found.held == {KEY: 1}
    assert found.others["AAPL"] == 10


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("contract\nSIM_ESH21\n", "no column for the quantity"),
        ("contract,qty,size\nSIM_ESH21,1,1\n", "all say the quantity"),
        ("contract,qty\nSIM_ESH21,two\n", "line 2: 'two' is no number"),
        ("contract,qty\nSIM_ESH21,1.5\n", "line 2: 1.5 is no whole number"),
        ("contract,qty\nSIM_ESH21,nan\n", "line 2: 'nan' is no number"),
        ("contract,qty\nSIM_ESH21,1,2\n", "another number of columns"),
        ("contract,qty\nSIM_ESH21\n", "another number of columns"),
        ("contract,side,qty\nSIM_ESH21,up,1\n", "'up' is no side"),
        ("contract,side,qty\nSIM_ESH21,long,-1\n", "which is it"),
        ("", "no column for the contract"),
        ("contract,qty\nSIM_ES 03-21,2\n", "line 2: 'SIM_ES 03-21' may be a contract of SIM_ES"),
        ("contract,qty\nsim_es,2\n", "'sim_es' may be a contract of SIM_ES, in a form"),
    ],
)
def test_a_list_that_cannot_be_read_whole_is_refused(tmp_path, text, words):
    with pytest.raises(InvalidSetting, match=words):
        read_positions(written(tmp_path, text), LIST, [KEY], TODAY)
    with pytest.raises(InvalidSetting, match="cannot be read"):
        read_positions(tmp_path / "nowhere.csv", LIST, [KEY], TODAY)


FILLS = "order_id,ticker,side,quantity,price,time,commission\n"


def test_fills_are_put_beside_their_orders_once(live, tmp_path):
    with journal_at(live) as journal:
        (order,) = journal.query("SELECT * FROM orders")
        at = order["sent_at_us"] + 1_000_000
        text = FILLS + (
            f"{order['order_id']},SIM_ESH2021,buy,1,4000.50,{at},2.5\n"
            f",SIM_ESH2021,buy,1,4001.00,{at + 5},\n"
            f",SIM_ESH2021,sell,1,4001.00,{at + 5},\n"
            f",SIM_ESH2021,buy,1,4001.00,{at + 3_600_000_000},\n"
        )
        fills = read_fills(written(tmp_path, text))
        found = record_fills(journal, fills, INSTRUMENTS, "week 47", now_us())
        assert found.recorded == (order["order_id"],)
        assert len(found.strangers) == 2
        (row,) = journal.query("SELECT * FROM fills WHERE source = 'reported'")
        fee = INSTRUMENTS["SIM_ES"].commission_per_contract_usd
        assert (row["size"], row["price"]) == (2, 4000.75)
        assert row["filled_at_us"] == at + 5
        assert row["commission_usd"] == pytest.approx(2.5 + fee)
        again = record_fills(journal, fills, INSTRUMENTS, "again", now_us())
        assert (again.recorded, again.known) == ((), (order["order_id"],))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("x,SIM_ESH2021,buy,1,4000.5,yesterday,1", "is no time"),
        ("x,SIM_ESH2021,buy,1,,2021-02-01T15:00:00Z,1", "is no number"),
        ("x,SIM_ESH2021,hold,1,1,2021-02-01T15:00:00Z,1", "is no side"),
    ],
)
def test_a_fill_that_cannot_be_read_is_refused(tmp_path, row, words):
    with pytest.raises(InvalidSetting, match=words):
        read_fills(written(tmp_path, FILLS + row + "\n"))


def test_times_of_fills_are_utc_unless_they_say_otherwise(tmp_path):
    rows = "".join(
        f",SIM_ESH2021,buy,1,1,{time},\n"
        for time in ("2021-02-01T15:00:00Z", "2021-02-01 15:00:00", "2021-02-01T10:00:00-05:00")
    )
    times = {one.filled_at_us for one in read_fills(written(tmp_path, FILLS + rows))}
    assert times == {1_612_191_600_000_000}


# The command


def told(live: Path, lake: Path, *arguments: str):
    places = ["--state", str(live.parent), "--lake", str(lake)]
    return CliRunner().invoke(main, ["reconcile", *arguments, *places], color=True)


def test_the_command_confirms_corrects_and_shows_a_correction_in_red(live, lake, tmp_path):
    same = told(live, lake, "SIM_ES", "SIM_ESH21", "2", "--reason", "looked")
    assert same.exit_code == 0, same.output
    assert "CONFIRMED" in same.output
    assert "\x1b[31m" not in same.output
    path = written(tmp_path, "contract,qty\nSIM_CLJ21,1\nZZH21,4\n")
    other = told(live, lake, "--csv", str(path), "--reason", "end of day")
    assert other.exit_code == 0, other.output
    red = [line for line in other.output.splitlines() if line.startswith("\x1b[31m")]
    assert len(red) == 3
    assert any("ZZH21" in line for line in red)
    flat = told(live, lake, "--all-flat", "--reason", "broker's page", "--json")
    assert json.loads(flat.stdout)["positions"][0]["believed"] == 1
    with journal_at(live) as journal:
        assert open_positions(journal) == []
        assert Outbox(journal).open_orders() == ()


def test_a_list_without_a_row_is_no_word_that_nothing_is_held(live, lake, tmp_path):
    empty = str(written(tmp_path, "contract,qty\n"))
    refused = told(live, lake, "--csv", empty, "--reason", "end of day")
    assert refused.exit_code == 2
    assert "--all-flat" in refused.output
    with journal_at(live) as journal:
        assert [one["proof"] for one in open_positions(journal)] == ["acknowledged"]
    both = told(live, lake, "--csv", empty, "--all-flat", "--reason", "end of day")
    assert both.exit_code == 0, both.output
    with journal_at(live) as journal:
        assert open_positions(journal) == []
    # A list that names a position, and a word that there is none.
    full = str(written(tmp_path, "contract,qty\nSIM_ESH21,2\n"))
    odd = told(live, lake, "--csv", full, "--all-flat", "--reason", "end of day")
    assert odd.exit_code == 2
    assert "which is it" in odd.output


def test_a_short_is_told_by_hand_as_the_help_says(live, lake):
    shown = told(live, lake, "SIM_ES", "SIM_ESH2021", "-2", "--reason", "looked", "--json")
    assert shown.exit_code == 0, shown.output
    (found,) = json.loads(shown.stdout)["positions"]
    assert (found["contract"], found["believed"], found["held"]) == ("SIM_ESH21", 2, -2)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--reason", "x"], 2),
        (["SIM_ES", "SIM_ESH21", "2", "--reasn", "x"], 2),
        (["SIM_ES", "SIM_ESH21", "--reason", "x"], 2),
        (["--all-flat", "--csv", "X", "--reason", "x"], 2),
        (["SIM_ES", "SIM_ESH21", "two", "--reason", "x"], 2),
        (["SIM_EZ", "SIM_EZH21", "2", "--reason", "x"], 2),
        (["--all-flat"], 2),
    ],
)
def test_a_wrong_call_changes_nothing(live, lake, arguments, code):
    assert told(live, lake, *arguments).exit_code == code
    with journal_at(live) as journal:
        assert [one["proof"] for one in open_positions(journal)] == ["acknowledged"]

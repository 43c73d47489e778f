"""What was told, folded: a function of the rows and of the time, whatever restarts in between."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from rooney_live.cli import main
from rooney_live.codes import Denial
from rooney_live.control import Controls, ResumeRefused, Told, fold, refuse_resume
from rooney_live.journal import Journal
from rooney_live.risk.controls_schema import Command
from rooney_live.risk.record import record

HOUR_US = 3_600_000_000


def told(number, command, at_us=0, until_us=None, **arguments):
    return Told(number, at_us, "ann", command, arguments, "because", until_us)


@pytest.fixture
def journal(tmp_path):
    with Journal.open(tmp_path / "journal.sqlite") as opened:
        yield opened


def test_a_pause_ends_by_its_time_or_by_resume():
    rows = [told(1, Command.PAUSE, until_us=24 * HOUR_US)]
    assert fold(rows, 24 * HOUR_US - 1).denial("ES") is Denial.PAUSED
    assert fold(rows, 24 * HOUR_US).denial("ES") is None
    rows.append(told(2, Command.RESUME))
    assert fold(rows, 0).denial("ES") is None
    forever = [told(1, Command.PAUSE)]
    assert fold(forever, 10**18).trading_state == "PAUSED"


FOR_NINE = told(1, Command.PAUSE, until_us=9 * HOUR_US)
FOR_ONE = told(2, Command.PAUSE, until_us=HOUR_US)
FOR_EVER = told(3, Command.PAUSE)


@pytest.mark.parametrize(
    ("rows", "at_hour", "standing"),
    [
        ((FOR_NINE, FOR_ONE), 2, FOR_NINE),
        ((FOR_ONE, FOR_NINE), 2, FOR_NINE),
        ((FOR_EVER, FOR_ONE), 0, FOR_EVER),
        ((FOR_EVER, FOR_ONE), 2, FOR_EVER),
        ((FOR_ONE, FOR_EVER, FOR_NINE), 99, FOR_EVER),
        ((FOR_NINE, FOR_ONE), 9, None),
    ],
)
def test_no_pause_ends_another_one_sooner(rows, at_hour, standing):
    assert fold(rows, at_hour * HOUR_US).paused == standing
    # One word ends all of them, the one for ever too.
    assert fold([*rows, told(4, Command.RESUME)], 0).paused is None


def test_a_shorter_pause_says_that_a_longer_one_stands(tmp_path):
    def said(command, *arguments):
        asked = [command, *arguments, "--reason", "lunch", "--state", str(tmp_path)]
        shown = CliRunner().invoke(main, asked)
        assert shown.exit_code == 0, shown.output
        return shown.output

    assert "earlier" not in said("pause", "--for", "1h")
    assert "earlier" not in said("pause", "--for", "2h")
    assert "until 20" in said("pause", "--for", "90m")
    assert "earlier" not in said("pause")
    assert "until `resume`" in said("pause", "--for", "1h")
    said("resume")
    assert "earlier" not in said("pause", "--for", "1h")


@pytest.mark.parametrize(
    ("command", "code"), [(Command.HALT, Denial.HALTED), (Command.KILL, Denial.KILLED)]
)
def test_a_halt_and_a_kill_stand_until_a_person_names_them(command, code):
    rows = [told(1, command), told(2, Command.RESUME)]
    state = fold(rows, 10**18)
    assert state.denial("ES") is code
    assert state.must_leave("ES", since_us=5).command is command
    with pytest.raises(ResumeRefused, match="--after-kill"):
        refuse_resume(state, None, after_kill=False)
    refuse_resume(state, "flag", after_kill=True)
    after = fold([*rows, told(3, Command.RESUME, after_kill=True)], 0)
    assert after.denial("ES") is None
    assert after.must_leave("ES", 0) is None
    with pytest.raises(ResumeRefused, match="the flag is there"):
        refuse_resume(after, "the flag is there", after_kill=False)
    refuse_resume(after, None, after_kill=False)


def test_reducing_may_be_of_one_symbol():
    state = fold([told(1, Command.REDUCE, symbol="ES")], 0)
    assert state.denial("ES") is Denial.REDUCING
    assert state.denial("NQ") is None
    assert fold([told(1, Command.REDUCE)], 0).denial("NQ") is Denial.REDUCING


def test_flatten_concerns_what_was_there_when_it_was_told():
    rows = [told(1, Command.FLATTEN, at_us=10), told(2, Command.FLATTEN, at_us=30, symbols=["NQ"])]
    state = fold(rows, 100)
    assert state.must_leave("ES", since_us=10).control_id == 1
    assert state.must_leave("ES", since_us=11) is None
    assert state.must_leave("NQ", since_us=11).control_id == 2
    assert state.denial("ES") is None


COMMANDS = st.sampled_from(
    [Command.PAUSE, Command.RESUME, Command.HALT, Command.KILL, Command.REDUCE, Command.FLATTEN]
)


@given(st.lists(st.tuples(COMMANDS, st.booleans()), max_size=12))
def test_only_a_resume_that_names_it_ends_a_kill(history):
    rows = [
        told(number, command, after_kill=named)
        for number, (command, named) in enumerate(history, start=1)
    ]
    # The other route: the last kill or halt, and whether a resume that names it came after.
    kills = [at for at, (one, _) in enumerate(history) if one in (Command.KILL, Command.HALT)]
    ends = [at for at, one in enumerate(history) if one == (Command.RESUME, True)]
    is_stopped = bool(kills) and (not ends or max(ends) < max(kills))
    assert (fold(rows, 0).denial("ES") in (Denial.KILLED, Denial.HALTED)) is is_stopped


def test_a_look_returns_what_is_new_and_a_flatten_is_done_once(journal):
    record(journal, Command.PAUSE, "lunch", at_us=5)
    controls = Controls(journal)
    assert [row.command for row in controls.look()] == [Command.PAUSE]
    assert controls.look() == ()
    record(journal, Command.FLATTEN, "leave", at_us=6)
    (row,) = controls.look()
    assert controls.state(10).must_leave("ES", 0) == row
    controls.done(row)
    assert controls.state(10).must_leave("ES", 0) is None
    again = Controls(journal)
    again.look()
    assert again.state(10).must_leave("ES", 0) is not None
    assert again.state(10).paused.reason == "lunch"

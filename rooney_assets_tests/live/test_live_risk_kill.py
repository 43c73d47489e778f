"""The kill switch fails closed: by variable, by flag, and when nobody can look."""

from __future__ import annotations

import os
import stat

import pytest

from rooney_live.risk.kill import (
    FLAG,
    KillFlagFailed,
    killed_by_flag,
    killed_by_variable,
    raise_flag,
    remove_flag,
)


@pytest.fixture
def live(tmp_path):
    folder = tmp_path / "state" / "live"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize("value", ["", "0", "false", "False", "NO", "off", " false "])
def test_the_variable_leaves_trading_on_only_in_so_many_words(value):
    assert killed_by_variable({"POLICY_KILLSWITCH": value}) is None


@pytest.mark.parametrize("value", ["1", "true", "TRUE", "on", "yes", "flase", "null", "2"])
def test_any_other_value_kills_a_misspelt_one_too(value):
    assert "POLICY_KILLSWITCH" in (killed_by_variable({"POLICY_KILLSWITCH": value}) or "")
    assert killed_by_variable({}) is None


def test_a_flag_in_either_place_kills_until_it_is_removed(live):
    assert killed_by_flag(live) is None
    for folder in (live, live.parent):
        (folder / FLAG).touch()
        assert str(folder / FLAG) in (killed_by_flag(live) or "")
        assert remove_flag(live)
        assert killed_by_flag(live) is None
    assert not remove_flag(live)


def test_a_flag_that_leads_nowhere_or_is_a_folder_kills_too(live):
    (live / FLAG).symlink_to(live / "nowhere")
    assert killed_by_flag(live) is not None
    (live / FLAG).unlink()
    (live / FLAG).mkdir()
    assert killed_by_flag(live) is not None


def test_where_nobody_can_look_trading_is_killed(live, tmp_path):
    assert "cannot be looked for" in (killed_by_flag(tmp_path / "gone" / "live") or "")
    a_file = tmp_path / "file"
    a_file.touch()
    assert killed_by_flag(a_file) is not None
    live.chmod(0o000)
    try:
        if os.geteuid() != 0:
            assert killed_by_flag(live) is not None
    finally:
        live.chmod(0o755)


def test_a_raised_flag_says_who_and_why_and_is_added_to(live):
    raise_flag(live, "ann: oil is negative")
    path = raise_flag(live, "monitor: RISK_HEARTBEAT")
    assert path.read_text() == "ann: oil is negative\nmonitor: RISK_HEARTBEAT\n"
    assert not path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def test_a_flag_that_cannot_be_raised_or_removed_is_told(live):
    a_file = live / "file"
    a_file.touch()
    (live / FLAG).mkdir()
    # It is there, and that is what counts.
    assert raise_flag(live, "ann: anything") == live / FLAG
    with pytest.raises(KillFlagFailed, match="stays killed"):
        remove_flag(live)
    with pytest.raises(KillFlagFailed, match="stop the trader"):
        raise_flag(a_file / "live", "ann")


def test_a_flag_on_a_full_disk_is_there_all_the_same(live):
    """/dev/full takes no byte: what counts is that the name exists."""
    (live / FLAG).symlink_to("/dev/full")
    raise_flag(live, "ann: the disk is full")
    assert killed_by_flag(live) is not None

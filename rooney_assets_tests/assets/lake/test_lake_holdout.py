"""The sealed test window: invisible to everybody, opened on the record, within a budget."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from lake_tables import ES, facts
from polars.testing import assert_frame_equal

from rooney_assets.lake import Lake, Written, seal
from rooney_core.errors import HoldoutRefused, LakeError, MissingArtifact

WINDOWS = ["train", "validation", "test", "test"]
TIMES = [datetime(2017 + 2 * row, 5, 1, 15, tzinfo=UTC) for row in range(4)]
TRADES = pl.DataFrame(
    {
        "symbol": ["ES"] * 4,
        "entry_time": TIMES,
        "exit_time": [one + timedelta(hours=3) for one in TIMES],
        "label_start": TIMES,
        "label_end": [one + timedelta(hours=3) for one in TIMES],
        "side": pl.Series([1, -1, 1, -1], dtype=pl.Int8),
        "session": [date(2020, 1, 1)] * 4,
        "net_profit_usd": [10.0, -20.0, 31.25, -40.0],
        "meta_label": pl.Series([1, 0, 1, 0], dtype=pl.Int8),
        "split": WINDOWS,
        "ibs": [0.1, 0.9, 0.2, 0.8],
    },
    schema_overrides={
        name: pl.Datetime("us", "UTC")
        for name in ("entry_time", "exit_time", "label_start", "label_end")
    },
)


def write(lake: Lake, trades: pl.DataFrame = TRADES) -> Written:
    visible, sealed = seal(trades)
    return lake.write("training_set", ES, visible, facts(), sealed=sealed)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    write(lake)
    return lake


def look(lake: Lake, model: str = "m1", code: str = "c1", budget: int = 2) -> pl.DataFrame:
    return lake.open_test_window(
        "ES", who="model_evaluation", model_version=model, code_version=code, budget=budget
    )


def test_sealing_nulls_the_outcome_of_test_rows_and_nothing_else() -> None:
    visible, sealed = seal(TRADES)
    assert visible.schema == TRADES.schema
    assert_frame_equal(visible[:2], TRADES[:2])
    assert_frame_equal(sealed, TRADES[2:])
    hidden = [name for name in TRADES.columns if visible[2:][name].null_count() == 2]
    assert hidden == ["exit_time", "label_end", "session", "net_profit_usd", "meta_label", "ibs"]
    shown = [name for name in TRADES.columns if name not in hidden]
    assert_frame_equal(visible[2:].select(shown), TRADES[2:].select(shown))


def test_a_row_without_a_window_is_not_sealed_silently() -> None:
    visible, sealed = seal(TRADES.with_columns(split=pl.lit(None, pl.String)))
    assert sealed.height == 0
    assert visible["net_profit_usd"].null_count() == 0


def test_no_read_no_view_and_no_open_file_shows_a_sealed_outcome(lake: Lake) -> None:
    read = lake.read("training_set", ES, verify=True)
    asked = lake.query("select net_profit_usd from training_set where split = 'test'")
    assert read.filter(split="test")["net_profit_usd"].null_count() == 2
    assert asked["net_profit_usd"].null_count() == 2
    visible = [path for path in lake.root.rglob("*.parquet") if path.parent.name != "sealed"]
    assert len(visible) == 2
    assert all(31.25 not in pl.read_parquet(path)["net_profit_usd"] for path in visible)


def test_the_data_version_covers_the_sealed_rows(lake: Lake) -> None:
    changed = TRADES.with_columns(net_profit_usd=pl.Series([10.0, -20.0, 31.25, -40.25]))
    before, after = lake.version("training_set", ES), write(lake, changed)
    assert after.changed
    assert after.data_version != before
    manifests = lake.versions("training_set", ES)
    assert len({one.visible_version for one in manifests}) == 1
    assert len({one.sealed_version for one in manifests}) == 2


def test_a_look_is_recorded_and_hands_out_the_rows(lake: Lake) -> None:
    before = datetime.now(UTC)
    assert_frame_equal(look(lake), TRADES[2:])
    row = lake.looks("ES").row(0, named=True)
    assert before <= row.pop("looked_at") <= datetime.now(UTC)
    assert row == {
        "symbol": "ES",
        "look": 1,
        "who": "model_evaluation",
        "model_version": "m1",
        "code_version": "c1",
        "training_set_version": lake.version("training_set", ES),
        "last_test_entry": TIMES[3],
        "window": 1,
        "window_end": TIMES[3].date(),
        "is_repeat": False,
    }


def test_nobody_looked_is_an_empty_table_of_the_same_columns(lake: Lake) -> None:
    empty = lake.looks("ES")
    look(lake)
    assert empty.height == 0
    assert empty.schema == lake.looks("ES").schema


def test_the_budget_counts_pairs_of_model_and_code(lake: Lake) -> None:
    look(lake, "m1", "c1")
    look(lake, "m1", "c1")
    look(lake, "m1", "c2")
    with pytest.raises(HoldoutRefused, match="budget is 2"):
        look(lake, "m2", "c1")
    look(lake, "m1", "c2")
    looks = lake.looks("ES")
    assert looks["is_repeat"].to_list() == [False, True, False, True]
    assert looks["look"].to_list() == [1, 2, 3, 4]
    look(lake, "m2", "c1", budget=3)


WEEKDAYS = [
    day
    for day in (date(2021, 1, 4) + timedelta(days=n) for n in range(1800))
    if day.weekday() < 5 and (day.month, day.day) not in ((7, 4), (12, 25))
]
"""Sessions of a calendar with holidays; what is open up to some of them, `look_at` says."""


def look_at(lake: Lake, model: str, n_sessions: int, *, least: int = 126, budget: int = 2) -> None:
    """A look while the lake holds so many sessions of the test window."""
    lake.open_test_window(
        "ES",
        who="w",
        model_version=model,
        code_version="c",
        budget=budget,
        min_new_sessions=least,
        sessions=pl.Series(WEEKDAYS[:n_sessions]),
    )


def test_a_spent_budget_waits_for_so_many_new_sessions_and_not_one_less(lake: Lake) -> None:
    look_at(lake, "m1", 500)
    look_at(lake, "m2", 520)
    for n_sessions in (520, 521, 520 + 125):
        with pytest.raises(HoldoutRefused, match=rf"\({n_sessions - 520} there are since"):
            look_at(lake, "m3", n_sessions)
    look_at(lake, "m3", 520 + 126)
    look_at(lake, "m4", 520 + 127)
    with pytest.raises(HoldoutRefused, match="126 make another window"):
        look_at(lake, "m5", 520 + 127)
    looks = lake.looks("ES")
    assert looks["model_version"].to_list() == ["m1", "m2", "m3", "m4"]
    assert looks["window"].to_list() == [1, 1, 2, 2]
    assert looks["window_end"].to_list() == [WEEKDAYS[n - 1] for n in (500, 520, 646, 647)]


def test_growing_day_by_day_refills_nothing(lake: Lake) -> None:
    """A budget that is spent slowly is spent; the wait begins at the last look that cost one."""
    for number, n_sessions in enumerate((500, 600, 700)):
        look_at(lake, f"m{number}", n_sessions, budget=3)
    assert lake.looks("ES")["window"].to_list() == [1, 1, 1]
    with pytest.raises(HoldoutRefused):
        look_at(lake, "m9", 700 + 125, budget=3)


def test_repeats_neither_cost_nor_put_the_next_window_off(lake: Lake) -> None:
    look_at(lake, "m1", 500)
    look_at(lake, "m2", 500)
    for n_sessions in (510, 560, 625):
        look_at(lake, "m1", n_sessions)
    look_at(lake, "m3", 626)
    looks = lake.looks("ES")
    assert looks["window"].to_list() == [1, 1, 1, 1, 1, 2]
    # The same model on sessions that are new to it costs one of the new window's budget.
    look_at(lake, "m1", 626)
    with pytest.raises(HoldoutRefused):
        look_at(lake, "m2", 626)


def test_a_window_that_has_shrunk_is_no_new_one(lake: Lake) -> None:
    look_at(lake, "m1", 500)
    look_at(lake, "m2", 800)
    look_at(lake, "m3", 500)
    with pytest.raises(HoldoutRefused, match=r"\(0 there are"):
        look_at(lake, "m4", 500)
    # Counted from the furthest end that was paid for.
    with pytest.raises(HoldoutRefused, match=r"\(100 there are"):
        look_at(lake, "m4", 900)
    assert lake.looks("ES")["window"].to_list() == [1, 2, 2]


def test_without_sessions_weekdays_from_the_last_entry_count(lake: Lake) -> None:
    """The sealed rows end on Monday 2023-05-01; 126 weekdays later it is Tuesday 2023-10-24."""
    look(lake, "m1")
    look(lake, "m2")
    for last, is_open in ((datetime(2023, 10, 23, 15), False), (datetime(2023, 10, 24, 15), True)):
        times = [*TIMES[:3], last.replace(tzinfo=UTC)]
        write(lake, TRADES.with_columns(entry_time=pl.Series(times).dt.cast_time_unit("us")))
        if is_open:
            look(lake, "m3")
        else:
            with pytest.raises(HoldoutRefused, match=r"\(125 there are since 2023-05-01"):
                look(lake, "m3")
    assert lake.looks("ES")["window"].to_list() == [1, 1, 2]


def test_a_part_of_the_window_is_the_whole_window(lake: Lake) -> None:
    """Whoever asks for bars up to some day cannot cut the years into windows of their own."""
    start = pl.Series([datetime(2021, 1, 4, tzinfo=UTC)] * 600).dt.cast_time_unit("us")
    bars = pl.DataFrame({"symbol": "ES", "session": WEEKDAYS[:600], "bar_start": start})
    lake.write("continuous_bars", ES, bars, facts())
    asked = {"who": "w", "code_version": "c", "budget": 2}
    lake.open_test_bars("ES", WEEKDAYS[100], model_version="m1", **asked)
    lake.open_test_bars("ES", WEEKDAYS[300], model_version="m2", **asked)
    with pytest.raises(HoldoutRefused):
        lake.open_test_bars("ES", WEEKDAYS[599], model_version="m3", **asked)
    assert lake.looks("ES")["window_end"].to_list() == [WEEKDAYS[599]] * 2


def test_looks_of_before_windows_were_numbered_are_of_the_first(lake: Lake) -> None:
    look(lake, "m1")
    path = next(lake.root.rglob("000001.json"))
    entry = json.loads(path.read_bytes())
    del entry["window"], entry["window_end"]
    path.unlink()
    path.write_text(json.dumps(entry))
    row = lake.looks("ES").row(0, named=True)
    assert (row["window"], row["window_end"]) == (1, date(2023, 5, 1))
    look(lake, "m2")
    with pytest.raises(HoldoutRefused):
        look(lake, "m3")


def test_a_new_training_set_is_no_repeat_but_the_same_pair(lake: Lake) -> None:
    look(lake)
    write(lake, TRADES.with_columns(pl.col("ibs") + 0.01))
    look(lake)
    with pytest.raises(HoldoutRefused):
        look(lake, "m2", budget=1)
    assert lake.looks("ES")["is_repeat"].to_list() == [False, False]


@pytest.mark.parametrize("name", ["who", "model_version", "code_version"])
def test_a_look_without_a_name_is_refused_and_not_recorded(lake: Lake, name: str) -> None:
    asked = {"who": "w", "model_version": "m", "code_version": "c"} | {name: " "}
    with pytest.raises(HoldoutRefused, match=name):
        lake.open_test_window("ES", **asked)
    assert lake.looks("ES").height == 0


def test_nothing_to_open_is_said_and_not_recorded(lake: Lake) -> None:
    with pytest.raises(MissingArtifact, match="--symbols NQ --to training_set"):
        lake.open_test_window("NQ", who="w", model_version="m", code_version="c")
    assert lake.looks("NQ").height == 0


def test_rows_of_another_version_are_not_handed_out(lake: Lake) -> None:
    sealed = next(lake.root.rglob("sealed/*.parquet"))
    first = sealed.read_bytes()
    write(lake, TRADES.with_columns(pl.col("ibs") + 0.01))
    second = next(path for path in lake.root.rglob("sealed/*.parquet") if path != sealed)
    second.unlink()
    second.write_bytes(first)
    with pytest.raises(LakeError, match="should hold version"):
        look(lake)
    assert lake.looks("ES").height == 0


def test_a_damaged_record_stops_the_counting(lake: Lake) -> None:
    look(lake)
    path = next(lake.root.rglob("000001.json"))
    path.unlink()
    path.write_text("{}")
    with pytest.raises(LakeError, match="not a record of a look"):
        look(lake)


def test_lookers_at_once_get_numbers_of_their_own_and_never_pass_the_budget(lake: Lake) -> None:
    script = """
import sys
from contextlib import ExitStack
from rooney_assets.lake import Lake
from rooney_core.errors import HoldoutRefused
for number in range(5):
    try:
        Lake(sys.argv[1]).open_test_window(
            "ES", who="w", model_version=f"m{sys.argv[2]}.{number}", code_version="c", budget=7
        )
    except HoldoutRefused:
        pass
"""
    command = [sys.executable, "-W", "error", "-c", script, str(lake.root)]
    with ExitStack() as stack:
        lookers = [stack.enter_context(subprocess.Popen([*command, n])) for n in "0123"]
    assert [one.returncode for one in lookers] == [0, 0, 0, 0]
    looks = lake.looks("ES")
    assert looks["look"].to_list() == [1, 2, 3, 4, 5, 6, 7]
    assert looks["model_version"].n_unique() == 7
    records = sorted(lake.root.rglob("looks/*.json"))
    assert [json.loads(one.read_bytes())["look"] for one in records] == looks["look"].to_list()

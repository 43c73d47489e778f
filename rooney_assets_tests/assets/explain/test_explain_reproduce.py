"""A result is made anew bit by bit, or the first step that comes out otherwise is named."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from made_bars import SHORT, STAGE, SYMBOL, bench, make_bars

from rooney_assets.explain.reproduce import Redone, Sameness, differences, reproduce
from rooney_assets.lake import Lake
from rooney_assets.lake.layout import Folder

ES = ("symbol", SYMBOL)
LABELS = [f"{name}[{SYMBOL}]" for name in STAGE]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The folder of a lake with bars, and their versions; nobody may change it."""
    folder = tmp_path_factory.mktemp("made")
    return folder, make_bars(bench(folder))


def redo(folder: Path, wanted: dict[str, str], **options: object) -> list[Redone]:
    return list(reproduce(bench(folder), wanted, **options))  # type: ignore[arg-type]


def last_of(versions: dict[str, str]) -> dict[str, str]:
    return {LABELS[-1]: versions[LABELS[-1]]}


def files_of(lake: Lake) -> dict[str, tuple[int, int]]:
    found = (path for path in lake.root.rglob("*") if path.is_file())
    return {str(one): (one.stat().st_mtime_ns, one.stat().st_size) for one in found}


def copy_of(made: tuple[Path, dict[str, str]], target: Path) -> Path:
    """A copy of the lake whose files may be replaced."""
    source = made[0] / "lake"
    for path in source.rglob("*"):
        place = target / "lake" / path.relative_to(source)
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, place)
    return target


def test_every_step_comes_out_the_same_and_the_lake_is_untouched(
    made: tuple[Path, dict[str, str]],
) -> None:
    folder, versions = made
    before = files_of(Lake(folder / "lake"))
    done = redo(folder, last_of(versions))
    assert [(one.step.label, one.sameness) for one in done] == [
        (label, Sameness.SAME) for label in LABELS
    ]
    assert [one.remade for one in done] == [versions[label] for label in LABELS]
    assert [one.notes for one in done] == [()] * len(LABELS)
    assert files_of(Lake(folder / "lake")) == before
    assert not list((folder / "scratch").iterdir()), "the scratch lakes are gone"


def test_a_shallow_one_makes_the_last_step_alone(made: tuple[Path, dict[str, str]]) -> None:
    done = redo(made[0], last_of(made[1]), is_shallow=True)
    assert [(one.step.label, one.sameness) for one in done] == [(LABELS[-1], Sameness.SAME)]


def test_other_bars_at_the_source_are_the_first_divergence(
    made: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    other = SHORT.model_copy(update={"seed": SHORT.seed + 1})
    at = replace(bench(tmp_path, other), lake=Lake(made[0] / "lake"))
    [first] = reproduce(at, last_of(made[1]))
    assert (first.step.label, first.sameness) == (LABELS[0], Sameness.OTHER)
    told = " ".join(first.notes)
    assert "is not what was read then" in told
    assert "close differs in" in told
    every = list(reproduce(at, last_of(made[1]), goes_on=True))
    # Each is made from what is recorded: the steps after the first are as they were.
    assert [one.sameness for one in every] == [Sameness.OTHER, *[Sameness.SAME] * 3]


def test_a_source_that_grew_is_compared_as_far_as_it_was_read(
    made: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    longer = SHORT.model_copy(update={"last_session": date(2021, 1, 29)})
    at = replace(bench(tmp_path, longer), lake=Lake(made[0] / "lake"))
    first = next(iter(reproduce(at, {LABELS[0]: made[1][LABELS[0]]})))
    assert "newer bars, left aside" in " ".join(first.notes)


def test_facts_of_the_universe_are_those_that_are_recorded(
    made: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    """A multiplier that is another one now is said, and the recorded one is taken."""
    at = replace(bench(tmp_path, multiplier=51.0), lake=Lake(made[0] / "lake"))
    done = list(reproduce(at, last_of(made[1])))
    assert [one.sameness for one in done] == [Sameness.SAME] * len(LABELS)
    assert all("says another multiplier of SIM_ES" in " ".join(one.notes) for one in done)


def test_a_table_that_was_tampered_with_is_found(
    made: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    """Somebody wrote other rolls, and a version of them is what the bars were made of."""
    folder = copy_of(made, tmp_path)
    lake = Lake(folder / "lake")
    rolls = lake.read("roll_calendar", ES).head(1)
    facts = lake.manifest("roll_calendar", ES).facts
    forged = lake.write("roll_calendar", ES, rolls, facts).data_version
    assert lake.version("roll_calendar", ES) == forged
    done = redo(folder, last_of(make_bars(bench(folder), STAGE[2:])))
    assert [one.sameness for one in done] == [Sameness.SAME, Sameness.OTHER]
    assert done[-1].step.label == LABELS[1]
    assert done[-1].remade == made[1][LABELS[1]]
    assert "1 rows then" in " ".join(done[-1].notes)


def test_what_the_lake_does_not_have_any_more_ends_it(
    made: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    folder = copy_of(made, tmp_path)
    gone = Folder(folder / "lake", "roll_calendar", ES).version_file(made[1][LABELS[1]])
    gone.unlink()
    done = redo(folder, last_of(made[1]), goes_on=True)
    sameness = {one.step.asset: one.sameness for one in done}
    assert sameness["raw_bars"] is Sameness.SAME
    assert sameness["continuous_bars"] is Sameness.GONE
    assert f"made of {LABELS[1]}" in " ".join(one for each in done for one in each.notes)


def test_a_damaged_file_is_the_step_that_diverges(
    made: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    folder = copy_of(made, tmp_path)
    path = Folder(folder / "lake", "roll_calendar", ES).version_file(made[1][LABELS[1]])
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)
    done = redo(folder, last_of(made[1]))
    assert [one.sameness for one in done] == [Sameness.SAME, Sameness.OTHER]
    assert (done[-1].step.label, done[-1].remade) == (LABELS[1], made[1][LABELS[1]])
    assert "the lake's file of it does not" in " ".join(done[-1].notes)


def test_a_log_is_taken_as_it_is(made: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    folder = copy_of(made, tmp_path)
    lake = Lake(folder / "lake")
    facts = lake.manifest("raw_bars", ES).facts.model_copy(update={"inputs": {}})
    version = lake.write("promotion_log", None, pl.DataFrame({"n": [1]}), facts).data_version
    [only] = redo(folder, {"promotion_log": version})
    assert (only.sameness, only.remade) == (Sameness.GIVEN, None)


@pytest.mark.parametrize(
    ("recorded", "remade", "words"),
    [
        ({"a": [1, 2]}, {"a": [1, 3]}, ["a differs in 1 of 2 rows"]),
        ({"a": [1, 2]}, {"a": [1]}, ["2 rows then, 1 now"]),
        ({"a": [1]}, {"b": [1]}, ["no column a", "new columns b"]),
        ({"a": [1]}, {"a": [1.0]}, ["a was Int64 and is Float64"]),
        ({"a": [None, 1.0]}, {"a": [1.0, None]}, ["a differs in 2 of 2 rows"]),
        ({"a": [[1], [2]]}, {"a": [[1], [3]]}, ["a differs in 1 of 2 rows"]),
        (
            {"a": [1], "b": [1]},
            {"b": [1], "a": [1]},
            ["the same values in another order of columns"],
        ),
    ],
)
def test_a_difference_is_told_without_any_value(
    recorded: dict[str, list[object]], remade: dict[str, list[object]], words: list[str]
) -> None:
    found = differences(pl.DataFrame(recorded), pl.DataFrame(remade))
    assert found[: len(words)] == words

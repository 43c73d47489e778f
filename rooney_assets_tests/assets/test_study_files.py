"""Studies on disk: a training that is killed anywhere ends as if it never had been."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import polars as pl
import pytest

from rooney_assets.study_files import KEPT, StudyFiles
from rooney_assets.training_progress import SECONDS_BETWEEN_LINES, TrialsTold
from rooney_core.errors import InvalidSetting
from rooney_core.modeling.settings import TuningSettings
from rooney_core.modeling.study import TrialRecord
from rooney_core.modeling.training import TrainedModel, train_meta_model

DRAWN = Path(__file__).resolve().parents[1] / "core" / "modeling"
sys.path.append(str(DRAWN))
from drawn_trades import NAMES, training_set  # noqa: E402

SETTINGS = TuningSettings(
    n_random_trials=3, n_bayesian_trials=3, n_folds=4, n_search_trees=3, n_trees=5
)

CHILD = f"""
import sys
sys.path[:0] = [{str(DRAWN)!r}, {str(Path(__file__).parent)!r}]
from pathlib import Path
from test_study_files import train
train(Path(sys.argv[1]), tell=lambda done, planned, best: print(done, flush=True))
"""


def train(folder: Path, tell=None) -> TrainedModel:  # type: ignore[no-untyped-def]
    table = training_set(1, edge=0.4, n=300)
    return train_meta_model(
        table, NAMES, SETTINGS, studies=StudyFiles(folder, "code"), on_trial=tell
    )


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainedModel, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    trained = train(folder)
    return trained, only_file(folder).read_bytes()


def only_file(folder: Path) -> Path:
    (path,) = folder.glob("*.trials")
    return path


def records(n: int) -> list[TrialRecord]:
    return [TrialRecord(i, {"a": 0.1 * i}, (1.0, -0.0), {"score": None}) for i in range(n)]


@pytest.mark.parametrize("n_trials", [1, 4])
def test_a_killed_training_ends_as_if_it_never_had_been(
    tmp_path: Path, uninterrupted: tuple[TrainedModel, bytes], n_trials: int
) -> None:
    """SIGKILL in the middle of the trial after the n-th, in a process of its own."""
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) == n_trials:
                child.kill()
                break
    assert child.returncode == -9
    n_kept = len(only_file(tmp_path).read_bytes().splitlines())
    assert n_trials <= n_kept < SETTINGS.n_trials
    told: list[int] = []
    resumed = train(tmp_path, tell=lambda done, planned, best: told.append(done))
    assert told == list(range(n_kept + 1, SETTINGS.n_trials + 1))
    whole, content = uninterrupted
    assert only_file(tmp_path).read_bytes() == content
    assert resumed.trials.equals(whole.trials, null_equal=True)
    assert resumed.model.to_row("X").equals(whole.model.to_row("X"))


@pytest.mark.parametrize("cut", [1, 40, 400, 1000])
def test_half_a_line_is_cut_and_its_trial_made_again(
    tmp_path: Path, uninterrupted: tuple[TrainedModel, bytes], cut: int
) -> None:
    whole, content = uninterrupted
    train(tmp_path)
    only_file(tmp_path).write_bytes(content[:-cut])
    assert train(tmp_path).trials.equals(whole.trials, null_equal=True)
    assert only_file(tmp_path).read_bytes() == content


def test_a_damaged_line_is_not_believed_nor_what_follows_it(tmp_path: Path) -> None:
    studies = StudyFiles(tmp_path, "code")
    with studies.open("key") as log:
        for record in records(4):
            log.append(record)
    path = only_file(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[1].replace(b"0.1", b"0.2"), *lines[2:]]))
    with studies.open("key") as log:
        assert log.read() == records(1)
    path.write_bytes(lines[0] + lines[2])
    with studies.open("key") as log:
        assert log.read() == records(1)


def test_another_code_version_or_key_is_another_study(tmp_path: Path) -> None:
    with StudyFiles(tmp_path, "code").open("key") as log:
        log.append(records(1)[0])
    for code, key in (("code", "other"), ("other", "key")):
        with StudyFiles(tmp_path, code).open(key) as log:
            assert log.read() == []
    with StudyFiles(tmp_path, "code").open("key") as log:
        assert log.read() == records(1)


def test_a_whole_study_begins_again_only_where_it_is_asked_to(tmp_path: Path) -> None:
    with StudyFiles(tmp_path, "code").open("key") as log:
        for record in records(3):
            log.append(record)
    for start_anew, n_trials, kept in ((False, 3, 3), (True, 4, 3), (True, 3, 0)):
        with StudyFiles(tmp_path, "code", start_anew, n_trials).open("key") as log:
            assert len(log.read()) == kept


def test_old_studies_are_forgotten(tmp_path: Path) -> None:
    studies = StudyFiles(tmp_path, "code")
    for number in range(KEPT + 3):
        with studies.open(str(number)) as log:
            log.append(records(1)[0])
        for age, path in enumerate(sorted(tmp_path.glob("*.trials"), key=os.path.getmtime)):
            os.utime(path, (age, age))
    assert len(list(tmp_path.glob("*.trials"))) == KEPT
    with studies.open(str(KEPT + 2)) as log:
        assert log.read() == records(1)
    with studies.open("0") as log:
        assert log.read() == []


def test_two_trainings_of_one_study_take_turns(tmp_path: Path) -> None:
    seen: list[int] = []
    told = threading.Event()
    studies = StudyFiles(tmp_path, "code", tell=lambda text: told.set())

    def second() -> None:
        with studies.open("key") as log:
            seen.append(len(log.read()))

    with studies.open("key") as log:
        assert not told.is_set()
        thread = threading.Thread(target=second)
        thread.start()
        assert told.wait(timeout=60)
        for record in records(2):
            log.append(record)
        assert seen == []
    thread.join()
    assert seen == [2]


def test_a_folder_that_cannot_be_written_names_the_setting(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("x", encoding="utf-8")
    with (
        pytest.raises(InvalidSetting, match="ROONEY_STATE"),
        StudyFiles(in_the_way / "studies", "code").open("key"),
    ):
        pass


def test_every_trial_is_told_and_one_a_minute_stays() -> None:
    now = [0.0]
    told: list[str] = []
    kept: list[str] = []
    tell = TrialsTold(told.append, kept.append, clock=lambda: now[0])
    for done in range(1, 421):
        now[0] += SECONDS_BETWEEN_LINES / 30
        tell(done, 420, 1.5)
    assert len(told) == 420
    assert told[0] == "trial 1/420, best score 1.50, 14 min left"
    assert told[-2:] == [
        "trial 419/420, best score 1.50, 2 s left",
        "trial 420/420, best score 1.50",
    ]
    assert kept == [told[at - 1] for at in range(30, 421, 30)]


def test_a_quick_search_leaves_its_last_trial() -> None:
    kept: list[str] = []
    tell = TrialsTold(lambda text: None, kept.append, clock=lambda: 0.0)
    for done in range(1, 11):
        tell(done, 10, 0.5)
    assert kept == ["trial 10/10, best score 0.50"]


def test_what_an_earlier_process_left_is_told_and_not_timed() -> None:
    now, told, kept = [0.0], list[str](), list[str]()
    tell = TrialsTold(told.append, kept.append, clock=lambda: now[0])
    now[0] = 2.0
    tell(301, 420, 0.25)
    assert kept == ["goes on after 300 of 420 trials"]
    assert told == ["trial 301/420, best score 0.25, 4 min left"]


def test_pruned_trials_survive_their_file_bit_by_bit(
    uninterrupted: tuple[TrainedModel, bytes],
) -> None:
    whole, content = uninterrupted
    lines = [line.partition(b" ")[2].decode() for line in content.splitlines()]
    found = [TrialRecord.from_json(line) for line in lines]
    assert [one.to_json() for one in found] == lines
    kept = pl.DataFrame([one.facts for one in found], schema=whole.trials.schema)
    assert kept.equals(whole.trials, null_equal=True)

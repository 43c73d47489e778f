"""How a search is shown: a bar in a terminal, ten lines at most in a log."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.progress import Progress

from rooney_assets.cli.trials_shown import TrialsShown


def shown(is_terminal: bool) -> tuple[TrialsShown, Progress, io.StringIO]:
    text = io.StringIO()
    console = Console(file=text, force_terminal=is_terminal, width=140)
    progress = Progress(console=console, disable=not is_terminal)
    return TrialsShown(progress, console), progress, text


@pytest.mark.parametrize(("planned", "lines"), [(10, 10), (420, 10), (3, 3), (1, 1)])
def test_a_log_has_a_line_a_tenth_and_the_last_trial(planned: int, lines: int) -> None:
    trials, _, text = shown(is_terminal=False)
    for done in range(1, planned + 1):
        assert trials.show("SIM_ES", f"trial {done}/{planned}, best score 0.10")
    said = text.getvalue().splitlines()
    assert len(said) == lines
    assert said[-1] == f"  SIM_ES: trial {planned} of {planned}, best score 0.10"


def test_a_terminal_has_a_bar_a_symbol() -> None:
    trials, progress, _ = shown(is_terminal=True)
    trials.show("SIM_ES", "trial 3/10")
    trials.show("SIM_NQ", "trial 1/10, best score 0.10")
    trials.show("SIM_ES", "trial 4/10")
    found = {one.description.strip(): (one.completed, one.total) for one in progress.tasks}
    assert found == {"trials of SIM_ES": (4, 10), "trials of SIM_NQ": (1, 10)}


def test_other_notes_are_left_to_others() -> None:
    trials, progress, text = shown(is_terminal=False)
    assert not trials.show("SIM_ES", "goes on after 5 of 10 trials")
    assert not trials.show("SIM_ES", "")
    assert not progress.tasks
    assert not text.getvalue()

"""Shows a running materialization: a live board in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from rooney_assets.cli.context import Place
from rooney_assets.cli.tables import open_console
from rooney_assets.cli.trials_shown import TrialsShown
from rooney_assets.pool import Report

TITLES = {
    "mandate_page": "mandate",
    "bars_of_symbol": "bars",
    "truth_of_symbol": "truth of the simulation",
    "live_feedback": "the trader's journal",
    "research_of_symbol": "research",
    "portfolio_of_month": "portfolio and gates",
    "release": "production release",
    "calibration": "calibration of the gates",
}


class Board:
    """One line per stage; in a terminal it moves, in a log each finished run is a line."""

    def __init__(self, place: Place) -> None:
        self._console = open_console()
        self._place = place
        self._progress = Progress(
            TextColumn("{task.description:<24}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[now]}", style="dim"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._trials = TrialsShown(self._progress, self._console)
        self._stages: dict[str, Any] = {}
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        kind = " (SIMULATED market)" if self._place.source.is_simulated else ""
        self._console.print(
            f"Lake {self._place.lake.root}, source {self._place.settings.source}{kind}: "
            f"{len(self._place.universe.tradable)} tradable and "
            f"{len(self._place.universe.reference)} reference symbols",
            soft_wrap=True,
        )
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def show(self, event: Mapping[str, Any]) -> None:
        """Take one event of `rooney_assets.headless.run`."""
        if event["event"] == "stage":
            self._stage(event)
        elif event["event"] in ("began", "note"):
            text = event.get("text", "")
            self._trials.show(event["key"] or "", text)
            now = f"{event['asset']}[{event['key'] or ''}] {text}"
            self._progress.update(self._stages[event["stage"]], now=now)
        elif event["event"] == "milestone":
            # What is no trial has no bar that shows it: it is a line in a terminal as well.
            if not self._trials.show(event["key"] or "", event["text"]):
                said = f"  {event['asset']}[{event['key'] or ''}] {event['text']}"
                self._console.print(said, soft_wrap=True)
        elif event["event"] in ("run_ended", "run_failed"):
            self._run_over(event)

    def conclude(self, report: Report) -> None:
        """Say what was done, what was not needed, and what failed."""
        seconds = time.monotonic() - self._began
        if report.made == 0 and report.reused == 0 and report.succeeded:
            self._console.print(
                f"Nothing to do: all {report.current} partitions are up to date "
                f"(data versions match), checked in {seconds:.1f} s.",
                soft_wrap=True,
            )
            return
        self._console.print(
            f"{report.made} partitions made, {report.reused + report.current} unchanged "
            f"(data versions match), {len(report.failures)} failed, in {seconds:.1f} s.",
            soft_wrap=True,
        )
        for where, why in report.failures.items():
            # Many a reason begins with the symbol itself.
            told = why.removeprefix(f"{where}: ")
            self._console.print(f"  {where}: {told}", style="red", soft_wrap=True)

    def _stage(self, event: Mapping[str, Any]) -> None:
        title = TITLES[event["stage"]]
        total = event["tasks"]
        now = "" if total else "up to date"
        self._stages[event["stage"]] = self._progress.add_task(title, total=total, now=now)
        if not self._console.is_terminal:
            todo = f"{total} of {event['partitions']} partitions to do" if total else "up to date"
            self._console.print(f"{title}: {todo}")

    def _run_over(self, event: Mapping[str, Any]) -> None:
        self._progress.update(self._stages[event["stage"]], advance=1)
        if not self._console.is_terminal:
            word = "done" if event["event"] == "run_ended" else "FAILED"
            self._console.print(f"  {TITLES[event['stage']]}: {event['key'] or 'all'} {word}")

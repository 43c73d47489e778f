"""What follows what by itself: one line per asset, with its condition and the reason for it.

Belongs here: the automation conditions and freshness policies of all assets. Does not belong here:
when something is fetched or trained (`schedules`, `sensors`), or how many runs go at once
(`run_control`).

`FOLLOWS` is the whole picture. The condition of an asset that follows: the data version of
something it reads has changed since it was last asked for, its own inputs are there, and nothing
that it reads is being made. An asset that is made anew with the same content has the same
data version, and whatever reads it stays as it is. So a new day of one symbol reaches what depends
on that symbol, and stops where it changes nothing. Assets of one partition that follow each other
go as one run; there, each step compares versions before it works.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import dagster as dg

from rooney_assets.checks.release import RELEASES
from rooney_assets.graph.declaration import Asset, Partitioning, Reach
from rooney_assets.headless import next_month
from rooney_assets.lake import Lake
from rooney_assets.promotion import CANDIDATE, EVIDENCE, REPORT, made_of_others, newest_month
from rooney_assets.settings import Settings
from rooney_core.errors import MissingArtifact
from rooney_core.market.instruments import Universe

_BARS: Final = ("continuous_bars", "session_bars")


@dataclass(frozen=True)
class Follows:
    """How an asset follows what it reads. `reason`: why so, for the UI.

    `by_itself`: whether any condition asks for it; else schedules, the retraining sensor and people
    do. `whatever`: inputs whose change alone is not followed. `at_once`: in the run that makes what
    it reads, before that is known to have changed; else afterwards, and only if it has.
    """

    reason: str
    by_itself: bool = True
    whatever: tuple[str, ...] = field(default=())
    at_once: bool = True


FOLLOWS: Final[dict[str, Follows]] = {
    # Bars.
    "raw_bars": Follows("fetched after each product group's close, by its schedule", False),
    "roll_calendar": Follows("cheap, and decided from finished sessions of the bars"),
    "continuous_bars": Follows("cheap, and every number downstream is of them"),
    "session_bars": Follows("cheap, and the daily rules and features read them"),
    "simulated_truth": Follows("reads nothing that changes; for a person's eyes", False),
    # Live: read when the trader wrote, which a sensor sees; what it teaches follows.
    "live_runs": Follows("read when the trader's journal was written, by its sensor", False),
    "live_decisions": Follows("cheap: rows that the trader added"),
    "live_orders": Follows("cheap: rows that the trader added, or whose state moved"),
    "live_fills": Follows("cheap: what the broker reported, or a person corrected"),
    "live_trades": Follows("cheap: round trips that ended"),
    "cost_model": Follows("moves with every so many fills; whatever counts costs follows it"),
    "live_performance": Follows("a trade that ended is judged at once"),
    "parity_report": Follows("a live day is replayed when its bars are there"),
    # Factory: seconds a symbol. It searches years that a new day is not among, so its version stays
    # and nothing further follows, unless history was restated.
    "strategy_results": Follows("history that was restated makes another search"),
    "strategy_ranking": Follows("cheap; of what the search found, or of another mandate"),
    "best_strategy": Follows("cheap; the first of the ranking"),
    # Models: training takes minutes to hours and is asked for with a reason.
    "training_set": Follows("a new day may have ended a trade"),
    "meta_model": Follows(
        "hours of search: asked for weekly, by the retraining sensor with its reason, or by hand",
        False,
    ),
    "drift_report": Follows(
        "what the newest signals say of the model, and live trades or its judge"
    ),
    "trial_ledger": Follows("what was searched is counted, and what was not is not", at_once=False),
    "model_evaluation": Follows(
        "a new model is judged once; new days alone are judged with the next training",
        whatever=("training_set", "session_bars"),
    ),
    "holdout_looks": Follows("a look is shown as soon as it was taken"),
    # Money and gates: what was judged anew is drawn, stressed and compared anew.
    "equity_curve": Follows(
        "of what the evaluation published", whatever=("training_set", "session_bars")
    ),
    "stress_report": Follows("a model that was judged anew is stressed anew", whatever=_BARS),
    "portfolio_config": Follows(
        "the month that trades next is chosen anew among models that were judged anew",
        whatever=("training_set",),
    ),
    "release_candidate": Follows("what that month would trade"),
    "paper_report": Follows("paper trading is of exactly one candidate", whatever=_BARS),
    "gate_report": Follows("the gates judge exactly one candidate"),
    "release_evidence": Follows("tells what the gates saw"),
    "mandate": Follows(
        "a person's page: read with the month, and whenever somebody runs it", False
    ),
    "production_model": Follows("asks to be promoted; its blocking checks are the gates' answer"),
    "production_config": Follows(
        "with production_model; the equity curves it keeps beside it are of the candidate",
        whatever=("equity_curve",),
    ),
    "gate_calibration": Follows("hours of simulation, and of no new day: by hand", False),
}

FOLLOWED_MONTHLY: Final = (Partitioning.MONTH, Partitioning.NONE)
"""What is made of a month is asked for by a sensor of its own, so that it can be switched off
while bars and research go on."""

# No status per partition: an asset is as fresh as its latest run. A long weekend is three days.
_BARS_FRESH: Final = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(days=5), warn_window=timedelta(days=4)
)
_MODELS_FRESH: Final = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(days=15), warn_window=timedelta(days=8)
)
_RELEASES_FRESH: Final = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(days=100), warn_window=timedelta(days=36)
)
FRESHNESS: Final[dict[str, dg.FreshnessPolicy]] = {
    # Bars come on every trading day; models are asked for weekly; releases monthly, and an approval
    # ends after 100 days.
    **dict.fromkeys(("raw_bars", "roll_calendar", *_BARS), _BARS_FRESH),
    **dict.fromkeys(("training_set", "meta_model", "model_evaluation"), _MODELS_FRESH),
    **dict.fromkeys(
        ("portfolio_config", "gate_report", "release_evidence", "production_model"),
        _RELEASES_FRESH,
    ),
    "production_config": _RELEASES_FRESH,
}


class TradesNext(dg.AutomationCondition[dg.AssetKey]):
    """True for the month that trades next, the only one that a changed judgement is about."""

    def __init__(self, lake: Lake, universe: Universe) -> None:
        self.lake = lake
        self.universe = universe

    @property
    def name(self) -> str:
        """What the UI calls it."""
        return "trades_next"

    @property
    def description(self) -> str:
        """What it means, for the UI."""
        return "The month after the newest session of any tradable symbol"

    def evaluate(self, context: Any) -> Any:
        """The candidates, as far as they are that month."""
        try:
            month = next_month(self.lake, self.universe)
        except MissingArtifact:
            return dg.AutomationResult(context, context.get_empty_subset())
        subset = context.candidate_subset.compute_intersection_with_partition_keys({month})
        return dg.AutomationResult(context, subset)


class JudgedWhole(dg.AutomationCondition[dg.AssetKey]):
    """True while the newest month's gates and evidence are of the candidate that is there.

    A candidate is made minutes before its gates have spoken; asked for in between, a promotion
    would be refused, and a person told of it, for nothing. Where something is missing it is true:
    the run tells what.
    """

    def __init__(self, lake: Lake) -> None:
        self.lake = lake

    @property
    def name(self) -> str:
        """What the UI calls it."""
        return "judged_whole"

    @property
    def description(self) -> str:
        """What it means, for the UI."""
        return "Gates and evidence are of the candidate and the paper trading that are there"

    def evaluate(self, context: Any) -> Any:
        """The candidates, all or none."""
        try:
            month = newest_month(*map(self.lake.partitions, (CANDIDATE, REPORT, EVIDENCE)))
            waits = bool(made_of_others(self.lake, month))
        except MissingArtifact:
            waits = False
        subset = context.get_empty_subset() if waits else context.candidate_subset
        return dg.AutomationResult(context, subset)


def condition_of(
    asset: Asset, settings: Settings, universe: Universe
) -> dg.AutomationCondition[Any] | None:
    """The condition of an asset, None where nothing asks for it by itself."""
    follows = FOLLOWS[asset.name]
    if not follows.by_itself:
        return None
    one = dg.AutomationCondition
    news = one.data_version_changed() & ~one.executed_with_root_target()
    moved = one.any_deps_match(news | one.will_be_requested() if follows.at_once else news)
    if follows.whatever:
        moved = moved.ignore(dg.AssetSelection.assets(*follows.whatever))
    condition = moved.since_last_handled() & ~one.any_deps_in_progress() & ~one.in_progress()
    # Of what is read of many partitions, those count that are there.
    needed = [name for name, reads in asset.inputs.items() if reads.reach is Reach.SAME]
    if needed:
        missing = one.any_deps_match(one.missing() & ~one.will_be_requested()).allow(
            dg.AssetSelection.assets(*needed)
        )
        condition = condition & ~missing
    if asset.partitioning is Partitioning.MONTH:
        condition = condition & TradesNext(Lake(settings.lake), universe)
    if asset.name in RELEASES:
        condition = condition & JudgedWhole(Lake(settings.lake))
    return condition.with_label(follows.reason)

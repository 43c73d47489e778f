"""Beside the stages: whether the markets have moved away from what a model learnt."""

from __future__ import annotations

import polars as pl

from rooney_assets.graph.declaration import Here, Made, Reach, lake_asset
from rooney_assets.ledger import model_alone
from rooney_core.backtest.costs import CostModel
from rooney_core.errors import RefusedError
from rooney_core.features import FeedNames, Feeds
from rooney_core.feedback.costs import with_costs
from rooney_core.gates.drift import DriftLimits, drift_of
from rooney_core.labeling import build_training_set
from rooney_core.market.instruments import Instrument
from rooney_core.modeling.meta_model import MetaModel
from rooney_core.strategies import VARIANTS
from rooney_core.strategies.peers import PeerSessions


@lake_asset(
    group="feedback",
    rooms=(
        *("market", "indicators", "strategies", "backtest", "features", "labeling", "modeling"),
        *("validation", "feedback.costs", "rooney_core.gates.drift", "rooney_assets.ledger"),
    ),
    reach={"continuous_bars": Reach.INFORMING, "session_bars": Reach.INFORMING},
    params=DriftLimits,
)
def drift_report(
    here: Here,
    continuous_bars: dict[str, pl.DataFrame],
    session_bars: dict[str, pl.DataFrame],
    best_strategy: pl.DataFrame,
    training_set: pl.DataFrame,
    meta_model: pl.DataFrame,
    model_evaluation: pl.DataFrame,
    cost_model: pl.DataFrame | None = None,
) -> Made:
    """The strategy's newest trades against those that its model learnt from: features and promises.

    Per feature the population stability index, what stretches of the train window of the same
    length come to, and a two-sample test (`drift_report_features`); and whether as many of the
    trades won as the model promised. All trades of the unfiltered strategy count. They lie in the
    sealed years: so of them only these summaries are kept, and only of a model whose test window
    has been opened and paid for already. A retraining may be asked for because of them; nothing is
    chosen by them.
    """
    model = MetaModel.from_row(model_alone(meta_model))
    version = str(meta_model["model_version"][0])
    if str(model_evaluation["model_version"][0]) != version:
        raise RefusedError(
            f"{here.symbol} has model {version}, which has not been evaluated: what came of its "
            "newest trades stays sealed. Materialize model_evaluation first."
        )
    instrument = with_costs(here.instrument, cost_model)
    recent = _trades_with_outcomes(here, instrument, best_strategy, continuous_bars, session_bars)
    table, features = drift_of(
        here.symbol,
        model,
        version,
        training_set.filter(pl.col("split") == "train"),
        recent,
        session_bars[here.symbol]["session"],
        here.params,
    )
    notes = {"said": _words(table.row(0, named=True)), "features": features.head(15)}
    return Made(table, beside={"features": features}, notes=notes)


def _trades_with_outcomes(
    here: Here,
    instrument: Instrument,
    best_strategy: pl.DataFrame,
    continuous_bars: dict[str, pl.DataFrame],
    session_bars: dict[str, pl.DataFrame],
) -> pl.DataFrame:
    """The rows of the training set, as the live days would make them, from the bars alone."""
    candidate = best_strategy.row(0, named=True)
    variant = VARIANTS[candidate["variant"]]
    names = FeedNames.of(here.universe, here.symbol)
    peers = {
        symbol: PeerSessions.from_session_bars(session_bars[symbol])
        for symbol in here.universe.peers_of(here.symbol)
        if symbol in session_bars
    }
    return build_training_set(
        continuous_bars[here.symbol],
        variant,
        variant.parse_params(candidate["params"]),
        CostModel.of(instrument),
        instrument,
        Feeds.from_tables(names, continuous_bars, session_bars),
        peers=peers,
    )


def _words(row: dict[str, object]) -> str:
    if row["note"]:
        return str(row["note"])
    return (
        f"{row['n_drifted']} of {row['n_features']} features moved; "
        f"{row['recent_win_rate']:.0%} of {row['n_recent_trades']} trades won, "
        f"{row['promised_win_rate']:.0%} promised (z {row['calibration_z'] or 0:+.1f})"
    )

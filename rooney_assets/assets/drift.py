"""Beside the stages: whether the markets have moved away from what a model learnt."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from rooney_assets.feedback.followed import model_versions, newest_of, of_mode
from rooney_assets.graph.declaration import Here, Made, Reach, lake_asset
from rooney_assets.ledger import model_alone
from rooney_core.errors import RefusedError
from rooney_core.features import FeedNames, Feeds, compute_features, feature_names
from rooney_core.gates.drift import (
    DriftLimits,
    Witness,
    compared_features,
    drift_of,
    newest_sessions,
)
from rooney_core.gates.promises import CALIBRATION_SCHEMA, Calibration
from rooney_core.market.bars import BarArrays
from rooney_core.modeling.meta_model import MetaModel

Tables = dict[str, pl.DataFrame]


@lake_asset(
    group="feedback",
    rooms=(
        *("market", "features", "modeling", "rooney_core.gates.drift", "gates.promises"),
        *("rooney_assets.feedback.followed", "rooney_assets.ledger"),
    ),
    reach={"continuous_bars": Reach.INFORMING, "session_bars": Reach.INFORMING},
    params=DriftLimits,
)
def drift_report(
    here: Here,
    continuous_bars: Tables,
    session_bars: Tables,
    training_set: pl.DataFrame,
    meta_model: pl.DataFrame,
    model_evaluation: pl.DataFrame,
    live_trades: pl.DataFrame,
    live_decisions: pl.DataFrame,
    live_runs: pl.DataFrame,
) -> Made:
    """The strategy's newest signals against those that its model learnt from; and the promises.

    Per feature the population stability index, what stretches of the train window of the same
    length come to, and a two-sample test (`drift_report_features`). Of the newest trades only the
    inputs are read, at the moments that `training_set` shows of its sealed rows; features made of
    the results of earlier trades are left out.

    Whether as many trades won as the model promised is told by live trading, or else by what
    `model_evaluation` published under its recorded look (`calibration_of`). No outcome is counted
    from bars: those after the evaluation's window are the test of whatever comes next.
    """
    model = MetaModel.from_row(model_alone(meta_model))
    version = str(meta_model["model_version"][0])
    sessions = session_bars[here.symbol]["session"]
    begin = newest_sessions(sessions, here.params)
    trained_on = training_set.filter(pl.col("split") == "train")
    _require_features(here, model, trained_on)
    signals = training_set["label_start"].filter(training_set["label_start"].dt.date() >= begin[0])
    told = {Witness.EVALUATION: _published(model_evaluation, version)}
    if _is_money(trained_on):
        rows = _traded(here, version, live_trades, live_decisions, live_runs)
        told[Witness.LIVE] = _kept(rows.filter(pl.col("session") >= begin[0]))
    table, features = drift_of(
        here.symbol,
        model,
        version,
        trained_on,
        _inputs(here, signals, continuous_bars, session_bars),
        sessions,
        told,
        here.params,
    )
    notes = {"said": _words(table.row(0, named=True)), "features": features.head(15)}
    return Made(table, beside={"features": features}, notes=notes)


def _require_features(here: Here, model: MetaModel, trained_on: pl.DataFrame) -> None:
    missing = [name for name in compared_features(model) if name not in trained_on.columns]
    if missing:
        raise RefusedError(
            f"{here.symbol}: the model reads {', '.join(missing)}, and the training set of today's "
            "universe has no such feature. Train it anew: `rooney materialize --symbols "
            f"{here.symbol} --to meta_model`."
        )


def _inputs(
    here: Here, signals: pl.Series, continuous_bars: Tables, session_bars: Tables
) -> pl.DataFrame:
    """`label_start` and the features at the bars that ended at `signals`, as far as there are such;
    what is made of earlier trades is null."""
    names = FeedNames.of(here.universe, here.symbol)
    bars = BarArrays.from_frame(continuous_bars[here.symbol], here.instrument)
    ends = pl.Series("label_start", bars.bar_end_us).cast(signals.dtype)
    at = ends.is_in(signals.implode()).arg_true()
    feeds = Feeds.from_tables(names, continuous_bars, session_bars)
    values = compute_features(bars, at.to_numpy(), feeds)
    schema = dict.fromkeys(feature_names(names), pl.Float64)
    features = pl.DataFrame(values, schema=schema, orient="row").fill_nan(None)
    return features.with_columns(ends[at])


def _is_money(trained_on: pl.DataFrame) -> bool:
    """Whether the model promises trades that earn money, the only outcome that live trading has."""
    earned = trained_on["net_profit_usd"] > 0
    return bool((earned == (trained_on["meta_label"] == 1)).all())


def _traded(
    here: Here, version: str, trades: pl.DataFrame, decisions: pl.DataFrame, runs: pl.DataFrame
) -> pl.DataFrame:
    """`session`, `probability` and `won` of each ended trade of this model, by moment of signal.

    At the broker's prices where both ends were reported. Trades that no decision on record gave (a
    person's) promised nothing and are left out.
    """
    mine = newest_of(of_mode(trades, runs, here.instrument), "signal_time")
    of_kind = runs.filter(pl.col("mode").is_in(mine["mode"].unique().implode()))
    models = model_versions(here.lake, of_kind["release_id"], here.symbol)
    is_same = pl.col("release_id").is_in([name for name, one in models.items() if one == version])
    # Any run of that kind: a restart in between leaves the trade another run's than the decision.
    entered = decisions.filter(
        (pl.col("symbol") == here.symbol)
        & (pl.col("action") == "enter")
        & pl.col("probability").is_not_null()
    ).join(of_kind.filter(is_same).select("run_id", "started_at"), on="run_id")
    promised = newest_of(entered, "bar_end").select(
        "session", "probability", signal_time=pl.col("bar_end")
    )
    net = pl.coalesce("reported_net_profit_usd", "net_profit_usd")
    return (
        mine.filter(is_same)
        .join(promised, on="signal_time")
        .select("session", "probability", won=(net > 0).cast(pl.Float64))
    )


def _kept(rows: pl.DataFrame) -> Calibration:
    first, last = rows["session"].min(), rows["session"].max()
    return Calibration.of(rows["probability"].to_numpy(), rows["won"].to_numpy(), first, last)  # type: ignore[arg-type]


def _published(evaluation: pl.DataFrame, version: str) -> Calibration:
    """What the evaluation of this very model tells; nothing where it is of another model, or was
    made by code that did not tell yet."""
    row: Mapping[str, object] = evaluation.row(0, named=True)
    if row["model_version"] != version or not set(CALIBRATION_SCHEMA) <= set(row):
        return Calibration()
    return Calibration(**{name: row[name] for name in CALIBRATION_SCHEMA})  # type: ignore[arg-type]


def _words(row: dict[str, object]) -> str:
    moved = row["note"] or f"{row['n_drifted']} of {row['n_features']} features moved"
    if row["calibration_note"]:
        return f"{moved}; {row['calibration_note']}"
    return (
        f"{moved}; {row['recent_win_rate']:.0%} of {row['calibration_trades']} trades won, "
        f"{row['promised_win_rate']:.0%} promised (z {row['calibration_z'] or 0:+.1f}, told by "
        f"{row['calibration_of']})"
    )

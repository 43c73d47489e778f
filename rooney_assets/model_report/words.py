"""A model's standing in words and numbers, the same in the terminal, on the page, and as JSON.

Belongs here: which facts are told, and how. Does not belong here: printing (`cli`), HTML (`page`).
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from rooney_assets.graph.page import number, percent
from rooney_assets.model_report.standing import Standing
from rooney_core.modeling.settings import TuningSettings

Rows = list[tuple[str, str]]

WINDOW_HEAD = ("window", "Sharpe", "unfiltered", "trades", "taken", "win rate", "unfiltered")


def warnings_of(standing: Standing) -> list[str]:
    """What a reader must know before the numbers."""
    said = []
    if standing.portrait.symbol.startswith("SIM_"):
        said.append("SIMULATED market: nothing here says anything about real prices.")
    if standing.portrait.is_two_way:
        said.append(
            "Two-way split: the validation years were trained on too, so their numbers are in "
            "sample, and the threshold was chosen out of fold."
        )
    n_trials, full = standing.portrait.model.n_trials, TuningSettings().n_trials
    if n_trials < full:
        said.append(f"A quick search: {n_trials} sets were scored, {full} is the default.")
    return said


def windows_table(standing: Standing) -> list[tuple[str, ...]]:
    """Rows of WINDOW_HEAD: train, validation, and test as far as it was evaluated."""
    rows = []
    for row in standing.portrait.windows.iter_rows(named=True):
        in_sample = row["window"] == "train" or standing.portrait.is_two_way
        rows.append(
            (
                f"{row['window']}{' (in sample)' if in_sample else ''}",
                number(row["annual_sharpe"]),
                number(row["unfiltered_sharpe"]),
                str(row["trades"]),
                str(row["taken"]),
                percent(row["win_rate"]),
                percent(row["unfiltered_win_rate"]),
            )
        )
    found = standing.evaluation
    if found is None:
        return [*rows, ("test", "sealed", "", "", "", "", "")]
    primary = found.get("unfiltered_test_trades")
    return [
        *rows,
        (
            "test",
            number(found["test_sharpe"]),
            number(found["unfiltered_test_sharpe"]),
            "-" if primary is None else str(primary),
            str(found["test_trades"]),
            percent(found["test_win_rate"]) or "-",
            percent(found.get("unfiltered_test_win_rate")) or "-",
        ),
    ]


def model_rows(standing: Standing) -> Rows:
    """What the model is and how it was chosen."""
    portrait, model = standing.portrait, standing.portrait.model
    paths = ", ".join(number(one) for one in portrait.path_sharpes) or "none is defined"
    return [
        ("model version", portrait.model_version),
        ("threshold", f"{model.threshold:g}: {model.threshold_reason}"),
        ("calibration", _calibration(model.calibration.slope, model.calibration.intercept)),
        ("forest's weight", f"{model.forest_weight:g}; the booster has the rest"),
        ("CPCV path Sharpes", f"{paths}; mean {number(model.cpcv_sharpe_mean)}"),
        ("trials", _trials(standing)),
        ("split", _split(standing)),
        ("features", str(len(model.features))),
    ]


def evaluation_rows(standing: Standing) -> Rows:
    """The verdict and its numbers, or why there is none."""
    found = standing.evaluation
    symbol = standing.portrait.symbol
    if found is None:
        # Without --quick, a quick model would first be replaced by one of a full search.
        is_quick = standing.portrait.model.n_trials == TuningSettings.quick().n_trials
        command = f"rooney train {symbol}{' --quick' if is_quick else ''} --evaluate"
        how = f"`{command}` spends a look at the sealed test window"
        return [("verdict", f"not evaluated; {how}"), ("looks", standing.looks.told)]
    return [
        ("verdict", found["verdict"].upper() + _significance(found)),
        *(("reason", _reason(one)) for one in found["reasons"]),
        *(("warning", _reason(one)) for one in found["warnings"]),
        ("lift over unfiltered", lift_told(found)),
        ("deflated Sharpe", _deflated(found)),
        ("average test profit", f"{number(found['test_avg_profit_usd'])} USD a trade"),
        ("looks", standing.looks.told),
    ]


def lift_told(found: Mapping[str, Any]) -> str:
    """Filtered minus unfiltered Sharpe, with its interval."""
    lift, low, high = (found.get(f"lift_sharpe{end}") for end in ("", "_low", "_high"))
    if lift is None:
        return "unknown"
    interval = "no interval" if low is None else f"90 % interval {low:.2f} to {high:.2f}"
    return f"annual Sharpe {lift:+.2f}, {interval}"


def origin_rows(standing: Standing) -> Rows:
    """Where it came from: versions, code, MLflow."""
    manifest, registered = standing.manifest, standing.registered
    own = f"[{standing.portrait.symbol}]"
    mine = {name: one for name, one in standing.lineage.items() if name.endswith(own)}
    others = [name.rstrip("]").split("[") for name in standing.lineage if name not in mine]
    tables, symbols = (", ".join(sorted({one[at] for one in others})) for at in (0, -1))
    return [
        *mine.items(),
        *([("of other symbols", f"{tables} of {symbols}")] if others else []),
        ("code version", manifest.code_version),
        ("git commit", manifest.git_commit),
        ("Dagster run", manifest.run_id),
        ("MLflow run", "not found" if registered is None else registered.run_id),
        ("MLflow registry", "not registered" if registered is None else registered.told),
    ]


def hyperparameter_rows(standing: Standing) -> Rows:
    """The chosen set."""
    chosen = json.loads(standing.portrait.model.hyperparameters)
    told = {
        name: f"{one:.4g}" if isinstance(one, float) else str(one) for name, one in chosen.items()
    }
    return [*told.items()]


FEATURE_HEAD = ("feature", "importance", "±", "contribution", "known in train", "in validation")


def feature_table(standing: Standing) -> list[tuple[str, ...]]:
    """Rows of FEATURE_HEAD, the one with the largest mean absolute contribution first."""
    known = {
        (row["feature"], row["split"]): row["coverage"]
        for row in standing.portrait.coverage.iter_rows(named=True)
    }
    return [
        (
            row["feature"],
            number(row["importance"], 5),
            number(row["importance_sd"], 5),
            number(row["mean_contribution"], 5),
            percent(known.get((row["feature"], "train"))) or "-",
            percent(known.get((row["feature"], "validation"))) or "-",
        )
        for row in standing.portrait.weights.iter_rows(named=True)
    ]


RELIABILITY_HEAD = ("from", "to", "trades", "stated", "won")


def reliability_table(standing: Standing) -> list[tuple[str, ...]]:
    """Rows of RELIABILITY_HEAD: mean stated probability against the share of wins, bin by bin."""
    return [
        (
            number(row["low"], 3),
            number(row["high"], 3),
            str(row["n"]),
            percent(row["mean_probability"]),
            percent(row["win_share"]),
        )
        for row in standing.portrait.model.reliability.iter_rows(named=True)
    ]


def facts_of(standing: Standing) -> dict[str, Any]:
    """Everything for a program; NaN and infinities as None."""
    portrait, model = standing.portrait, standing.portrait.model
    registered, found = standing.registered, standing.evaluation
    daily = ("test_sessions", "test_daily_pnl_usd", "test_daily_return")
    facts = {
        "symbol": portrait.symbol,
        "model_version": portrait.model_version,
        "features": portrait.weights.to_dicts(),
        "coverage": portrait.coverage.to_dicts(),
        "hyperparameters": json.loads(model.hyperparameters),
        "threshold": model.threshold,
        "threshold_reason": model.threshold_reason,
        "forest_weight": model.forest_weight,
        "split": model.windows,
        "calibration": {
            "slope": model.calibration.slope,
            "intercept": model.calibration.intercept,
        },
        "reliability": model.reliability.to_dicts(),
        "cpcv_sharpe_mean": model.cpcv_sharpe_mean,
        "cpcv_path_sharpes": portrait.path_sharpes,
        "n_trials": model.n_trials,
        "windows": portrait.windows.to_dicts(),
        "judged_on": portrait.judged_on,
        "evaluation": None
        if found is None
        else {name: value for name, value in found.items() if name not in daily},
        "looks": {"used": standing.looks.used, "budget": standing.looks.budget},
        "lineage": dict(standing.lineage),
        "code_version": standing.manifest.code_version,
        "git_commit": standing.manifest.git_commit,
        "run_id": standing.manifest.run_id,
        "mlflow": None if registered is None else registered.as_facts(),
        "warnings": warnings_of(standing),
    }
    return {name: _plain(value) for name, value in facts.items()}


def _calibration(slope: float, intercept: float) -> str:
    if (slope, intercept) == (1.0, 0.0):
        return "none: probabilities are those of the blend"
    if slope == 0.0:
        return "the base rate for every trade: outcomes contradict the order of the probabilities"
    return f"logit times {slope:.3f}, plus {intercept:+.3f} (Platt, on out-of-fold trades)"


def _trials(standing: Standing) -> str:
    trials = standing.portrait.trials
    given_up = trials["score"].is_null().sum()
    said = f"{standing.portrait.model.n_trials} sets scored"
    return f"{said}, {given_up} of them given up early" if given_up else said


def _split(standing: Standing) -> str:
    if standing.portrait.is_two_way:
        return "two-way: the validation window trained too"
    return "three-way: the validation window chose the threshold, and trained nothing"


def _significance(found: Mapping[str, Any]) -> str:
    return ", significant" if found["significant"] else ", not significant"


def _reason(one: Mapping[str, str]) -> str:
    return f"{one['text']} ({one['code']})"


def _deflated(found: Mapping[str, Any]) -> str:
    effective = found["n_trials_effective"]
    beside = "" if effective is None else f" ({effective:,.0f} clusters)"
    return (
        f"z {number(found['deflated_sharpe_z'])}, probability "
        f"{number(found['deflated_sharpe_prob'], 3)}, after {found['n_trials_raw']:,} trials"
        f"{beside}; best expected of luck {number(found['sr0_annual'])}"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)

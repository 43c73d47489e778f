"""Is the challenger worse than the champion, on the days that both are known for?

Belongs here: the paired test of two releases. Does not belong here: which releases, or what is
done about the answer (`promotion`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from rooney_core.gates.settings import PromotionLimits
from rooney_core.validation.lift import sharpe_lift
from rooney_core.validation.sharpe import annual_sharpe

DAYS_SCHEMA = {"symbol": pl.String(), "session": pl.Date(), "daily_pnl_usd": pl.Float64()}
"""Published days of the traded symbols: net result of one contract, flat days as 0."""


@dataclass(frozen=True)
class ChampionTest:
    """Annual Sharpes on `n_common` sessions; NaN where undefined or not compared.

    `worse_share`: of the paired resamples, those in which the challenger's is the lower.
    """

    passed: bool
    reason: str
    n_common: int = 0
    challenger_sharpe: float = math.nan
    champion_sharpe: float = math.nan
    worse_share: float = math.nan


def portfolio_days(days: pl.DataFrame, sizes: Mapping[str, int]) -> pl.DataFrame:
    """frame(session, daily_pnl_usd), ascending: DAYS_SCHEMA rows times contracts, summed.

    Only sessions that all traded symbols have days around: from the latest first to the earliest
    last session of any; within, a session that a symbol lacks is a flat day of it. Every symbol
    trades its size, as if the limit on open positions never denied one.
    """
    traded = {symbol: size for symbol, size in sizes.items() if size > 0}
    held = days.filter(pl.col("symbol").is_in(list(traded)))
    missing = set(traded) - set(held["symbol"])
    if missing or not traded:
        return pl.DataFrame(
            schema={name: DAYS_SCHEMA[name] for name in ("session", "daily_pnl_usd")}
        )
    spans = held.group_by("symbol").agg(
        pl.col("session").min().alias("first"), pl.col("session").max().alias("last")
    )
    contracts = pl.col("symbol").replace_strict(traded, return_dtype=pl.Float64)
    return (
        held.filter(pl.col("session").is_between(spans["first"].max(), spans["last"].min()))
        .group_by("session")
        .agg((pl.col("daily_pnl_usd") * contracts).sum())
        .sort("session")
    )


def champion_test(
    challenger: pl.DataFrame, champion: pl.DataFrame, limits: PromotionLimits
) -> ChampionTest:
    """Whether the challenger is no worse, day by day on the sessions that both have.

    Frames as `portfolio_days` returns them. The Sharpe of a daily P&L in USD is that of its returns
    on any constant cash. Fails with too few common sessions, a Sharpe that is lower by more than
    the limit allows, or too large a share of paired resamples (stationary bootstrap,
    `validation.lift`) in which it is lower; equal is not worse. A champion that never traded in the
    common sessions earned nothing: its Sharpe counts as 0, and there is nothing to resample.
    """
    both = challenger.join(champion, on="session", how="inner", suffix="_champion").sort("session")
    if both.height < limits.min_common_sessions:
        reason = (
            f"{both.height} common published sessions; at least {limits.min_common_sessions} are "
            "needed to compare"
        )
        return ChampionTest(False, reason, both.height)
    new, old = both["daily_pnl_usd"], both["daily_pnl_usd_champion"]
    mine, theirs = annual_sharpe(new.to_numpy()), annual_sharpe(old.to_numpy())
    lift = sharpe_lift(new, old)
    if math.isnan(theirs):
        theirs = 0.0
    is_close = mine >= theirs - limits.max_sharpe_shortfall
    is_likely_worse = lift.share_below > limits.max_worse_share
    words = (
        f"Sharpe {mine:.2f} against {theirs:.2f} on {both.height} common sessions (may be lower by "
        f"{limits.max_sharpe_shortfall:g}); lower in {lift.share_below:.0%} of paired resamples "
        f"(at most {limits.max_worse_share:.0%})"
    )
    passed = is_close and not is_likely_worse
    return ChampionTest(passed, words, both.height, mine, theirs, lift.share_below)

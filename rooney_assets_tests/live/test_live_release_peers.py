"""A release of a variant that compares symbols says with which, and the trader needs their bars."""

from __future__ import annotations

import polars as pl
import pytest
from small_release import MARKET, OUT, REFERENCES, TERMS, universe, write, write_release

from rooney_core.backtest import CostModel
from rooney_core.errors import NotEnoughData, ReleaseRejected
from rooney_core.features import PRIOR_TRADE_BARS
from rooney_core.market.instruments import Universe
from rooney_core.release import build_release, load_release, release_id
from rooney_core.strategies import VARIANTS, params_json
from rooney_live.journal import Journal
from rooney_live.preflight import preflight
from rooney_live.rehearsal.bars import open_market
from rooney_live.rehearsal.rehearse import rehearse
from rooney_live.settings import read_settings

PEER = OUT
SHORT = {"window_sessions": 20, "enter_beyond": 1.0}


def wider() -> Universe:
    """The small release's universe, with costs by the hour."""
    hours = tuple(1.0 + hour % 2 for hour in range(24))
    return Universe(
        instruments=tuple(
            one.model_copy(update={"slippage_by_hour": hours}) for one in universe().instruments
        )
    )


def released(parts, variant: str, params: dict | None = None):
    """Tables of a release in which SIM_ES follows another strategy."""
    chosen = VARIANTS[variant].parse_params(params)
    strategies = {
        "SIM_ES": pl.DataFrame({"variant": [variant], "params": [params_json(chosen)]}),
        PEER: pl.DataFrame({"variant": ["ibs_baseline"], "params": ["{}"]}),
    }
    known = wider()
    return build_release(
        rebalance_month="2021-04",
        members=pl.DataFrame({"symbol": ["SIM_ES"], "size": [1]}),
        reasons=dict.fromkeys(known.tradable, "because"),
        meta_models=parts.models,
        best_strategies=strategies,
        universe=known,
        max_positions=2,
        data_through=MARKET.last_session,
        terms=TERMS,
    )


@pytest.fixture
def peered(parts, tmp_path):
    """A lake with SIM_ES compared with its partner, and the partner's sessions."""
    lake = tmp_path / "lake"
    parts.write_bars(lake)
    write_release(released(parts, "spread_index_pair", SHORT), lake)
    return lake


@pytest.mark.parametrize(
    ("variant", "peers"),
    [("spread_index_pair", (PEER,)), ("spread_group_ibs", (PEER,)), ("ibs_daily", ())],
)
def test_the_release_names_whom_a_variant_compares_with(parts, variant, peers):
    tables = released(parts, variant)
    assert tables.production_config["peers"][0].to_list() == list(peers)
    release = load_release(*tables)
    bundle = release.bundles["SIM_ES"]
    assert bundle.peer_symbols == peers
    assert bundle.costs == CostModel.of(wider()["SIM_ES"])
    assert tuple(one.symbol for one in release.config.peer_instruments) == peers
    # What is not traded is compared with nobody: its bars need not be there.
    assert tables.production_config.filter(pl.col("symbol") == PEER)["peers"][0].to_list() == []


@pytest.mark.parametrize("peers", [[], ["SIM_XX"], [PEER, "SIM_XX"]])
def test_a_variant_without_its_peers_is_refused(parts, peers):
    tables = released(parts, "spread_index_pair")
    changed = tables.production_config.with_columns(
        pl.when(pl.col("symbol") == "SIM_ES")
        .then(pl.lit(pl.Series([peers], dtype=pl.List(pl.String))).first())
        .otherwise(pl.col("peers"))
        .alias("peers")
    )
    changed = changed.with_columns(release_id=pl.lit(release_id(changed)))
    with pytest.raises(ReleaseRejected, match="spread_index_pair compares with partner"):
        load_release(changed, tables.production_model)


def test_peers_are_served_and_are_part_of_the_run(peered, parts):
    release = load_release(*released(parts, "spread_index_pair", SHORT))
    market = open_market(peered, release, 3, None)
    assert set(market.peers) == {PEER}
    assert set(market.references) == {*REFERENCES, "SIM_CL", PEER}
    times = [one.known_at_us for one in market.peer_sessions()]
    assert times == sorted(times)
    version = market.version
    (peered / "session_bars" / f"symbol={PEER}" / "current.parquet").unlink()
    assert open_market(peered, release, 3, None).version != version


def test_a_peer_without_bars_is_noted_and_stops_preflight(peered, tmp_path):
    settings = read_settings({}, lake=peered, state=tmp_path)
    checks = {one.name: one for one in preflight(settings, peered)}
    assert all(one.passed for one in checks.values())
    assert checks["peers known"].detail == PEER
    assert "spread_index_pair needs" in checks["history long enough"].detail
    path = peered / "session_bars" / f"symbol={PEER}" / "current.parquet"
    # A peer of the simulated market would be drawn again.
    path.write_bytes(b"not parquet")
    checks = {one.name: one for one in preflight(settings, peered)}
    assert not checks["history long enough"].passed
    assert checks["peers known"].passed is None


def test_a_look_back_that_is_longer_than_the_history_is_refused_and_told(parts, lake, tmp_path):
    write_release(released(parts, "trend_band_breakout"), lake)
    path = lake / "continuous_bars" / "symbol=SIM_ES" / "current.parquet"
    write(parts.continuous["SIM_ES"].tail(9_000), path)
    settings = read_settings({}, lake=lake, state=tmp_path)
    checks = {one.name: one for one in preflight(settings, lake)}
    assert not checks["history long enough"].passed
    needed = VARIANTS["trend_band_breakout"].lookback(
        VARIANTS["trend_band_breakout"].default_params
    )
    assert needed > 9_000
    asked = needed + PRIOR_TRADE_BARS
    assert f"trend_band_breakout needs {asked} to" in checks["history long enough"].detail
    release = load_release(*released(parts, "trend_band_breakout"))
    with Journal.open(tmp_path / "journal.sqlite") as journal, pytest.raises(NotEnoughData):
        rehearse(release, lake, journal, 1, None)
    write(parts.continuous["SIM_ES"], path)
    assert {one.passed for one in preflight(settings, lake)} == {True}

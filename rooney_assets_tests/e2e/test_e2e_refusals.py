"""Bad input through the real command: one clear message, exit code 1 or 2, nothing changed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml
from e2e_factory import Factory

pytestmark = pytest.mark.slow

MakeFactory = Callable[..., Factory]


@pytest.mark.parametrize(
    ("arguments", "settings", "words", "code"),
    [
        (("materialize", "--symbols", "SIM_EX"), {}, ("SIM_EX", "Did you mean", "SIM_ES"), 2),
        (("materialize", "--to", "raw_bar"), {}, ("raw_bar", "Did you mean", "raw_bars"), 2),
        (("rank", "QQQ"), {}, ("QQQ", "SIM_ES"), 2),
        (("status",), {"ROONEY_SORCE": "simulated"}, ("ROONEY_SORCE", "ROONEY_SOURCE"), 2),
        (("status",), {"ROONEY_SOURCE": "bloomberg"}, ("bloomberg", "simulated", "files:"), 2),
        (("status",), {"ROONEY_UNIVERSE": "nowhere.yaml"}, ("nowhere.yaml",), 2),
        (("rank", "SIM_ES"), {}, ("strategy_ranking", "rooney materialize"), 1),
        (("sql", "select 1"), {}, ("holds nothing yet", "rooney materialize"), 1),
        (("materialize", "--month", "2026-13"), {}, ("2026-13", "YYYY-MM"), 2),
        (("dance",), {}, ("dance",), 2),
    ],
)
def test_refusal_is_clear_and_changes_nothing(
    make_factory: MakeFactory,
    arguments: tuple[str, ...],
    settings: dict[str, str],
    words: tuple[str, ...],
    code: int,
) -> None:
    factory = make_factory()
    done = factory.rooney(*arguments, **settings)
    assert done.returncode == code, done.stderr
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert not factory.lake.exists()


def test_unwritable_lake_is_refused(make_factory: MakeFactory) -> None:
    factory = make_factory()
    in_the_way = factory.folder / "file"
    in_the_way.write_text("not a folder", encoding="utf-8")
    done = factory.rooney("materialize", ROONEY_LAKE=str(in_the_way / "lake"))
    assert done.returncode == 1
    assert str(in_the_way) in done.stderr
    assert "Traceback" not in done.stderr
    assert in_the_way.read_text(encoding="utf-8") == "not a folder"


def test_plain_symbol_of_the_simulated_market_is_told_to_be_simulated(
    materialized: Factory,
) -> None:
    done = materialized.rooney("rank", "ES")
    assert done.returncode == 0
    assert "SIM_ES" in done.stderr
    assert "simulated" in done.stderr


def test_unknown_table_is_told_what_there_is(materialized: Factory) -> None:
    done = materialized.rooney("sql", "select * from raw_bar")
    assert done.returncode == 2
    assert "raw_bar" in done.stderr
    assert "raw_bars" in done.stderr


@pytest.fixture
def files_factory(make_factory: MakeFactory) -> Factory:
    """Two symbols of files: GOOD is fine, BAD is for the test to break."""
    factory = make_factory()
    folder = factory.folder / "bars"
    folder.mkdir()
    entries = [_entry(symbol) for symbol in ("GOOD", "BAD")]
    universe = yaml.safe_dump({"instruments": entries})
    (factory.folder / "universe.yaml").write_text(universe, encoding="utf-8")
    _bars().write_csv(folder / "GOOD.csv")
    _bars().write_csv(folder / "BAD.csv")
    return factory


def _entry(symbol: str) -> dict[str, object]:
    files = {"path": symbol, "time_zone": "UTC", "bar_edge": "start"}
    return {
        "symbol": symbol,
        "name": symbol,
        "role": "tradable",
        "exchange": "CME",
        "product_group": "equity_index",
        "multiplier": 50,
        "tick_size": 0.25,
        "sources": {"files": files},
    }


def _bars() -> pl.DataFrame:
    """Two weeks of hourly bars inside the session, 14:00 to 20:00 UTC."""
    monday = datetime(2015, 6, 1, 14, tzinfo=UTC)
    times = [
        monday + timedelta(days=day, hours=hour)
        for day in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11)
        for hour in range(6)
    ]
    close = [2000.0 + (i % 7) * 0.25 for i in range(len(times))]
    return pl.DataFrame(
        {
            "ts_event": [one.isoformat() for one in times],
            "open": [2000.0] * len(times),
            "high": [2002.0] * len(times),
            "low": [1999.0] * len(times),
            "close": close,
            "volume": [100] * len(times),
        }
    )


def _shifted_zone(bars: pl.DataFrame) -> pl.DataFrame:
    return bars.with_columns(pl.col("ts_event").str.replace(r"\+00:00", "-05:00"))


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda bars: bars.drop("close"), ("close",)),
        (lambda bars: bars.with_columns(high=pl.lit(1.0)), ("high",)),
        (_shifted_zone, ("zone",)),
        (lambda bars: bars.clear(), ("empty",)),
    ],
    ids=["missing column", "impossible price", "wrong zone", "empty"],
)
def test_malformed_bars_stop_their_symbol_only(
    files_factory: Factory,
    broken: Callable[[pl.DataFrame], pl.DataFrame],
    words: tuple[str, ...],
) -> None:
    factory = files_factory
    folder = factory.folder / "bars"
    broken(_bars()).write_csv(folder / "BAD.csv")
    done = factory.rooney("materialize", "--to", "session_bars", ROONEY_SOURCE=f"files:{folder}")
    told = done.stdout + done.stderr
    assert done.returncode == 1
    assert "BAD" in told
    for word in words:
        assert word in told.lower()
    assert (factory.lake / "session_bars" / "symbol=GOOD" / "current.parquet").is_file()
    assert not (factory.lake / "raw_bars" / "symbol=BAD").exists()


def test_failed_blocking_check_keeps_the_old_version(files_factory: Factory) -> None:
    factory = files_factory
    folder = factory.folder / "bars"
    source = f"files:{folder}"
    assert (
        factory.rooney("materialize", "--to", "session_bars", ROONEY_SOURCE=source).returncode == 0
    )
    kept = factory.lake / "raw_bars" / "symbol=BAD" / "current.parquet"
    before = kept.read_bytes()
    _bars().with_columns(low=pl.lit(5000.0)).write_csv(folder / "BAD.csv")
    done = factory.rooney("materialize", "--to", "session_bars", ROONEY_SOURCE=source)
    assert done.returncode == 1
    assert kept.read_bytes() == before
    assert Path(factory.lake / "session_bars" / "symbol=GOOD" / "current.parquet").is_file()


def test_unwritable_state_is_refused_before_any_worker_starts(make_factory: MakeFactory) -> None:
    factory = make_factory()
    in_the_way = factory.folder / "file"
    in_the_way.write_text("not a folder", encoding="utf-8")
    done = factory.rooney("materialize", "--to", "raw_bars", ROONEY_STATE=str(in_the_way))
    assert done.returncode == 2
    assert "ROONEY_STATE" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_outlives_a_damaged_file(files_factory: Factory) -> None:
    factory = files_factory
    source = f"files:{factory.folder / 'bars'}"
    assert factory.rooney("materialize", "--to", "raw_bars", ROONEY_SOURCE=source).returncode == 0
    damaged = factory.lake / "raw_bars" / "symbol=BAD" / "current.parquet"
    damaged.unlink()
    damaged.write_bytes(b"PAR1 nothing of the kind")
    done = factory.rooney("status", "--json", ROONEY_SOURCE=source)
    assert done.returncode == 0, done.stderr
    rows = {(row["asset"], row["partition"]): row["state"] for row in json.loads(done.stdout)}
    assert rows["raw_bars", "BAD"] == "damaged"
    assert rows["raw_bars", "GOOD"] == "current"

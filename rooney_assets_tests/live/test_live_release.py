"""A release is exactly what it claims to be, or it is refused and the refusal names the reason."""

from __future__ import annotations

import json
from datetime import date

import polars as pl
import pytest
from small_release import OUT, REFERENCES, write, write_release

from rooney_core.errors import MissingArtifact, ReleaseRejected
from rooney_core.lineage import content_version
from rooney_core.modeling import META_MODEL_SCHEMA, model_version
from rooney_core.release import (
    PRODUCTION_CONFIG_SCHEMA,
    build_release,
    load_release,
    release_id,
)
from rooney_live.release_store import config_path, read_release


@pytest.fixture
def tables(parts):
    return parts.release({"SIM_CL": 1, "SIM_ES": 2})


def renamed(config: pl.DataFrame) -> pl.DataFrame:
    """The config under the id that its present content gives it."""
    return config.with_columns(release_id=pl.lit(release_id(config)))


def with_models(config: pl.DataFrame, models: pl.DataFrame) -> pl.DataFrame:
    """The config naming other models as if it had been released with them."""
    return renamed(config.with_columns(production_model_version=pl.lit(content_version(models))))


def test_a_release_has_a_row_per_tradable_symbol_in_order_of_priority(tables):
    config = tables.production_config
    assert dict(config.schema) == dict(PRODUCTION_CONFIG_SCHEMA)
    assert config["symbol"].to_list() == ["SIM_CL", "SIM_ES", OUT]
    assert config["size"].to_list() == [1, 2, 0]
    assert config["reason"].to_list() == ["chosen", "chosen", "verdict: fail"]
    assert config["reference_symbols"][0].to_list() == sorted(REFERENCES, reverse=True)
    assert config["is_simulated"].all()
    out = config.row(2, named=True)
    assert out["model_version"] is out["threshold"] is out["features"] is None
    assert tables.production_model["symbol"].to_list() == ["SIM_CL", "SIM_ES"]
    assert dict(tables.production_model.schema) == META_MODEL_SCHEMA


def test_a_release_rebuilds_what_was_put_in(parts, tables):
    release = load_release(*tables)
    assert list(release.bundles) == ["SIM_CL", "SIM_ES"]
    assert release.sizes == {"SIM_CL": 1, "SIM_ES": 2}
    for symbol, bundle in release.bundles.items():
        assert bundle.threshold == parts.models[symbol]["threshold"][0]
        assert bundle.variant.name == parts.strategies[symbol]["variant"][0]
        assert bundle.params.model_dump() == json.loads(parts.strategies[symbol]["params"][0])
        assert bundle.instrument.multiplier == {"SIM_CL": 1000, "SIM_ES": 50}[symbol]
        assert bundle.costs.slippage_ticks == 0.5


def test_the_same_parts_make_the_same_release_and_others_another(parts, tables):
    assert parts.release({"SIM_CL": 1, "SIM_ES": 2}).production_config.equals(
        tables.production_config
    )
    other = parts.release({"SIM_CL": 1, "SIM_ES": 3}).production_config
    assert other["release_id"][0] != tables.production_config["release_id"][0]


def test_an_empty_portfolio_is_a_release_with_reasons(parts):
    release = load_release(*parts.release({}))
    assert release.bundles == {}
    assert release.config.reasons == dict.fromkeys(("SIM_ES", "SIM_CL", OUT), "verdict: fail")


@pytest.mark.parametrize("lacking", ["meta_models", "best_strategies", "reasons"])
def test_a_member_without_its_parts_is_not_released(parts, lacking):
    from small_release import MARKET, TERMS, universe

    whole = {
        "meta_models": parts.models,
        "best_strategies": parts.strategies,
        "reasons": dict.fromkeys(("SIM_ES", "SIM_CL", OUT), "because"),
    }
    whole[lacking] = {key: one for key, one in whole[lacking].items() if key != "SIM_ES"}
    with pytest.raises(MissingArtifact, match="SIM_ES"):
        build_release(
            rebalance_month="2021-04",
            members=pl.DataFrame({"symbol": ["SIM_ES"], "size": [1]}),
            universe=universe(),
            max_positions=1,
            data_through=MARKET.last_session,
            terms=TERMS,
            **whole,
        )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("size", 100),
        ("threshold", 0.0),
        ("reason", "nobody knows"),
        ("max_positions", 99),
        ("commission_per_contract_usd", 0.0),
        ("is_simulated", False),
        ("approved_until", date(2099, 1, 1)),
        ("mandate_version", "a looser one"),
        ("overrides", '[{"symbol": "SIM_CL"}]'),
        ("live_limits", "{}"),
    ],
)
def test_a_changed_config_is_refused_by_its_hash(tables, column, value):
    config = tables.production_config
    changed = config.with_columns(pl.lit(value, dtype=config.schema[column]).alias(column))
    with pytest.raises(ReleaseRejected, match="production_config has the wrong hash"):
        load_release(changed, tables.production_model)


@pytest.mark.parametrize(
    "change",
    [
        pl.col("threshold") + 1e-12,
        pl.col("lightgbm_text").str.replace("leaf_value=-", "leaf_value=", n=1, literal=True)
        + pl.lit(" "),
        pl.col("n_trials") + 1,
        pl.col("hyperparameters") + " ",
    ],
    ids=["threshold", "tree", "trials", "hyperparameters"],
)
def test_tampered_models_are_refused_and_named(tables, change):
    tampered = tables.production_model.with_columns(change)
    with pytest.raises(ReleaseRejected, match="production_model has the wrong hash"):
        load_release(tables.production_config, tampered)


def test_a_model_whose_row_hash_is_wrong_is_refused_even_if_the_table_hash_is_renewed(tables):
    tampered = tables.production_model.with_columns(pl.col("threshold") / 2)
    config = with_models(tables.production_config, tampered)
    with pytest.raises(ReleaseRejected, match=r"SIM_CL.*model_version"):
        load_release(config, tampered)


def test_a_missing_and_a_surplus_model_are_refused_and_named(parts, tables):
    less = tables.production_model.head(1)
    with pytest.raises(ReleaseRejected, match=r"missing model for \['SIM_ES'\]"):
        load_release(with_models(tables.production_config, less), less)
    twice = pl.concat([tables.production_model, tables.production_model.head(1)])
    with pytest.raises(ReleaseRejected, match="one model per traded symbol"):
        load_release(with_models(tables.production_config, twice), twice)


@pytest.mark.parametrize(
    ("column", "value", "named"),
    [
        ("variant", "ibs_basline", "Did you mean 'ibs_baseline'"),
        ("params", '{"entry_bellow": 0.2}', "entry_below"),
        ("params", '{"entry_below": 7}', "entry_below=7"),
        ("threshold", 0.123, "threshold"),
        ("model_version", "0" * 32, "model_version"),
        ("features", ["close"], "feature list of the config"),
        ("rebalance_month", "2021-13", "rebalance_month"),
        ("instrument", "{}", "instrument"),
        ("instrument", "not json", "not allowed"),
        ("size", -1, "size"),
    ],
)
def test_a_config_that_contradicts_model_or_code_is_refused_and_named(tables, column, value, named):
    config = tables.production_config
    literal = pl.lit(pl.Series([value], dtype=config.schema[column])).first()
    every = pl.lit(True) if column == "rebalance_month" else pl.col("symbol") == "SIM_ES"
    changed = renamed(
        config.with_columns(pl.when(every).then(literal).otherwise(pl.col(column)).alias(column))
    )
    with pytest.raises(ReleaseRejected, match=named):
        load_release(changed, tables.production_model)


def test_features_that_this_code_does_not_compute_are_refused(parts, tables):
    """As after an upgrade of the trader alone: config and model agree, the code does not."""
    features = parts.models["SIM_ES"]["features"][0].to_list()
    swapped = [features[1], features[0], *features[2:]]
    model = parts.models["SIM_ES"].with_columns(
        features=pl.lit(pl.Series([swapped])).first(),
        lightgbm_text=pl.col("lightgbm_text").str.replace(
            " ".join(features), " ".join(swapped), literal=True
        ),
    )
    model = model.with_columns(model_version=pl.lit(model_version(model)))
    other = type(parts)(parts.continuous, parts.sessions, {"SIM_ES": model}, parts.strategies)
    with pytest.raises(ReleaseRejected, match="this code computes"):
        load_release(*other.release({"SIM_ES": 1}))


def test_wrong_schemas_and_mixed_or_empty_configs_are_refused(tables):
    config, models = tables
    cases = {
        "missing .'size'": config.drop("size"),
        "unknown .'extra'": config.with_columns(extra=1),
        "size is Int32": config.with_columns(pl.col("size").cast(pl.Int32)),
        "no rows": config.clear(),
        "more than one release": pl.concat(
            [config.head(1), config.tail(1).with_columns(max_positions=pl.lit(7, pl.Int64))]
        ),
        "twice": renamed(pl.concat([config, config.head(1)])),
    }
    for named, frame in cases.items():
        with pytest.raises(ReleaseRejected, match=named):
            load_release(frame, models)


def test_the_store_reads_two_files_and_needs_no_other(tables, tmp_path):
    models = write_release(tables, tmp_path)
    assert list(read_release(tmp_path).bundles) == ["SIM_CL", "SIM_ES"]
    # What a careless tool leaves beside them is never looked at.
    (models.parent.parent / "current.parquet").write_bytes(b"not parquet")
    assert list(read_release(tmp_path).bundles) == ["SIM_CL", "SIM_ES"]


def test_the_store_names_the_file_that_was_tampered_with(tables, tmp_path):
    models = write_release(tables, tmp_path)
    write(tables.production_model.with_columns(pl.col("threshold") + 0.01), models)
    with pytest.raises(ReleaseRejected, match=models.name):
        read_release(tmp_path)


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.8, 0.99])
def test_no_changed_byte_of_the_models_gets_through(tables, tmp_path, share):
    """Unless it changes nothing of the content: then the release is the same release."""
    models = write_release(tables, tmp_path)
    whole = bytearray(models.read_bytes())
    whole[int(share * len(whole))] ^= 0xFF
    models.write_bytes(whole)
    refusal = None
    try:
        read_release(tmp_path)
    except ReleaseRejected as error:
        refusal = str(error)
    if refusal is None:
        assert pl.read_parquet(models).equals(tables.production_model)
    else:
        assert str(models) in refusal


def test_missing_files_are_named(tables, tmp_path):
    with pytest.raises(MissingArtifact, match="production_config"):
        read_release(tmp_path)
    models = write_release(tables, tmp_path)
    models.unlink()
    with pytest.raises(MissingArtifact, match=models.name):
        read_release(tmp_path)


def test_a_model_version_that_is_a_path_is_refused(tables, tmp_path):
    config = tables.production_config.with_columns(production_model_version=pl.lit("../../etc/x"))
    write_release(tables, tmp_path)
    write(config, config_path(tmp_path))
    with pytest.raises(ReleaseRejected, match="production_model_version"):
        read_release(tmp_path)

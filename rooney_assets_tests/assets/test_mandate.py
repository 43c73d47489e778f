"""The mandate: what ships, what it sets, and every refusal."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.config import launchpad_for, params_from
from rooney_assets.graph.declaration import ASSETS
from rooney_assets.graph.plan import default_params
from rooney_assets.mandate import Mandate, SelectionLimits, load_mandate
from rooney_assets.settings import Settings
from rooney_core.backtest.ranking import RankingCriteria
from rooney_core.errors import InputError
from rooney_core.gates.limits import GateLimits
from rooney_core.gates.settings import EvaluationSettings
from rooney_core.labeling import LabelSettings
from rooney_core.lineage import content_version
from rooney_core.modeling.settings import TuningSettings

CHECKOUT = Path(__file__).resolve().parents[2]
WRITTEN = """
ranking: {min_annual_sharpe: 0.9, min_trades_per_year: 20, max_trades_per_year: 90,
          max_drawdown: 0.3, must_be_robust: false}
"""


def from_text(folder: Path, text: str | bytes) -> Mandate:
    """The mandate of a file with this text."""
    path = folder / "mine.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_mandate(Settings.from_environment({"ROONEY_MANDATE": "mine.yaml"}, folder))


def test_the_shipped_mandate_asks_for_what_the_specification_does(tmp_path: Path) -> None:
    shipped = load_mandate(Settings.from_environment({}, tmp_path)).ranking
    assert shipped.model_dump() == {
        "min_annual_sharpe": 1.5,
        "min_trades_per_year": 100,
        "max_trades_per_year": 400,
        "max_drawdown": 0.2,
        "must_be_robust": True,
    }


def test_the_shipped_mandate_leaves_every_other_choice_at_its_default(tmp_path: Path) -> None:
    shipped = load_mandate(Settings.from_environment({}, tmp_path))
    assert shipped.model_copy(update={"ranking": RankingCriteria()}) == Mandate()
    budget = default_params(ASSETS["model_evaluation"], shipped)
    assert budget == EvaluationSettings(holdout_budget=5, min_new_sessions=126)
    assert default_params(ASSETS["holdout_looks"], shipped) == budget


def test_the_shipped_page_says_every_limit_of_every_gate() -> None:
    """Nothing that judges hides behind a default; of the search the page shows what matters."""
    written = yaml.safe_load((CHECKOUT / "mandate.yaml").read_text(encoding="utf-8"))
    unwritten = [name for name in Mandate().limits if not _is_in(written, name)]
    assert {name.partition(".")[0] for name in unwritten} <= {"tuning"}


def _is_in(page: object, name: str) -> bool:
    for part in name.split("."):
        if not isinstance(page, dict) or part not in page:
            return False
        page = page[part]
    return True


def test_a_limit_that_is_left_out_keeps_its_value_and_asks_no_less(tmp_path: Path) -> None:
    mandate = from_text(tmp_path, "backtest_gate: {mature: {min_annual_sharpe: 0.9}}\n")
    tier = mandate.backtest_gate.mature
    assert (tier.from_trials, tier.min_total_return, tier.max_drawdown) == (500, 0.0, 0.15)
    assert tier.min_annual_sharpe == 0.9
    mandate = from_text(tmp_path, "paper: {b: {max_drawdown: 0.08}}\n")
    assert mandate.paper.b.min_win_rate == Mandate().paper.b.min_win_rate


def test_the_verdict_s_limits_are_of_the_evaluation_and_of_every_gate(tmp_path: Path) -> None:
    mandate = from_text(tmp_path, "verdict: {min_test_sharpe: 0.7}\n")
    for kind in (EvaluationSettings, GateLimits, SelectionLimits):
        assert mandate.params_of(kind).verdict.min_test_sharpe == 0.7  # type: ignore[attr-defined]
    assert mandate.params_of(GateLimits).stress == mandate.stress  # type: ignore[attr-defined]
    assert mandate.params_of(Mandate) == mandate


def test_the_version_is_that_of_the_values(tmp_path: Path) -> None:
    shipped = load_mandate(Settings.from_environment({}, tmp_path))
    assert from_text(tmp_path, "# other words\nranking: {max_drawdown: 0.2}\n").version == (
        shipped.version
    )
    table = shipped.to_frame()
    assert Mandate.from_frame(table) == shipped
    assert content_version(table) == shipped.version
    assert from_text(tmp_path, "ranking: {max_drawdown: 0.21}\n").version != shipped.version
    assert shipped.quick().version != shipped.version


def test_windows_are_set_once_for_labels_and_training(tmp_path: Path) -> None:
    mandate = from_text(tmp_path, "windows: two_way\nlabels: {method: triple_barrier}\n")
    labels = mandate.params_of(LabelSettings)
    assert labels == LabelSettings(method="triple_barrier", windows="two_way")
    assert mandate.params_of(TuningSettings) == TuningSettings(windows="two_way")
    assert mandate.params_of(EvaluationSettings) == EvaluationSettings()
    assert Mandate().params_of(TuningSettings) == TuningSettings()


def test_a_quick_tuning_tries_ten_sets_and_leaves_the_rest_to_the_mandate(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("tuning: {seed: 7}\nwindows: two_way\n", encoding="utf-8")
    environ = {"ROONEY_MANDATE": "mine.yaml", "ROONEY_TUNING": "quick"}
    mandate = load_mandate(Settings.from_environment(environ, tmp_path))
    assert default_params(ASSETS["meta_model"], mandate) == TuningSettings(
        n_random_trials=4, n_bayesian_trials=6, seed=7, windows="two_way"
    )
    assert TuningSettings.quick().n_trials == 10
    assert TuningSettings().n_trials == 420


def test_a_limit_that_is_there_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    twice = "ranking:\n  max_drawdown: 0.3\n  max_drawdown: 0.9\n"
    with pytest.raises(InputError, match=r"line 3.*'max_drawdown' is there twice"):
        from_text(tmp_path, twice)


def test_a_mandate_sets_the_criteria_and_nothing_else(tmp_path: Path) -> None:
    mandate = from_text(tmp_path, WRITTEN)
    ranking = default_params(ASSETS["strategy_ranking"], mandate)
    assert ranking == RankingCriteria(
        min_annual_sharpe=0.9,
        min_trades_per_year=20,
        max_trades_per_year=90,
        max_drawdown=0.3,
        must_be_robust=False,
    )
    assert default_params(ASSETS["meta_model"], mandate) == TuningSettings()
    assert default_params(ASSETS["best_strategy"], mandate) is None


def test_the_launchpad_begins_at_the_mandate_and_may_differ_for_one_run(tmp_path: Path) -> None:
    default = from_text(tmp_path, WRITTEN).ranking
    launchpad = launchpad_for(default)
    assert launchpad is not None
    assert params_from(launchpad(), default) == default
    changed = params_from(launchpad(max_drawdown=0.1), default)  # type: ignore[call-arg]
    assert changed == default.model_copy(update={"max_drawdown": 0.1})
    with pytest.raises(ValidationError, match="max_drawdown"):
        params_from(launchpad(max_drawdown=-1.0), default)  # type: ignore[call-arg]
    assert launchpad_for(None) is None


def test_what_the_launchpad_does_not_show_keeps_its_value() -> None:
    default = TuningSettings(n_random_trials=4, n_search_trees=25)
    launchpad = launchpad_for(default)
    assert launchpad is not None
    assert params_from(launchpad(n_random_trials=5), default) == TuningSettings(  # type: ignore[call-arg]
        n_random_trials=5, n_search_trees=25
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- 1\n", ("mapping of sections", "ranking", "list")),
        ("", ("mapping of sections",)),
        ("ranking: [\n", ("not valid YAML", "line 2", "ROONEY_MANDATE")),
        (b"ranking: \xff\n", ("not UTF-8",)),
        ("rankings: {}\n", ("rankings", "Did you mean 'ranking'")),
        ("ranking: {min_sharpe: 1}\n", ("ranking.min_sharpe", "Did you mean", "min_annual")),
        ("ranking: {max_drawdown: 2}\n", ("ranking.max_drawdown", "less than or equal to 1")),
        ("ranking: {max_drawdown: .nan}\n", ("ranking.max_drawdown", "finite")),
        ("ranking: {min_annual_sharpe: high}\n", ("ranking.min_annual_sharpe", "'high' arrived")),
        ("ranking: {min_annual_sharpe: yes}\n", ("ranking.min_annual_sharpe", "True arrived")),
        ("ranking: {must_be_robust: 1}\n", ("ranking.must_be_robust", "boolean", "1 arrived")),
        ("ranking: {min_trades_per_year: 500}\n", ("at least 500", "at most 400")),
        ("windows: one_way\n", ("windows", "'three_way' or 'two_way'")),
        ("labels: {windows: two_way}\n", ("labels.windows is two_way", "top level")),
        ("tuning: {windows: two_way}\n", ("tuning.windows is two_way", "top level")),
        ("tuning: {n_random_trial: 5}\n", ("Did you mean 'n_random_trials'",)),
        ("labels: {profit_multipel: 1}\n", ("Did you mean 'profit_multiple'",)),
        ("evaluation: {min_new_sessions: 1}\n", ("min_new_sessions", "21")),
        ("evaluation: {verdict: {min_test_sharpe: 0}}\n", ("evaluation.verdict", "top level")),
        ("backtest_gate: {late: {from_trials: 20}}\n", ("[0, 50, 20, 500]", "begins at 0")),
        ("backtest_gate: {late: {max_drawdown: 0.1}}\n", ("mature asks less than late",)),
        ("backtest_gate: {middle: {min_total_return: null}}\n", ("middle asks less than early",)),
        ("backtest_gate: {late: {from_trial: 20}}\n", ("Did you mean 'from_trials'",)),
        ("promotion: {auto: 1}\n", ("promotion.auto", "boolean")),
        ("paper: {min_sessions: 5}\n", ("paper.min_sessions", "7")),
    ],
    ids=[
        *("a list", "nothing", "bad YAML", "no text", "unknown section", "unknown limit"),
        *("out of range", "not a number", "a word", "a truth", "no truth", "no variant can"),
        *(
            "unknown windows",
            "windows twice",
            "and in tuning",
            "unknown tuning",
            "unknown label setting",
            "a day a window",
            "verdict twice",
            "tiers out of order",
            "a drawdown that later tiers allow",
            "a return that only the first tier asks",
            "unknown limit of a tier",
            "automatic is no number",
            "a week of paper",
        ),
    ],
)
def test_a_mandate_that_is_not_one_is_refused(
    tmp_path: Path, text: str | bytes, words: tuple[str, ...]
) -> None:
    with pytest.raises(InputError) as refused:
        from_text(tmp_path, text)
    for word in (str(tmp_path / "mine.yaml"), *words):
        assert word in str(refused.value)


def test_a_missing_mandate_names_its_setting(tmp_path: Path) -> None:
    settings = Settings.from_environment({"ROONEY_MANDATE": "nowhere.yaml"}, tmp_path)
    with pytest.raises(InputError, match="ROONEY_MANDATE"):
        load_mandate(settings)

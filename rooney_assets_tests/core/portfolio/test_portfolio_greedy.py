"""The greedy portfolio on results whose Sharpes and correlations are known by construction."""

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import hadamard

from rooney_core.errors import InputError, InvalidSetting
from rooney_core.portfolio import ExclusionCode, greedy_portfolio

N_SESSIONS = 512
# Rows of +-1, mean 0 (but the first), uncorrelated with each other.
PATTERNS = hadamard(N_SESSIONS).astype(float)
SD_FACTOR = math.sqrt(N_SESSIONS / (N_SESSIONS - 1))  # ddof 1


def results(annual_sharpe, pattern, sigma=0.01):
    """Daily results with exactly this annual Sharpe."""
    return sigma * pattern + annual_sharpe / math.sqrt(252) * sigma * SD_FACTOR


HAND_WORKED = {
    "WEAK": results(1.1, PATTERNS[5]),
    "SECOND": results(2.0, PATTERNS[2]),
    "TWIN": results(2.5, 0.8 * PATTERNS[1] + 0.6 * PATTERNS[3]),
    "BEST": results(3.0, PATTERNS[1]),
    "LOUD": results(1.3, PATTERNS[4], sigma=0.1),
    "IDLE": np.zeros(N_SESSIONS),
    "THIRD": results(1.25, PATTERNS[6]),
}


def as_frame(columns):
    sessions = [date(2015, 1, 1) + timedelta(days=i) for i in range(N_SESSIONS)]
    return pl.DataFrame({"session": sessions, **columns})


def test_hand_worked_selection():
    found = greedy_portfolio(as_frame(HAND_WORKED))
    assert [m.symbol for m in found.members] == ["BEST", "SECOND", "THIRD"]
    assert [m.sharpe for m in found.members] == pytest.approx([3.0, 2.0, 1.25])
    # Uncorrelated and equally loud: the Sharpe of the sum is the sum over the root of the count.
    two, three = 5.0 / math.sqrt(2), 6.25 / math.sqrt(3)
    assert [m.marginal_sharpe for m in found.members] == pytest.approx(
        [3.0, two - 3.0, three - two]
    )
    assert [m.correlation for m in found.members] == pytest.approx([0.0, 0.0, 0.0], abs=1e-9)
    assert [m.size for m in found.members] == [1, 1, 1]
    assert found.sharpe == pytest.approx(three)
    assert found.max_positions == 2


def test_hand_worked_reasons():
    found = greedy_portfolio(as_frame(HAND_WORKED))
    loud = (6.25 + 13.0) / math.sqrt(3 + 100) - 6.25 / math.sqrt(3)
    assert found.excluded == {
        "IDLE": "no Sharpe: fewer than two sessions, or it never traded",
        "LOUD": f"adds nothing: marginal Sharpe {loud:.2f}",
        "TWIN": "correlation 0.80 with BEST above 0.7",
        "WEAK": "Sharpe 1.1 below 1.2",
    }
    assert found.excluded_codes == {
        "IDLE": ExclusionCode.NO_SHARPE,
        "LOUD": ExclusionCode.ADDS_NOTHING,
        "TWIN": ExclusionCode.CORRELATED,
        "WEAK": ExclusionCode.SHARPE_BELOW_MINIMUM,
    }


def test_correlation_is_the_highest_with_the_earlier_members():
    found = greedy_portfolio(HAND_WORKED, max_correlation=0.85)
    by_symbol = {m.symbol: m for m in found.members}
    assert by_symbol["TWIN"].correlation == pytest.approx(0.8)


def test_opposites_are_welcome():
    # Correlation -0.8: the sum of both is far steadier than either.
    opposite = results(1.5, -0.8 * PATTERNS[1] + 0.6 * PATTERNS[3])
    found = greedy_portfolio({"A": results(3.0, PATTERNS[1]), "B": opposite})
    assert found.members[1].correlation == pytest.approx(-0.8)
    assert found.sharpe == pytest.approx(4.5 / math.sqrt(0.2**2 + 0.6**2))


def test_max_positions_does_not_limit_the_members():
    columns = {f"S{i}": results(2.0, PATTERNS[i]) for i in range(1, 6)}
    found = greedy_portfolio(columns, max_positions=1)
    assert [m.symbol for m in found.members] == ["S1", "S2", "S3", "S4", "S5"]
    assert found.max_positions == 1


@pytest.mark.parametrize(
    "nothing", [{}, pl.DataFrame(schema={"session": pl.Date}), {"ES": [], "NQ": []}]
)
def test_nothing_qualifies_is_a_result_with_reasons(nothing):
    found = greedy_portfolio(nothing)
    assert found.members == ()
    assert math.isnan(found.sharpe)
    assert set(found.excluded.values()) <= {
        "no Sharpe: fewer than two sessions, or it never traded"
    }


def test_only_weak_symbols_give_an_empty_portfolio():
    found = greedy_portfolio({"SI": results(1.1, PATTERNS[1]), "NG": results(-2.0, PATTERNS[2])})
    assert found.members == ()
    assert found.excluded == {"NG": "Sharpe -2 below 1.2", "SI": "Sharpe 1.1 below 1.2"}


@pytest.mark.parametrize(
    ("sharpe", "told"),
    [(1.1, "1.1"), (1.19, "1.19"), (1.196, "1.196"), (1.1999, "1.1999"), (1.0, "1"), (0.5, "0.5")],
)
def test_a_sharpe_below_the_minimum_never_reads_as_the_minimum(sharpe, told):
    found = greedy_portfolio({"SI": results(sharpe, PATTERNS[1])})
    assert found.excluded == {"SI": f"Sharpe {told} below 1.2"}


def test_a_losing_symbol_never_starts_a_portfolio():
    found = greedy_portfolio({"NG": results(-0.5, PATTERNS[2])}, min_sharpe=-1.0)
    assert found.members == ()
    assert found.excluded_codes == {"NG": ExclusionCode.ADDS_NOTHING}


def test_a_duplicate_adds_nothing_even_where_correlation_allows_it():
    same = results(2.0, PATTERNS[1])
    found = greedy_portfolio({"B": same, "A": same}, max_correlation=1.0)
    assert [m.symbol for m in found.members] == ["A"]  # equals go by name
    assert found.excluded_codes == {"B": ExclusionCode.ADDS_NOTHING}


@settings(max_examples=50, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    n_symbols=st.integers(1, 7),
    max_correlation=st.floats(-0.2, 0.9),
    min_sharpe=st.floats(-1.0, 2.0),
)
def test_members_keep_every_limit(seed, n_symbols, max_correlation, min_sharpe):
    generator = np.random.default_rng(seed)
    common = generator.normal(0.0, 0.008, 300)
    columns = {
        f"S{i}": common * generator.random() + generator.normal(0.0008, 0.008, 300)
        for i in range(n_symbols)
    }
    found = greedy_portfolio(columns, max_correlation, min_sharpe)
    names = [m.symbol for m in found.members]
    assert sorted([*names, *found.excluded]) == sorted(columns)
    assert all(m.sharpe >= min_sharpe for m in found.members)
    assert all(m.marginal_sharpe > 0 for m in found.members)
    for k, member in enumerate(found.members[1:], start=1):
        highest = max(np.corrcoef(columns[member.symbol], columns[n])[0, 1] for n in names[:k])
        assert member.correlation == pytest.approx(highest)
        assert highest <= max_correlation + 1e-12
    if names:
        total = sum(columns[name] for name in names)
        assert found.sharpe == pytest.approx(total.mean() / total.std(ddof=1) * 252**0.5)
        assert found.sharpe == pytest.approx(sum(m.marginal_sharpe for m in found.members))
        first = found.members[0].sharpe
        assert all(first >= m.sharpe for m in found.members)
    # Order of the columns changes nothing.
    backwards = greedy_portfolio(dict(reversed(columns.items())), max_correlation, min_sharpe)
    assert [m.symbol for m in backwards.members] == names


def test_unknown_days_are_refused():
    hole = results(2.0, PATTERNS[1])
    hole[7] = math.nan
    with pytest.raises(InputError, match="daily_returns of ES"):
        greedy_portfolio({"ES": hole})
    with pytest.raises(InputError, match="daily_returns of ES"):
        greedy_portfolio(as_frame({"ES": [None, *np.zeros(N_SESSIONS - 1)]}))


def test_unaligned_days_are_refused():
    with pytest.raises(InputError, match="same sessions"):
        greedy_portfolio({"ES": np.ones(5), "NQ": np.ones(6)})
    frame = as_frame({"ES": results(2.0, PATTERNS[1])})
    with pytest.raises(InputError, match="session"):
        greedy_portfolio(pl.concat([frame, frame]))
    with pytest.raises(InputError, match="session"):
        greedy_portfolio(frame.drop("session"))


@pytest.mark.parametrize(
    "limits",
    [
        {"max_correlation": 1.1},
        {"max_correlation": math.nan},
        {"min_sharpe": math.nan},
        {"max_positions": 0},
    ],
)
def test_impossible_limits_are_refused(limits):
    with pytest.raises(InvalidSetting, match=next(iter(limits))):
        greedy_portfolio({}, **limits)


def test_the_next_member_is_the_one_that_adds_most_not_the_next_best():
    # NEAR is better alone, but leans on BEST (0.6); FAR is independent and adds more.
    columns = {
        "BEST": results(3.0, PATTERNS[1]),
        "NEAR": results(2.2, 0.6 * PATTERNS[1] + 0.8 * PATTERNS[2]),
        "FAR": results(2.0, PATTERNS[3]),
    }
    found = greedy_portfolio(columns)
    assert [m.symbol for m in found.members][:2] == ["BEST", "FAR"]

"""Whole contracts within the volatility and the margin, against every size there is."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rooney_core.errors import InputError
from rooney_core.portfolio.sizing import integer_sizes


def sized(covariance, margins, target=30_000.0, margin_limit=1e9, n_open=2):
    return integer_sizes(
        np.array(covariance, dtype=float),
        np.array(margins, dtype=float),
        target_volatility_usd=target,
        margin_limit_usd=margin_limit,
        n_open=n_open,
    ).tolist()


def test_one_member_takes_what_fits() -> None:
    assert sized([[9_000.0**2]], [1.0]) == [3]
    assert sized([[30_000.0**2]], [1.0]) == [1]
    assert sized([[30_001.0**2]], [1.0]) == [0]


def test_equal_risk_of_two_that_are_uncorrelated() -> None:
    # 21,213 USD for each: 10 contracts of 2,000 and 5 of 4,000 make 28,284; an 11th 29,732.
    assert sized([[2_000.0**2, 0], [0, 4_000.0**2]], [1.0, 1.0]) == [11, 5]
    # Moving together, they share 30,000: 7 of 2,000 and 3 of 4,000, then one more of the first.
    assert sized([[2_000.0**2, 8e6], [8e6, 4_000.0**2]], [1.0, 1.0]) == [8, 3]


def test_margin_of_the_largest_that_can_be_open() -> None:
    covariance = np.diag([1_000.0**2] * 3)
    # 17 each by volatility; two of them may hold 100,000 USD of margin together.
    assert sized(covariance, [5_000.0] * 3, margin_limit=100_000.0) == [10, 10, 10]
    assert sized(covariance, [5_000.0] * 3, margin_limit=100_000.0, n_open=1) == [17, 17, 17]
    assert sized(covariance, [200_000.0, 5_000.0, 5_000.0], margin_limit=100_000.0)[0] == 0


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 4), n_open=st.integers(1, 3))
def test_limits_are_kept_and_nothing_more_fits_near_the_ideal(seed, n, n_open) -> None:
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n, n + 2)) * rng.uniform(500, 9_000, (n, 1))
    covariance, margins = factors @ factors.T, rng.uniform(2_000, 30_000, n)
    sizes = np.array(sized(covariance, margins, margin_limit=90_000.0, n_open=n_open))

    def fits(one) -> bool:
        held = sorted(one * margins, reverse=True)[:n_open]
        return one @ covariance @ one <= 30_000.0**2 * (1 + 1e-6) and sum(held) <= 90_000.0

    assert fits(sizes)
    ideal = 1 / np.sqrt(np.diag(covariance))
    ideal *= 30_000.0 / max(np.sqrt(ideal @ covariance @ ideal), 1.0)
    below = [range(int(one) + 1) for one in np.floor(ideal + 1e-9)]
    # Where rounding down fits, no size is below it. It may not: a hedge is rounded down too.
    floor = np.array([max(one) for one in below])
    if fits(floor):
        assert (sizes >= floor).all()
    assert (sizes <= np.ceil(ideal + 1e-9)).all()
    # No member can be one contract larger and stay below its rounded-up ideal.
    for member in range(n):
        more = sizes.copy()
        more[member] += 1
        assert not fits(more) or more[member] >= ideal[member] + 1 - 1e-9
    assert any(fits(np.array(one)) for one in product(*below))


def test_two_that_cancel_each_other_are_no_larger_than_one_alone() -> None:
    perfect = [[3_000.0**2, -(3_000.0**2)], [-(3_000.0**2), 3_000.0**2]]
    assert sized(perfect, [1.0, 1.0]) == [10, 10]


def test_a_hedge_that_cannot_be_afforded_leaves_less_of_what_it_hedged() -> None:
    hedged = [[3_000.0**2, -8.1e6], [-8.1e6, 3_000.0**2]]
    assert sized(hedged, [1.0, 50_000.0], margin_limit=60_000.0) == [10, 1]


def test_no_member_is_no_size() -> None:
    assert sized(np.empty((0, 0)), []) == []


@pytest.mark.parametrize(("covariance", "margin"), [([[0.0]], [1.0]), ([[1.0]], [0.0])])
def test_what_cannot_be_sized_is_refused(covariance, margin) -> None:
    with pytest.raises(InputError):
        sized(covariance, margin)

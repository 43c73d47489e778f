"""Which scenarios there are: counts by hand, seeds that stay, crises where there is data."""

from collections import Counter
from datetime import date

import polars as pl
import pytest

from rooney_core.gates.stress.crises import CRISES, covered_crises
from rooney_core.gates.stress.kinds import MEANING, SHARES, ScenarioKind, plan

SEED = 20100104


def counts(n_scenarios: int, n_crises: int = len(CRISES)) -> Counter[ScenarioKind]:
    return Counter(one.kind for one in plan(n_scenarios, SEED, "SIM_ES", n_crises))


def test_two_hundred_are_the_shares() -> None:
    assert sum(SHARES.values()) == 200
    assert counts(200) == SHARES
    assert set(SHARES) == set(MEANING) == set(ScenarioKind)


def test_forty_have_every_kind() -> None:
    # A fifth of each: 8, 6, 4, 1.4, 2.8, 3.2, 2.8, 2.8, 1.8, 1.6, 2, 1.8, 1.8. The whole parts are
    # 34; the six largest remainders, all of .8, take one more each.
    assert list(counts(40).values()) == [8, 6, 4, 1, 3, 3, 3, 3, 2, 1, 2, 2, 2]


@pytest.mark.parametrize("n_scenarios", [20, 33, 200, 777])
def test_there_are_as_many_as_asked_for(n_scenarios: int) -> None:
    assert sum(counts(n_scenarios).values()) == n_scenarios


def test_crises_that_are_not_covered_become_block_bootstrap() -> None:
    found = counts(200, n_crises=2)
    assert found[ScenarioKind.CRISIS] == 2
    assert found[ScenarioKind.BLOCK_BOOTSTRAP] == 45


def test_seeds_differ_and_more_scenarios_are_the_same_ones_and_others() -> None:
    few, many = (plan(n, SEED, "SIM_ES", 7) for n in (40, 200))
    assert len({one.seed for one in many}) == 200
    assert set(few) <= set(many)
    assert not set(many) & set(plan(200, SEED, "SIM_NQ", 7))
    assert not set(many) & set(plan(200, SEED + 1, "SIM_ES", 7))


def test_a_crisis_needs_data_on_all_of_its_days() -> None:
    def names(first: date, last: date) -> list[str]:
        days = pl.date_range(first, last, "1d", eager=True)
        return [one.name[:7].strip() for one in covered_crises(days)]

    assert len(names(date(2010, 1, 4), date(2025, 12, 31))) == 7
    assert names(date(2015, 8, 18), date(2018, 12, 30)) == ["2018-02", "2015-08"]
    assert names(date(2015, 8, 19), date(2018, 1, 31)) == []
    assert covered_crises(pl.Series([], dtype=pl.Date)) == ()
    weekend = pl.Series([date(2010, 1, 4), date(2025, 12, 31)])
    assert covered_crises(weekend) == (), "nothing was traded in any of them"

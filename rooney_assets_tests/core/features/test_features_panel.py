"""A panel that takes in bars and closes one by one gives the bits of the batch, row by row."""

from __future__ import annotations

import numpy as np
import pytest
from feature_market import daily_closes, hourly_closes, walk

from rooney_core.errors import NotEnoughData, UnknownName
from rooney_core.features import (
    FeedNames,
    Feeds,
    PartnerIbs,
    compute_features,
    feature_names,
)
from rooney_core.features.panel import FeaturePanel
from rooney_core.market.bars import BarArrays

N_BARS = 1000
NAMES = {
    "ES": FeedNames(daily=("NQ", "ZN"), hourly=("NQ", "ZN"), partner="NQ"),
    "NQ": FeedNames(daily=("ZN", "VIX"), hourly=("ZN",)),
    "RTY": FeedNames(daily=("NQ",), hourly=("ES", "NQ", "ZN"), partner="ZN"),
    "CL": FeedNames(),
}


class World:
    """Bars of the symbols that rows are wanted of, and series of those that inform."""

    def __init__(self, seed: int) -> None:
        self.bars = {name: walk(seed + at, N_BARS) for at, name in enumerate(NAMES)}
        some, n_days = self.bars["ES"], N_BARS // 23 + 31
        informing = ("ES", "NQ", "ZN", "VIX")
        self.days = {name: daily_closes(seed + at, n_days) for at, name in enumerate(informing)}
        self.hours = {name: hourly_closes(some, seed + at) for at, name in enumerate(informing)}
        self.ibs = {name: strengths(self, name, seed) for name in informing}

    def batch(self, symbol: str) -> np.ndarray:
        names = NAMES[symbol]
        feeds = Feeds(self.days, self.hours, self.ibs.get(names.partner or "", NOBODY))
        rows = np.arange(N_BARS)
        return compute_features(self.bars[symbol], rows, feeds.aligned(names))

    def tell(self, panel: FeaturePanel, after_us: int, until_us: int) -> None:
        """Everything that became known in between."""
        for name, days in self.days.items():
            for k in between(days.known_at_us, after_us, until_us):
                ibs = self.ibs[name].session_ibs[k]
                panel.take_session(name, days.known_at_us[k], days.close[k], ibs)
        for name, hours in self.hours.items():
            for k in between(hours.known_at_us, after_us, until_us):
                close, adjustment = hours.close[k], hours.adjustment[k]
                ibs = self.ibs[name].hour_ibs[k]
                panel.take_hour(name, hours.known_at_us[k], close, adjustment, ibs)


NOBODY = PartnerIbs.from_bars(None, None)


def strengths(world: World, name: str, seed: int) -> PartnerIbs:
    """Internal bar strengths at the times of the symbol's own closes."""
    rng = np.random.default_rng([seed, len(name)])
    days, hours = world.days[name].known_at_us, world.hours[name].known_at_us
    return PartnerIbs(hours, rng.random(len(hours)), days, rng.random(len(days)))


def between(known_at_us: np.ndarray, after_us: int, until_us: int) -> range:
    first, end = np.searchsorted(known_at_us, (after_us, until_us), side="right")
    return range(first, end)


def bar_of(bars: BarArrays, t: int) -> BarArrays:
    """One bar: whatever has the columns as attributes."""
    return BarArrays(*(getattr(bars, name)[t] for name in BarArrays.__dataclass_fields__))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("begin", [0, 150, 700])
def test_every_row_has_the_bits_of_the_batch(seed: int, begin: int) -> None:
    world, panel = World(seed), FeaturePanel(NAMES)
    batches = {name: world.batch(name) for name in NAMES}
    for name in NAMES:
        panel.take_history(name, world.bars[name].window(0, begin))
    moment = 0
    for t in range(begin, N_BARS):
        until = int(world.bars["ES"].bar_end_us[t])
        world.tell(panel, moment, until)
        moment = until
        # Not every symbol has a bar at every moment.
        here = [name for at, name in enumerate(NAMES) if (t + at) % 5]
        for name in NAMES:
            panel.take_bar(name, bar_of(world.bars[name], t))
        for name, row in panel.rows(here).items():
            assert row.tobytes() == batches[name][t].tobytes(), (name, t)


def test_rows_are_as_wide_as_their_names_and_the_callers_own() -> None:
    panel = FeaturePanel(NAMES)
    for name in NAMES:
        panel.take_history(name, walk(1))
    rows = panel.rows(list(NAMES))
    assert {name: len(row) for name, row in rows.items()} == {
        name: len(feature_names(one)) for name, one in NAMES.items()
    }
    rows["ES"][:] = 7.0
    assert not (panel.rows(["ES"])["ES"] == 7.0).any()


def test_a_symbol_that_nobody_named_is_refused() -> None:
    panel = FeaturePanel(NAMES)
    with pytest.raises(UnknownName, match="RTX"):
        panel.rows(["RTX"])


def test_a_row_before_any_bar_is_refused() -> None:
    panel = FeaturePanel(NAMES)
    panel.take_history("ES", walk(1))
    panel.take_history("NQ", walk(1).window(0, 0))
    for asked in (["NQ"], ["ES", "CL"]):
        with pytest.raises(NotEnoughData, match="no bar yet"):
            panel.rows(asked)


def test_what_informs_nobody_is_passed_over() -> None:
    panel = FeaturePanel(NAMES)
    panel.take_history("CL", walk(1))
    before = panel.rows(["CL"])["CL"]
    panel.take_hour("XX", 1, 1.0, 0.0, 0.5)
    panel.take_session("XX", 1, 1.0, 0.5)
    assert panel.rows(["CL"])["CL"].tobytes() == before.tobytes()

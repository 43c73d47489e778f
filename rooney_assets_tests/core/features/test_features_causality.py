"""A feature knows nothing of later bars, closes or rolls; live's window gives batch's bits."""

from dataclasses import replace

import numpy as np
import pytest
from feature_market import changed_at, daily_closes, walk

from rooney_core.features import MAX_LOOKBACK, ReferenceCloses, compute_features

REFERENCES = {"SIM_ZN": daily_closes(11), "SIM_6E": daily_closes(12)}


@pytest.mark.parametrize("seed", range(4))
def test_a_live_window_gives_the_bits_of_the_whole_history(seed: int) -> None:
    bars = walk(seed)
    batch = compute_features(bars, np.arange(len(bars)), REFERENCES)
    for t in range(MAX_LOOKBACK - 1, len(bars)):
        window = bars.window(t - MAX_LOOKBACK + 1, t + 1)
        live = compute_features(window, [MAX_LOOKBACK - 1], REFERENCES)
        assert live.tobytes() == batch[t : t + 1].tobytes()


def test_changing_the_last_bar_changes_no_earlier_row() -> None:
    bars = walk(seed=5)
    earlier, last = np.arange(len(bars) - 1), [len(bars) - 1]
    other = changed_at(bars, len(bars) - 1)
    before, after = (compute_features(one, earlier, REFERENCES) for one in (bars, other))
    assert before.tobytes() == after.tobytes()
    moved = compute_features(bars, last, {}) != compute_features(other, last, {})
    assert moved.sum() == 10  # all but session_progress and weekday


def test_a_close_counts_only_from_when_it_is_known() -> None:
    bars, reference = walk(seed=6), REFERENCES["SIM_ZN"]
    changed_close = 40
    other = ReferenceCloses(reference.known_at_us, reference.close.copy())
    other.close[changed_close] += 5.0
    rows = np.arange(len(bars))
    before, after = (
        compute_features(bars, rows, {"SIM_ZN": one})[:, -1] for one in (reference, other)
    )
    differs = before != after
    known = bars.bar_end_us >= reference.known_at_us[changed_close]
    assert not differs[~known].any()
    assert differs[known].all()
    # The bar that ends at the very moment of the close may use it.
    assert (bars.bar_end_us == reference.known_at_us[changed_close]).any()


def test_a_roll_to_come_changes_nothing() -> None:
    bars = walk(seed=7)
    rolled_later = replace(bars, adjustment=bars.adjustment + 0.125)
    rows = np.arange(len(bars))
    np.testing.assert_allclose(
        compute_features(rolled_later, rows, {}),
        compute_features(bars, rows, {}),
        rtol=1e-12,
        atol=1e-14,
    )
    quiet = [t for t in range(50, len(bars)) if np.ptp(bars.adjustment[t - 49 : t + 1]) == 0]
    same = [compute_features(one, quiet, {}) for one in (bars, rolled_later)]
    assert same[0].tobytes() == same[1].tobytes()

"""All that a decision depends on besides bars: one frozen object, named by the release.

Belongs here: which rule, which parameters, which model, which threshold. Does not belong here: how
a bundle is stored or verified (`rooney_core.release`), or how many contracts it trades.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rooney_core.backtest.costs import CostModel
from rooney_core.errors import InvalidSetting
from rooney_core.features import MAX_LOOKBACK, PRIOR_TRADE_BARS, FeedNames, feature_names
from rooney_core.features.feeds import NO_NAMES
from rooney_core.market.instruments import Instrument
from rooney_core.strategies import Variant, VariantParams
from rooney_core.strategies.peers import Peers


class ProbabilityModel(Protocol):
    """What a decision needs of `rooney_core.modeling.MetaModel`."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns, in order."""

    def probability(self, features: npt.NDArray[np.float64], /) -> npt.NDArray[np.float64]:
        """Probability of a profit, f8[n] in [0, 1], for f8[n, n_features]; NaN is unknown."""

    def contributions(self, features: npt.NDArray[np.float64], /) -> npt.NDArray[np.float64]:
        """What each feature added, f8[n, n_features + 1]; the last column is the base."""


@dataclass(frozen=True)
class DecisionBundle:
    """One symbol's way of deciding.

    `threshold`: an entry is approved when the model's probability is at least this. Without a
    `model` every entry is approved. `feed_names`: whose bars the features are made of, besides the
    symbol's own. `peer_symbols`: whose sessions the variant compares with.

    Raises InvalidSetting for a threshold outside [0, 1], parameters of another variant, or a
    model whose features are not exactly those that these feeds give.
    """

    instrument: Instrument
    variant: Variant
    params: VariantParams
    costs: CostModel
    model: ProbabilityModel | None = None
    threshold: float = 0.0
    feed_names: FeedNames = NO_NAMES
    peer_symbols: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 <= self.threshold <= 1.0:
            raise InvalidSetting(
                f"threshold={self.threshold!r} arrived; a probability in [0, 1] is allowed."
            )
        if not isinstance(self.params, self.variant.params_type):
            raise InvalidSetting(
                f"{type(self.params).__name__} arrived as parameters of {self.variant.name}; "
                f"{self.variant.params_type.__name__} is needed: use variant.parse_params()."
            )
        names = feature_names(self.feed_names)
        if self.model is not None and tuple(self.model.features) != names:
            raise InvalidSetting(
                f"The model was trained on {', '.join(self.model.features)}; the feeds of "
                f"{', '.join(self.feed_names.symbols) or '(nobody)'} give {', '.join(names)}. "
                "Same names in the same order are needed: train the model anew."
            )

    def peers_among(self, peers: Peers) -> Peers:
        """Sessions of exactly the bundle's peer symbols; one that is absent stays absent."""
        return {one: peers[one] for one in self.peer_symbols if one in peers}

    @property
    def window_bars(self) -> int:
        """Bars, the current one included, that a decision is a function of."""
        lookback = self.variant.lookback(self.params)
        return lookback if self.model is None else max(lookback, MAX_LOOKBACK)

    @property
    def virtual_bars(self) -> int:
        """Bars that the strategy must have traded virtually before a decision, its own included.

        A model looks at the trades that ended in them; without one there is nothing to look at.
        """
        return 0 if self.model is None else PRIOR_TRADE_BARS

    @property
    def warm_up_bars(self) -> int:
        """Bars before the first decision, where the flat deadline asks for no more."""
        return self.window_bars + self.virtual_bars

"""All that a decision depends on besides bars: one frozen object, named by the release.

Belongs here: which rule, which parameters, which model, which threshold. Does not belong here: how
a bundle is stored or verified (`rooney_core.release`), or how many contracts it trades.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from rooney_core.backtest.costs import CostModel
from rooney_core.errors import InvalidSetting
from rooney_core.features import MAX_LOOKBACK, ReferenceCloses, feature_names
from rooney_core.market.instruments import Instrument
from rooney_core.strategies import Variant, VariantParams
from rooney_core.strategies.peers import Peers

NO_REFERENCES: Final[Mapping[str, ReferenceCloses]] = MappingProxyType({})


class ProbabilityModel(Protocol):
    """What a decision needs of `rooney_core.modeling.MetaModel`."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the columns, in order."""

    def probability(self, features: npt.NDArray[np.float64], /) -> npt.NDArray[np.float64]:
        """Probability of a profit, f8[n] in [0, 1], for f8[n, n_features]; NaN is unknown."""


@dataclass(frozen=True)
class DecisionBundle:
    """One symbol's way of deciding.

    `threshold`: an entry is approved when the model's probability is at least this. Without a
    `model` every entry is approved. `reference_symbols`: whose daily closes the features use.
    `peer_symbols`: whose sessions the variant compares with.

    Raises InvalidSetting for a threshold outside [0, 1], parameters of another variant, or a
    model whose features are not exactly those that these reference symbols give.
    """

    instrument: Instrument
    variant: Variant
    params: VariantParams
    costs: CostModel
    model: ProbabilityModel | None = None
    threshold: float = 0.0
    reference_symbols: tuple[str, ...] = ()
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
        names = feature_names(self.reference_symbols)
        if self.model is not None and tuple(self.model.features) != names:
            raise InvalidSetting(
                f"The model was trained on {', '.join(self.model.features)}; reference symbols "
                f"{', '.join(self.reference_symbols) or '(none)'} give {', '.join(names)}. "
                "Same names in the same order are needed: train the model anew."
            )

    def align(self, references: Mapping[str, ReferenceCloses]) -> dict[str, ReferenceCloses]:
        """Closes of exactly the bundle's reference symbols; one that is absent has no closes.

        Its feature is then unknown, never 0; symbols that the bundle does not name are left out.
        """
        return {one: references.get(one, _NEVER_ARRIVED) for one in self.reference_symbols}

    def peers_among(self, peers: Peers) -> Peers:
        """Sessions of exactly the bundle's peer symbols; one that is absent stays absent."""
        return {one: peers[one] for one in self.peer_symbols if one in peers}

    @property
    def window_bars(self) -> int:
        """Bars, the current one included, that a decision is a function of."""
        lookback = self.variant.lookback(self.params)
        return lookback if self.model is None else max(lookback, MAX_LOOKBACK)


_NEVER_ARRIVED: Final = ReferenceCloses(np.empty(0, np.int64), np.empty(0))

"""How many small universes are made, how strong the planted edges are, how much is searched.

Belongs here: frozen, validated settings. Does not belong here: the error rates that are allowed;
those are in the checks, and nobody sets them.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rooney_core.modeling.settings import QUICK_TRIALS, TuningSettings

UNIVERSES: Final = (400, 80)
"""Without an edge, and of each strength, where nobody says otherwise: enough for the intervals."""
QUICK_UNIVERSES: Final = (40, 12)
"""The same where the factory itself is told to be quick: a hundred with the default strengths."""

Count = Annotated[int, Field(ge=1, le=10_000)]
Edge = Annotated[float, Field(gt=0, le=5)]


class CalibrationSettings(BaseModel):
    """Settings of one calibration; the same settings and code give the same table.

    `n_null` universes without an edge, `n_planted` for each of `reversion_edges` (strengths of the
    simulated market; what Sharpe ratio they are worth is measured on `n_oracle` other markets);
    None: UNIVERSES, or QUICK_UNIVERSES where `tuning`, the mandate's, is of the quick size. All
    markets run from `first_session` to the end of `last_session`, with the project's windows. The
    search keeps at most `values_per_axis` values of each parameter of every variant; the default is
    more than any has, so that each search tries as much as a real one. `processes` share the
    universes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_null: Count | None = None
    n_planted: Count | None = None
    reversion_edges: Annotated[tuple[Edge, ...], Field(min_length=1)] = (0.3, 0.45, 0.6, 0.85, 1.0)
    n_oracle: Annotated[int, Field(ge=2, le=1000)] = 24
    values_per_axis: Annotated[int, Field(ge=1, le=100)] = 100
    first_session: date = date(2010, 1, 4)
    last_session: date = date(2025, 12, 31)
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 20100104
    processes: Annotated[int, Field(ge=1, le=64)] = 2
    tuning: TuningSettings = TuningSettings()

    @model_validator(mode="after")
    def _strengths_differ(self) -> Self:
        if len(set(self.reversion_edges)) < len(self.reversion_edges):
            raise ValueError(f"reversion_edges {self.reversion_edges} names a strength twice")
        return self

    @property
    def counts(self) -> dict[float, int]:
        """Universes of each strength, the null (0.0) first."""
        quick = self.tuning.n_trials <= sum(QUICK_TRIALS.values())
        null, planted = QUICK_UNIVERSES if quick else UNIVERSES
        null = null if self.n_null is None else self.n_null
        planted = planted if self.n_planted is None else self.n_planted
        return {0.0: null, **dict.fromkeys(self.reversion_edges, planted)}

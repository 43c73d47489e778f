"""How many small universes are made, how strong the planted edges are, how much is searched.

Belongs here: frozen, validated settings. Does not belong here: the error rates that are allowed;
those are in the checks, and nobody sets them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

QUICK_UNIVERSES: Final = {"n_null": 40, "n_planted": 12}
"""A hundred universes with the five strengths of the default."""

Edge = Annotated[float, Field(gt=0, le=5)]


class CalibrationSettings(BaseModel):
    """Settings of one calibration; the same settings and code give the same table.

    `n_null` universes without an edge, `n_planted` for each of `reversion_edges` (strengths of the
    simulated market; what Sharpe ratio they are worth is measured on `n_oracle` other markets). All
    markets run from `first_session` to the end of `last_session`, with the project's windows. The
    search keeps at most `values_per_axis` values of each parameter of every variant. `processes`
    share the universes. `mandate`: the limits to be judged by, section by section; what it leaves
    out has the defaults.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_null: Annotated[int, Field(ge=1, le=10_000)] = 300
    n_planted: Annotated[int, Field(ge=1, le=10_000)] = 60
    reversion_edges: Annotated[tuple[Edge, ...], Field(min_length=1)] = (0.5, 0.75, 1.0, 1.25, 1.5)
    n_oracle: Annotated[int, Field(ge=2, le=1000)] = 24
    values_per_axis: Annotated[int, Field(ge=1, le=100)] = 2
    first_session: date = date(2010, 1, 4)
    last_session: date = date(2025, 12, 31)
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 20100104
    processes: Annotated[int, Field(ge=1, le=64)] = 2
    mandate: Mapping[str, Any] = {}

    @model_validator(mode="after")
    def _strengths_differ(self) -> Self:
        if len(set(self.reversion_edges)) < len(self.reversion_edges):
            raise ValueError(f"reversion_edges {self.reversion_edges} names a strength twice")
        return self

    @property
    def n_universes(self) -> int:
        """All of them, null and planted."""
        return self.n_null + self.n_planted * len(self.reversion_edges)

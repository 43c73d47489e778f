"""Which years are for searching, which for choosing, and which are sealed.

Belongs here: the two boundaries of the three windows, and what a sealed window may be used for, set
once. Does not belong here: who may
look at the sealed one (the lake decides), or which sample falls where (purged_cv.three_way_split).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

HOLDOUT_BUDGET: Final = 5
"""How many different models may see one sealed test window, where nobody set another number."""

MIN_NEW_SESSIONS: Final = 126
"""Sessions by which a test window must have grown to be another one: half a year. Less would leave
a test that is nearly the one that is spent already."""


class Splits(BaseModel):
    """Train up to and including `train_end`, validation to `validation_end`, test after.

    A date is inclusive and ends at midnight UTC. `embargo_days` are calendar days after each
    boundary in which no sample may start. Defaults are the windows of the project.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    train_end: date = date(2018, 12, 31)
    validation_end: date = date(2020, 12, 31)
    embargo_days: Annotated[int, Field(ge=0, le=366)] = 3

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.train_end >= self.validation_end:
            raise ValueError(
                f"train_end {self.train_end} is not before validation_end {self.validation_end}; "
                "choose boundaries in order"
            )
        return self

    @property
    def embargo(self) -> timedelta:
        """`embargo_days` as the timedelta that the splitters take."""
        return timedelta(days=self.embargo_days)

    @property
    def validation_start(self) -> date:
        """First day of the validation window, embargo not counted."""
        return self.train_end + timedelta(days=1)

    @property
    def test_start(self) -> date:
        """First day of the sealed test window, embargo not counted."""
        return self.validation_end + timedelta(days=1)


SPLITS = Splits()

"""The mandate: limits and choices that a person sets, read from `mandate.yaml`.

Belongs here: the page's sections, their validation, and which parameters they set. Does not belong
here: what a limit is for (the model of its section says so), or limits that only code may set.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from rooney_assets.settings import Settings, parse_yaml
from rooney_core.backtest.ranking import RankingCriteria
from rooney_core.errors import InvalidSetting, UnknownName
from rooney_core.gates.settings import EvaluationSettings
from rooney_core.labeling.settings import LabelSettings
from rooney_core.modeling.settings import QUICK_TRIALS, TuningSettings


class Mandate(BaseModel):
    """One page of limits. A section that is left out takes the defaults of its model.

    `windows` is of every parameter model that has a field of this name: labels and training are of
    one split.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ranking: RankingCriteria = RankingCriteria()
    labels: LabelSettings = LabelSettings()
    tuning: TuningSettings = TuningSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    windows: Literal["three_way", "two_way"] = "three_way"

    @model_validator(mode="after")
    def _windows_once(self) -> Self:
        for name in ("labels", "tuning"):
            stated = getattr(self, name).windows
            if stated not in ("three_way", self.windows):
                raise ValueError(
                    f"{name}.windows is {stated} and windows is {self.windows}; write it once, at "
                    "the top level, where labels and training both read it"
                )
        return self

    def quick(self) -> Self:
        """The same mandate with a search of ten sets (ROONEY_TUNING=quick)."""
        return self.model_copy(update={"tuning": self.tuning.model_copy(update=QUICK_TRIALS)})

    @classmethod
    def parse(cls, document: object, origin: str) -> Mandate:
        """Validate a parsed YAML document; `origin` names it in errors.

        Raises InvalidSetting naming each section and field that is wrong, and what is allowed.
        """
        if not isinstance(document, Mapping):
            raise InvalidSetting(
                f"{origin} must be a mapping of sections ({', '.join(cls.model_fields)}); "
                f"a {type(document).__name__} arrived. Start from the shipped mandate.yaml."
            )
        try:
            # Strict: a limit that is `yes` or "1.5" is a slip, and no 1.0 or 1.5.
            mandate = cls.model_validate(document, strict=True)
        except ValidationError as error:
            raise InvalidSetting(_explain(error, origin)) from None
        fewest, most = mandate.ranking.min_trades_per_year, mandate.ranking.max_trades_per_year
        if fewest > most:
            raise InvalidSetting(
                f"{origin}: ranking asks for at least {fewest:g} and at most {most:g} trades a "
                "year, which no variant can meet; exchange the two."
            )
        return mandate

    def params_of(self, kind: type[BaseModel]) -> BaseModel:
        """Parameters of this type: the mandate's section of it, or else the type's defaults."""
        sections = (getattr(self, name) for name in type(self).model_fields)
        chosen = next((one for one in sections if type(one) is kind), None) or kind()
        if "windows" not in kind.model_fields:
            return chosen
        return chosen.model_copy(update={"windows": self.windows})


def load_mandate(settings: Settings) -> Mandate:
    """The mandate of these settings. Raises InvalidSetting when it cannot be read or is wrong."""
    document = parse_yaml(settings.mandate, "mandate", "ROONEY_MANDATE")
    mandate = Mandate.parse(document, str(settings.mandate))
    return mandate.quick() if settings.tuning == "quick" else mandate


def _explain(error: ValidationError, origin: str) -> str:
    lines = [f"{origin} is not valid:"]
    for problem in error.errors():
        where = [str(part) for part in problem["loc"]]
        said = f"{problem['msg']}; {problem['input']!r} arrived"
        if problem["type"] == "extra_forbidden":
            kind, known = "section", Mandate.model_fields
            if len(where) > 1:
                section = getattr(Mandate(), where[0])
                kind, known = "limit", type(section).model_fields
            said = str(UnknownName.among(kind, where[-1], known))
        lines.append(f"  {'.'.join(where) or 'the whole'}: {said}")
    return "\n".join(lines)

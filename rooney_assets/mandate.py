"""The mandate: limits and choices that a person sets, read from `mandate.yaml`.

Belongs here: the page's sections, their validation, and which parameters they set. Does not belong
here: what a limit is for (the model of its section says so), or limits that only code may set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.fields import FieldInfo

from rooney_assets.settings import Settings
from rooney_assets.yaml_pages import parse_yaml
from rooney_core.backtest.ranking import RankingCriteria
from rooney_core.errors import InvalidSetting, UnknownName
from rooney_core.feedback.limits import FeedbackLimits
from rooney_core.gates.backtest_gate import BacktestLimits
from rooney_core.gates.drift import DriftLimits
from rooney_core.gates.paper import PaperLimits
from rooney_core.gates.retraining import RetrainingLimits
from rooney_core.gates.settings import EvaluationSettings, PromotionLimits
from rooney_core.gates.stress import QUICK_SCENARIOS, StressLimits
from rooney_core.gates.verdict import VerdictThresholds
from rooney_core.labeling.settings import LabelSettings
from rooney_core.lineage import content_version
from rooney_core.modeling.settings import QUICK_TRIALS, TuningSettings
from rooney_core.portfolio.monthly import PortfolioLimits
from rooney_core.release.limits import LiveLimits

MANDATE_SCHEMA: Final = {"section": pl.String, "limit": pl.String, "value": pl.String}


class SelectionLimits(BaseModel):
    """What decides who is a candidate of a month, and who is chosen; sections of the mandate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: VerdictThresholds = VerdictThresholds()
    backtest_gate: BacktestLimits = BacktestLimits()
    stress: StressLimits = StressLimits()
    portfolio: PortfolioLimits = PortfolioLimits()


class Mandate(BaseModel):
    """One page of limits. A section or a limit that is left out keeps its default.

    A section is also every field of its name and type in any parameter model: `windows` is of
    labels and training, `verdict` of the evaluation and of every gate that reads it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ranking: RankingCriteria = RankingCriteria()
    labels: LabelSettings = LabelSettings()
    tuning: TuningSettings = TuningSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    verdict: VerdictThresholds = VerdictThresholds()
    backtest_gate: BacktestLimits = BacktestLimits()
    stress: StressLimits = StressLimits()
    paper: PaperLimits = PaperLimits()
    portfolio: PortfolioLimits = PortfolioLimits()
    promotion: PromotionLimits = PromotionLimits()
    live: LiveLimits = LiveLimits()
    drift: DriftLimits = DriftLimits()
    retraining: RetrainingLimits = RetrainingLimits()
    feedback: FeedbackLimits = FeedbackLimits()
    windows: Literal["three_way", "two_way"] = "three_way"

    @model_validator(mode="after")
    def _written_once(self) -> Self:
        for name in type(self).model_fields:
            section = getattr(self, name)
            for shared in self._shared_with(type(section)):
                stated, default = getattr(section, shared), type(section)()
                if stated not in (getattr(default, shared), getattr(self, shared)):
                    raise ValueError(
                        f"{name}.{shared} is {stated} and {shared} is {getattr(self, shared)}; "
                        "write it once, at the top level, where everybody reads it"
                    )
        return self

    def quick(self) -> Self:
        """The same mandate with a short search and few scenarios (ROONEY_TUNING=quick)."""
        fewer = {"tuning": QUICK_TRIALS, "stress": QUICK_SCENARIOS}
        sections = {name: getattr(self, name).model_copy(update=to) for name, to in fewer.items()}
        return self.model_copy(update=sections)

    @property
    def limits(self) -> dict[str, Any]:
        """Every value by its dotted name, in the order of the page: `ranking.max_drawdown`.

        What is a section of its own elsewhere is there only.
        """
        found: dict[str, Any] = {}
        for name in type(self).model_fields:
            section = getattr(self, name)
            shared = set(self._shared_with(type(section)))
            page = section.model_dump(mode="json", exclude=shared) if shared else _plain(section)
            found |= _flat(name, page)
        return found

    def to_frame(self) -> pl.DataFrame:
        """A row per limit (MANDATE_SCHEMA), in the order of the page; `value` is JSON."""
        rows = [
            (name.partition(".")[0], name, json.dumps(value, sort_keys=True))
            for name, value in self.limits.items()
        ]
        return pl.DataFrame(rows, schema=MANDATE_SCHEMA, orient="row")

    @classmethod
    def from_frame(cls, table: pl.DataFrame) -> Mandate:
        """The mandate of a table. Raises InvalidSetting for one of other code's limits."""
        return cls.parse(_nested(limits_of(table)), "the mandate in the lake")

    @property
    def version(self) -> str:
        """Content version of its table: the same limits, the same version."""
        return content_version(self.to_frame())

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
            mandate = cls.model_validate(_over(_defaults(), document), strict=True)
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
        """Parameters of this type: the mandate's section of it, or else the type's defaults.

        Fields that are sections of the mandate by name and type are the mandate's.
        """
        sections = (getattr(self, name) for name in type(self).model_fields)
        chosen = next((one for one in sections if type(one) is kind), None) or kind()
        shared = {name: getattr(self, name) for name in self._shared_with(kind)}
        return chosen.model_copy(update=shared) if shared else chosen

    def _shared_with(self, kind: type) -> list[str]:
        """Fields of a model that are sections of this page, by name and type."""
        own = type(self).model_fields
        fields: Mapping[str, FieldInfo] = getattr(kind, "model_fields", {})
        return [
            name
            for name, field in fields.items()
            if name in own and own[name].annotation == field.annotation
        ]


def limits_of(table: pl.DataFrame) -> dict[str, Any]:
    """Values by dotted name of a table that `Mandate.to_frame` made, by whatever version of it."""
    return {name: json.loads(value) for name, value in table.select("limit", "value").iter_rows()}


def load_mandate(settings: Settings) -> Mandate:
    """The mandate of these settings. Raises InvalidSetting when it cannot be read or is wrong."""
    document = parse_yaml(settings.mandate, "mandate", "ROONEY_MANDATE")
    mandate = Mandate.parse(document, str(settings.mandate))
    return mandate.quick() if settings.tuning == "quick" else mandate


def _plain(section: BaseModel | str) -> Any:
    return section.model_dump(mode="json") if isinstance(section, BaseModel) else section


def _flat(name: str, page: Any) -> dict[str, Any]:
    if not isinstance(page, Mapping):
        return {name: page}
    found: dict[str, Any] = {}
    for key, value in page.items():
        found |= _flat(f"{name}.{key}", value)
    return found


def _nested(limits: Mapping[str, Any]) -> dict[str, Any]:
    page: dict[str, Any] = {}
    for name, value in limits.items():
        *above, last = name.split(".")
        section = page
        for part in above:
            section = section.setdefault(part, {})
        section[last] = value
    return page


def _defaults() -> dict[str, Any]:
    return Mandate().model_dump()


def _over(page: Mapping[str, Any], written: Mapping[Any, Any]) -> dict[Any, Any]:
    """The page with what is written over it, limit by limit."""
    both = {
        name: _over(page[name], value)
        for name, value in written.items()
        if isinstance(value, Mapping) and isinstance(page.get(name), Mapping)
    }
    return {**page, **written, **both}


def _explain(error: ValidationError, origin: str) -> str:
    lines = [f"{origin} is not valid:"]
    for problem in error.errors():
        where = [str(part) for part in problem["loc"]]
        said = f"{problem['msg']}; {problem['input']!r} arrived"
        if problem["type"] == "extra_forbidden":
            page: BaseModel = Mandate()
            for part in where[:-1]:
                page = getattr(page, part)
            kind = "limit" if len(where) > 1 else "section"
            said = str(UnknownName.among(kind, where[-1], type(page).model_fields))
        lines.append(f"  {'.'.join(where) or 'the whole'}: {said}")
    return "\n".join(lines)

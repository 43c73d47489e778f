"""The mandate: limits that a person sets, read from `mandate.yaml`.

Belongs here: the page's sections, their validation, and which parameters they set. Does not belong
here: what a limit is for (the model of its section says so), or limits that only code may set.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, ValidationError

from rooney_assets.settings import Settings, parse_yaml
from rooney_core.backtest.ranking import RankingCriteria
from rooney_core.errors import InvalidSetting, UnknownName


class Mandate(BaseModel):
    """One page of limits. A section that is left out takes the defaults of its model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ranking: RankingCriteria = RankingCriteria()

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
        return next((one for one in sections if type(one) is kind), None) or kind()


def load_mandate(settings: Settings) -> Mandate:
    """The mandate of these settings. Raises InvalidSetting when it cannot be read or is wrong."""
    document = parse_yaml(settings.mandate, "mandate", "ROONEY_MANDATE")
    return Mandate.parse(document, str(settings.mandate))


def _explain(error: ValidationError, origin: str) -> str:
    lines = [f"{origin} is not valid:"]
    for problem in error.errors():
        where = [str(part) for part in problem["loc"]]
        said = f"{problem['msg']}; {problem['input']!r} arrived"
        if problem["type"] == "extra_forbidden":
            kind, known = ("section", Mandate) if len(where) == 1 else ("limit", RankingCriteria)
            said = str(UnknownName.among(kind, where[-1], known.model_fields))
        lines.append(f"  {'.'.join(where)}: {said}")
    return "\n".join(lines)

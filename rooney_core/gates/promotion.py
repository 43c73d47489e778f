"""May this candidate replace what is traded now? Every condition, each with its reason.

Belongs here: the conditions of a promotion, from facts. Does not belong here: finding those facts
(the factory does), or carrying the decision out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

from rooney_core.gates.approvals import Approval, Key, Override
from rooney_core.gates.champion import ChampionTest
from rooney_core.gates.settings import PromotionLimits

REQUIRED_GATES = ("backtest", "stress", "paper", "selection")
"""Gates that must have answered for every traded symbol: silence is not a pass."""


class ConditionCode(StrEnum):
    """What a promotion needs; each is a blocking check of the release."""

    NO_EMERGENCY_STOP = "no_emergency_stop"
    SAME_VERSIONS = "same_versions"
    GATES_GREEN = "gates_green"
    CHALLENGER_NOT_WORSE = "challenger_not_worse"
    TURNOVER_KEPT = "turnover_kept"
    LIVE_LIMITS_KEPT = "live_limits_kept"
    NOT_WITHDRAWN = "not_withdrawn"
    APPROVED = "approved"


@dataclass(frozen=True)
class Condition:
    """One condition: whether it holds, and why in words with the numbers."""

    code: ConditionCode
    passed: bool
    reason: str


@dataclass(frozen=True)
class Traded:
    """What a release trades: contracts and model version by symbol, in order of priority."""

    release_id: str
    mandate_version: str
    sizes: Mapping[str, int]
    model_versions: Mapping[str, str]

    @property
    def is_empty(self) -> bool:
        """A valid release that trades nothing."""
        return not self.sizes


@dataclass(frozen=True)
class PromotionFacts:
    """What is known when a candidate asks.

    `gate_report`: of its month. `mandate_version`: in force now. `other_versions`: in words, what
    was made under other limits, or of another version, than the candidate and the mandate.
    `overrides`: those that hold today. `loosened`: what is looser now than under the champion's
    mandate; `lapsed`: by approved release, what is looser now than when it was approved.
    `live_refusals`: in words, what the trader would refuse of it under the mandate's live limits.
    `withdrawn`: why its models were rolled back from; None if never. `emergency_stop`: what the
    stop file says; None without one.
    """

    candidate: Traded
    champion: Traded | None
    gate_report: pl.DataFrame
    mandate_version: str
    challenge: ChampionTest
    other_versions: Sequence[str] = ()
    turnover: Sequence[str] = ()
    live_refusals: Sequence[str] = ()
    overrides: Mapping[Key, Override] = field(default_factory=dict)
    approvals: Sequence[Approval] = ()
    loosened: Sequence[str] = ()
    lapsed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    withdrawn: str | None = None
    emergency_stop: str | None = None

    @property
    def is_released(self) -> bool:
        """Whether the candidate is what is traded already."""
        return self.champion is not None and self.champion.release_id == self.candidate.release_id


@dataclass(frozen=True)
class Decision:
    """All conditions, failed ones too; a candidate is promoted when every one holds."""

    conditions: tuple[Condition, ...]

    @property
    def passed(self) -> bool:
        """Whether it may be promoted."""
        return all(one.passed for one in self.conditions)

    def of(self, code: ConditionCode) -> Condition:
        """One condition by its code."""
        return next(one for one in self.conditions if one.code is code)


def decide(facts: PromotionFacts, limits: PromotionLimits) -> Decision:
    """Judge every condition. One that needs no answer holds, and says why."""
    return Decision(
        (
            _no_emergency_stop(facts),
            _same_versions(facts),
            _gates_green(facts),
            _challenger_not_worse(facts),
            _turnover_kept(facts),
            _live_limits_kept(facts),
            _not_withdrawn(facts),
            _approved(facts, limits),
        )
    )


def _no_emergency_stop(facts: PromotionFacts) -> Condition:
    code, said = ConditionCode.NO_EMERGENCY_STOP, facts.emergency_stop
    if said is None:
        return Condition(code, True, "no emergency stop file")
    return Condition(code, False, f"the emergency stop file halts every promotion: {said}")


def _same_versions(facts: PromotionFacts) -> Condition:
    """The gates spoke of exactly this candidate, its models, and the mandate in force."""
    candidate, report = facts.candidate, facts.gate_report
    told = list(facts.other_versions)
    judged = set(report["candidate_id"]) if report.height else {"nobody"}
    if judged != {candidate.release_id}:
        told.append(f"the gates judged {_list(judged)}, the candidate is {candidate.release_id}")
    mandates = {candidate.mandate_version, *report["mandate_version"]}
    if mandates != {facts.mandate_version}:
        told.append(f"judged under mandate {_list(mandates)}, in force is {facts.mandate_version}")
    for symbol, version in candidate.model_versions.items():
        of_symbol = set(report.filter(pl.col("symbol") == symbol)["model_version"])
        if of_symbol != {version}:
            told.append(f"{symbol}: gates of model {_list(of_symbol)}, candidate has {version}")
    reason = "; ".join(told) or f"all gates are of candidate {candidate.release_id}"
    return Condition(ConditionCode.SAME_VERSIONS, not told, reason)


def _gates_green(facts: PromotionFacts) -> Condition:
    """Every row of every traded symbol passed, or a person lets that gate pass for a while."""
    told, overridden = [], []
    for symbol in facts.candidate.sizes:
        rows = facts.gate_report.filter(pl.col("symbol") == symbol)
        silent = [gate for gate in REQUIRED_GATES if gate not in set(rows["gate"])]
        told += [f"{symbol}: the {gate} gate did not answer" for gate in silent]
        for gate, reason in rows.filter(~pl.col("passed")).select("gate", "reason").iter_rows():
            override = facts.overrides.get((symbol, gate))
            if override is None:
                told.append(f"{symbol}: {gate}: {reason}")
            else:
                overridden.append(f"{symbol}:{gate} until {override.until} ({override.reason})")
    n_traded = len(facts.candidate.sizes)
    green = f"all gates of {n_traded} symbols are green" if n_traded else "trades nothing: no gates"
    if overridden:
        green += f", OVERRIDDEN: {'; '.join(dict.fromkeys(overridden))}"
    return Condition(ConditionCode.GATES_GREEN, not told, "; ".join(told) or green)


def _challenger_not_worse(facts: PromotionFacts) -> Condition:
    code, champion = ConditionCode.CHALLENGER_NOT_WORSE, facts.champion
    if facts.is_released:
        return Condition(code, True, "it is the champion")
    if champion is None or champion.is_empty:
        return Condition(code, True, "nothing is traded that it could be worse than")
    if facts.candidate.is_empty:
        return Condition(code, True, "it trades nothing: whatever was traded did not pass again")
    return Condition(code, facts.challenge.passed, facts.challenge.reason)


def _turnover_kept(facts: PromotionFacts) -> Condition:
    told = [] if facts.is_released else list(facts.turnover)
    reason = "; ".join(told) or "within the limits of turnover"
    return Condition(ConditionCode.TURNOVER_KEPT, not told, reason)


def _live_limits_kept(facts: PromotionFacts) -> Condition:
    """What the trader would deny on every bar must not be released: it would never trade."""
    told = "; ".join(facts.live_refusals)
    reason = told or "every size is within the mandate's live limits"
    return Condition(ConditionCode.LIVE_LIMITS_KEPT, not told, reason)


def _not_withdrawn(facts: PromotionFacts) -> Condition:
    code, said = ConditionCode.NOT_WITHDRAWN, facts.withdrawn
    if said is None or facts.is_released:
        return Condition(code, True, "never rolled back from")
    if _standing_approval(facts) is not None:
        return Condition(code, True, f"{said}, and approved again since")
    return Condition(code, False, f"{said}; a person has to approve it again")


def _approved(facts: PromotionFacts, limits: PromotionLimits) -> Condition:
    code, candidate = ConditionCode.APPROVED, facts.candidate
    approval = _standing_approval(facts)
    if facts.is_released:
        return Condition(code, True, "it is released already")
    if approval is not None:
        return Condition(code, True, f"approved by {approval.who}: {approval.reason}")
    given = [one for one in facts.approvals if one.release_id == candidate.release_id]
    if given:
        looser = "; ".join(facts.lapsed.get(candidate.release_id, ())) or "another mandate"
        reason = f"the approval by {given[-1].who} lapsed: the mandate was loosened ({looser})"
        return Condition(code, False, reason)
    if not limits.auto:
        reason = f"promotion.auto is off and nobody approved {candidate.release_id}"
        return Condition(code, False, reason)
    if facts.loosened and facts.champion is not None:
        reason = (
            f"the mandate was loosened since {facts.champion.release_id} was promoted "
            f"({'; '.join(facts.loosened)}): a person has to approve the next release"
        )
        return Condition(code, False, reason)
    return Condition(code, True, "promotion.auto is on in the mandate")


def _standing_approval(facts: PromotionFacts) -> Approval | None:
    """The newest approval of the candidate, unless the mandate was loosened since."""
    release_id = facts.candidate.release_id
    given = [one for one in facts.approvals if one.release_id == release_id]
    return given[-1] if given and not facts.lapsed.get(release_id) else None


def _list(names: set[str] | set[str | None]) -> str:
    return ", ".join(sorted(str(one) for one in names)) or "nothing"

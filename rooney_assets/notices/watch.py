"""What there is to tell: runs and checks of Dagster's log since the last look, and what lasts.

Belongs here: finding notices, and what is over. Does not belong here: keeping or sending them.
Dagster's own sensor for failed runs sees no checks, so this reads the log of every run that ended.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import dagster as dg
import polars as pl
from dagster._core.definitions.freshness import FreshnessState

from rooney_assets.checks.release import CONDITIONS as PROMOTION
from rooney_assets.checks.release import RELEASES
from rooney_assets.halting import AUTOMATION_TAG, REASON_TAG
from rooney_assets.lake import Lake
from rooney_assets.notices.news import released
from rooney_assets.notices.records import Notice, NoticeKind
from rooney_assets.promotion import current_release, emergency_stop, traded_of
from rooney_core.gates.promotion import ConditionCode

MOST_RUNS: Final = 200
"""Runs looked at in one go; the others come with the next."""
FIRST_LOOK: Final = timedelta(days=1)
"""How far back the first look goes."""
SOON: Final = timedelta(days=7)
DRIFT_ASSET: Final = "drift_report"
RETRAINING: Final = "retraining"
"""The sensor that asks for trainings, in its runs' tags (`rooney_assets.sensors`)."""
PARTITION_TAG: Final = "dagster/partition"
_WANTED: Final = {
    dg.DagsterEventType.ASSET_CHECK_EVALUATION,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
}
_CLASS: Final = re.compile(r"^(\w+\.)+\w+: ")
"""What Dagster puts before an error's own words."""
_ENDED: Final = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


@dataclass(frozen=True)
class Seen:
    """What a look found. `happened`: notices of events, in order; `over`: keys that are over;
    `lasting`: every condition there is now; `until`: up to where the log was read."""

    happened: tuple[Notice, ...]
    over: tuple[str, ...]
    lasting: tuple[Notice, ...]
    until: datetime


@dataclass
class _RunLog:
    """One run's failed steps with their errors, and its checks that failed and passed."""

    errors: dict[str, str] = field(default_factory=dict)
    failed: list[Any] = field(default_factory=list)
    passed: list[Any] = field(default_factory=list)
    whole: str = ""


def look(instance: dg.DagsterInstance, lake: Lake, ui: str, since: datetime | None) -> Seen:
    """Everything that is to be told of what ended after `since`; None: in the last day.

    `ui`: address of the web UI. Reads alone.
    """
    begin = since or datetime.now(UTC) - FIRST_LOOK
    records = instance.get_run_records(
        dg.RunsFilter(statuses=_ENDED, updated_after=begin),
        limit=MOST_RUNS,
        order_by="update_timestamp",
        ascending=True,
    )
    happened: list[Notice] = []
    over: list[str] = []
    for record in records:
        log = _log_of(instance, record.dagster_run.run_id)
        found = list(_of_run(record.dagster_run, log, ui))
        again = {one.key for one in found}
        passed = [key for key in _passed(record.dagster_run, log) if key not in again]
        # What is over by the time that it is seen is told by nobody but the digest.
        happened = [one for one in happened if not any(_fits(one.key, key) for key in passed)]
        over += passed
        happened += [*found, *released(lake, record.dagster_run.run_id, ui)]
    until = records[-1].update_timestamp.replace(tzinfo=UTC) if records else begin
    return Seen(tuple(happened), tuple(over), tuple(lasting(instance, lake, ui)), until)


def _fits(key: str, pattern: str) -> bool:
    """Whether a key is the one, or begins like one that ends in a star."""
    return key == pattern or (pattern.endswith("*") and key.startswith(pattern[:-1]))


def lasting(instance: dg.DagsterInstance, lake: Lake, ui: str) -> Iterator[Notice]:
    """Conditions that hold now."""
    stop = emergency_stop(lake)
    if stop is not None:
        words = f"{stop}\nEvery automation is halted, and nothing is promoted."
        yield Notice(NoticeKind.EMERGENCY_STOP, "the factory", words, f"{ui}/automation")
    yield from _approval(lake, ui)
    yield from _stale(instance, ui)


def _log_of(instance: dg.DagsterInstance, run_id: str) -> _RunLog:
    log = _RunLog()
    for record in instance.get_records_for_run(run_id, of_type=_WANTED).records:
        event = record.event_log_entry.dagster_event
        if event is None:
            continue
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            checked = event.asset_check_evaluation_data
            (log.passed if checked.passed else log.failed).append(checked)
        elif event.event_type is dg.DagsterEventType.STEP_FAILURE:
            error = event.step_failure_data.error
            log.errors[str(event.step_key)] = _innermost(error)
        else:
            log.whole = event.message or ""
    return log


def _innermost(error: Any) -> str:
    while error is not None and error.cause is not None:
        error = error.cause
    if error is None:
        return "no reason is on record"
    return _CLASS.sub("", str(error.message).strip(), count=1)


def _of_run(run: dg.DagsterRun, log: _RunLog, ui: str) -> Iterator[Notice]:
    link = f"{ui}/runs/{run.run_id}"
    yield from _retrained(run, link)
    promotion = [one for one in log.failed if _is_condition(one)]
    other = [one for one in log.failed if not _is_condition(one) and _is_alarm(one)]
    yield from _refused(promotion, link)
    for one in other:
        kind = NoticeKind.CHECK_FAILED
        if _asset(one) == DRIFT_ASSET:
            kind = NoticeKind.DRIFT
        link_there = f"{ui}/assets/{_asset(one)}?view=checks"
        yield Notice(kind, _check_subject(one), _check_words(one, run), link_there)
    # A step that its own check stopped has been told already.
    told = {_asset(one) for one in log.failed}
    untold = {step: why for step, why in log.errors.items() if step not in told}
    is_failure = run.status is dg.DagsterRunStatus.FAILURE
    if is_failure and (untold or not log.errors):
        words = "\n".join(f"{step}: {why}" for step, why in untold.items()) or log.whole
        yield Notice(NoticeKind.RUN_FAILURE, _run_subject(run), words, link)


def _passed(run: dg.DagsterRun, log: _RunLog) -> list[str]:
    """Keys of what the run shows to be over."""
    keys = []
    if any(map(_is_condition, log.passed)) and not any(map(_is_condition, log.failed)):
        keys.append(f"{NoticeKind.PROMOTION_REFUSED}:*")
    for one in log.passed:
        kind = NoticeKind.DRIFT if _asset(one) == DRIFT_ASSET else NoticeKind.CHECK_FAILED
        keys.append(Notice(kind, _check_subject(one), "").key)
    if run.status is dg.DagsterRunStatus.SUCCESS:
        keys.append(Notice(NoticeKind.RUN_FAILURE, _run_subject(run), "").key)
    return keys


def _retrained(run: dg.DagsterRun, link: str) -> Iterator[Notice]:
    """A run that the retraining sensor asked for, with its reason; gates judge what it made."""
    if run.tags.get(AUTOMATION_TAG) == RETRAINING:
        ended = "It ended; what came of it is for the gates to judge."
        if run.status is not dg.DagsterRunStatus.SUCCESS:
            ended = "It failed, and the model that was there stays."
        words = f"{run.tags.get(REASON_TAG, 'no reason is on record')}\n{ended}"
        yield Notice(NoticeKind.RETRAINING, run.tags.get(PARTITION_TAG, run.job_name), words, link)


def _refused(promotion: Sequence[Any], link: str) -> Iterator[Notice]:
    """One notice for all conditions that do not hold; both tables of a release ask the same."""
    reasons = {one.check_name: _fact(one, "reason") for one in promotion}
    if reasons.keys() - {str(ConditionCode.NO_EMERGENCY_STOP)}:
        subject = f"release candidate ({', '.join(reasons)})"
        words = "\n".join(f"{code}: {why}" for code, why in reasons.items())
        yield Notice(NoticeKind.PROMOTION_REFUSED, subject, words, link)


def _is_condition(one: Any) -> bool:
    return _asset(one) in RELEASES and one.check_name in {str(code) for code in PROMOTION}


def _is_alarm(one: Any) -> bool:
    """A warning is for the digest, unless it is about drift."""
    return one.severity is dg.AssetCheckSeverity.ERROR or _asset(one) == DRIFT_ASSET


def _asset(one: Any) -> str:
    return str(one.asset_key.to_user_string())


def _fact(one: Any, name: str) -> str:
    value = one.metadata.get(name)
    return "" if value is None else str(value.value)


def _check_subject(one: Any) -> str:
    partition = _fact(one, "partition") or one.partition or ""
    where = f"[{partition}]" if partition and not partition.startswith("(") else ""
    return f"{_asset(one)}{where}: {one.check_name}"


def _check_words(one: Any, run: dg.DagsterRun) -> str:
    facts = {name: value.value for name, value in one.metadata.items()}
    shown = {name: one for name, one in facts.items() if name not in ("partition", "plot")}
    told = ", ".join(f"{name}: {value}" for name, value in shown.items())
    return f"{told or 'it failed'}\nrun {run.run_id}"


def _run_subject(run: dg.DagsterRun) -> str:
    partition = run.tags.get(PARTITION_TAG)
    return run.job_name if partition is None else f"{run.job_name}[{partition}]"


def _approval(lake: Lake, ui: str) -> Iterator[Notice]:
    release = current_release(lake)
    if release is None or traded_of(release).is_empty or "approved_until" not in release.columns:
        return
    until: date = release["approved_until"][0]
    today, name = _today(lake, release), release["release_id"][0]
    link = f"{ui}/assets/production_config"
    if until < today:
        words = f"Release {name} was approved until {until}. The trader closes what is open and "
        words += "opens nothing; `rooney promote` or a recalibration gives the next approval."
        yield Notice(NoticeKind.APPROVAL_EXPIRED, f"release {name}", words, link)
    elif until - today <= SOON:
        words = f"Release {name} is approved until {until}; then the trader only reduces."
        yield Notice(NoticeKind.APPROVAL_EXPIRES, f"release {name}", words, link)


def _today(lake: Lake, release: pl.DataFrame) -> date:
    """The day that an approval is held to, as the trader holds it: today in UTC, and for the
    simulated market, whose time stands still, the last session of what is traded."""
    if "is_simulated" not in release.columns or not release["is_simulated"][0]:
        return datetime.now(UTC).date()
    last: date = release["data_through"][0]
    for symbol in traded_of(release).sizes:
        if lake.version("session_bars", ("symbol", symbol)) is not None:
            last = max(last, lake.read("session_bars", ("symbol", symbol))["session"].max())  # type: ignore[type-var]
    return last


def _stale(instance: dg.DagsterInstance, ui: str) -> Iterator[Notice]:
    keys = sorted(instance.get_asset_keys())
    states: Mapping[Any, Any] = instance.get_freshness_state_records(keys) if keys else {}
    for key, record in sorted(states.items()):
        if record.freshness_state is FreshnessState.FAIL:
            name = key.to_user_string()
            made = instance.get_latest_materialization_event(key)
            last = "never made"
            if made is not None:
                last = f"last made {datetime.fromtimestamp(made.timestamp, UTC):%Y-%m-%d %H:%M} UTC"
            words = f"{name} missed its freshness policy: {last}."
            yield Notice(NoticeKind.STALE_ASSET, name, words, f"{ui}/assets/{name}")

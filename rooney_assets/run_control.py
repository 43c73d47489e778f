"""How many runs go at once, how long they may take, and which are tried again.

Belongs here: pools, priorities, retries and timeouts by stage and asset, each with its reason. Does
not belong here: what runs when (`automation`, `schedules`, `sensors`); the queue's own settings are
in `dagster.yaml`.
"""

import os
from datetime import timedelta
from typing import Final

import dagster as dg

VENDOR_POOL: Final = "vendor"
TRAINING_POOL: Final = "training"
POOL_LIMITS: Final = {
    # A vendor counts requests per account: two symbols at once only meet its limit earlier.
    VENDOR_POOL: 1,
    # A training fills a core, and its libraries are slower on two threads than on one.
    TRAINING_POOL: os.cpu_count() or 1,
}
_POOLS: Final = {
    "raw_bars": VENDOR_POOL,
    **dict.fromkeys(("strategy_results", "meta_model", "stress_report"), TRAINING_POOL),
}

_HOUR: Final = 3600
DEFAULT_STEP_SECONDS: Final = _HOUR
_STEP_SECONDS: Final = {
    # A full search is 420 trials on 15 splits.
    "meta_model": 6 * _HOUR,
    "stress_report": 2 * _HOUR,
    "paper_report": 2 * _HOUR,
    "gate_calibration": 72 * _HOUR,
}

PRIORITY: Final = "dagster/priority"
RETRIES: Final = "dagster/max_retries"
RUNTIME: Final = "dagster/max_runtime"
_STAGES: Final = {
    # What the trader waits for goes first. A retry follows a crash of the process only, never a
    # refusal, which would be the same the next time (dagster.yaml: retry_on_asset_or_op_failure).
    "release": {PRIORITY: "20", RETRIES: "0", RUNTIME: str(_HOUR)},
    "mandate_page": {PRIORITY: "20", RETRIES: "1", RUNTIME: str(_HOUR)},
    "portfolio_of_month": {PRIORITY: "15", RETRIES: "1", RUNTIME: str(4 * _HOUR)},
    "bars_of_symbol": {PRIORITY: "10", RETRIES: "2", RUNTIME: str(2 * _HOUR)},
    "live_feedback": {PRIORITY: "10", RETRIES: "2", RUNTIME: str(_HOUR)},
    "truth_of_symbol": {PRIORITY: "-5", RETRIES: "2", RUNTIME: str(_HOUR)},
    "research_of_symbol": {PRIORITY: "0", RETRIES: "2", RUNTIME: str(12 * _HOUR)},
    "calibration": {PRIORITY: "-10", RETRIES: "2", RUNTIME: str(72 * _HOUR)},
}
"""By stage. `release` is not tried again: a promotion is written to the log after its table, and a
second try would find the table there and say nothing. All others are idempotent: a table is written
whole or not at all, a look at the test window that is repeated is no other look, and a search goes
on where it was killed."""

WHOLE_CHAIN_TAGS: Final = {PRIORITY: "5", RETRIES: "0", RUNTIME: str(48 * _HOUR)}
"""Of jobs that work several stages off in processes of their own, promotions among them."""
RESUMABLE_CHAIN_TAGS: Final = {PRIORITY: "5", RETRIES: "2", RUNTIME: str(48 * _HOUR)}
"""Of such jobs that release nothing: what was made is found again."""
FOLLOWED_SYMBOLS_TAGS: Final = {PRIORITY: "5", RETRIES: "2", RUNTIME: str(12 * _HOUR)}
FOLLOWED_MONTHS_TAGS: Final = {PRIORITY: "20", RETRIES: "0", RUNTIME: str(4 * _HOUR)}
"""Of runs that automation conditions ask for; those of a month may end in a release."""


LONGEST_RUN: Final = timedelta(
    seconds=max(int(tags[RUNTIME]) for tags in (*_STAGES.values(), WHOLE_CHAIN_TAGS))
)
"""No run takes longer."""


def pool_of(asset: str) -> str | None:
    """The concurrency pool of an asset's step; None for one that only the queue limits."""
    return _POOLS.get(asset)


def step_seconds(asset: str) -> int:
    """How long a step of an asset may take before it is given up."""
    return _STEP_SECONDS.get(asset, DEFAULT_STEP_SECONDS)


def stage_tags(stage: str) -> dict[str, str]:
    """Priority, retries and longest runtime of a stage's runs, as run tags."""
    return dict(_STAGES[stage])


def set_pool_limits(instance: dg.DagsterInstance) -> None:
    """Give the pools their limits where nobody gave them others; a person's choice in the UI stays.

    Until then they have `concurrency.pools.default_limit` of dagster.yaml.
    """
    storage = instance.event_log_storage
    if not storage.supports_global_concurrency_limits:
        return
    stated = {one.name for one in storage.get_pool_limits() if not one.from_default}
    for name, limit in POOL_LIMITS.items():
        if name not in stated:
            storage.set_concurrency_slots(name, limit)

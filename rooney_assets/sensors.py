"""What is watched: data versions that others follow, and models that need another training.

Belongs here: the sensors' ticks. Does not belong here: the conditions (`automation`), the numbers
(`watching`), or when a number is a reason (`rooney_core.gates.retraining`).

Every sensor asks for nothing while the emergency stop is in force, and says so (`halting`).
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg

from rooney_assets.automation import FOLLOWED_MONTHLY, FOLLOWS
from rooney_assets.graph.declaration import Asset
from rooney_assets.halting import (
    AUTOMATION_TAG,
    REASON_TAG,
    StoppableFollower,
    unless_stopped,
)
from rooney_assets.lake import Lake
from rooney_assets.mandate import load_mandate
from rooney_assets.run_control import (
    FOLLOWED_MONTHS_TAGS,
    FOLLOWED_SYMBOLS_TAGS,
    set_pool_limits,
)
from rooney_assets.schedules import news_of
from rooney_assets.settings import AUTOMATION_SETTING, Settings
from rooney_assets.sources import BarSource
from rooney_assets.watching import Watched, readings_of, would_train_on_something_else
from rooney_core.errors import RooneyError
from rooney_core.gates.retraining import Memory, RetrainingCode, Standing, judge
from rooney_core.market.instruments import Universe

RETRAINING: Final = "retraining"
FOLLOW_SYMBOLS: Final = "follow_symbols"
FOLLOW_MONTHS: Final = "follow_months"
REASONS_TAG: Final = "rooney/reasons"
"""Codes of the reasons of a retraining, separated by commas; the words are in REASON_TAG."""

ARRIVALS: Final = "arrivals"

_READ_HERE: Final = ("files:", "simulated:")
"""Sources that lie on this disk: files, and the page of a simulated market."""

ARRIVAL_SECONDS: Final = 30
WATCH_SECONDS: Final = 300
FOLLOW_SECONDS: Final = 30
CHANGED: Final = "what it reads has another data version; the sensor's tick shows which"
NO_NEWS: Final = "No file has other bars than the lake."


def build_followers(settings: Settings, declared: Sequence[Asset]) -> list[dg.SensorDefinition]:
    """The two sensors that ask for what follows by its condition: symbols, and months."""
    followed = [one for one in declared if FOLLOWS[one.name].by_itself]
    monthly = [one.name for one in followed if one.partitioning in FOLLOWED_MONTHLY]
    others = [one.name for one in followed if one.name not in monthly]
    told = f"; see `rooney_assets/automation.py`. Switched on here or by {AUTOMATION_SETTING}=on."
    return [
        _follower(settings, FOLLOW_SYMBOLS, others, FOLLOWED_SYMBOLS_TAGS, f"Per symbol{told}"),
        _follower(settings, FOLLOW_MONTHS, monthly, FOLLOWED_MONTHS_TAGS, f"Per month{told}"),
    ]


def build_arrivals(settings: Settings, universe: Universe, job: Any) -> dg.SensorDefinition:
    """The sensor that asks for the bars of symbols whose files have changed."""

    def asks(context: Any) -> Any:
        if not settings.source.startswith(_READ_HERE):
            return dg.SkipReason(f"{settings.source} has no files; schedules ask it.")
        set_pool_limits(context.instance)
        lake, source = context.resources.lake, context.resources.bars
        news = {one: news_of(one, universe, source, lake) for one in universe.symbols}
        requests = [
            dg.RunRequest(
                run_key=_arrival(symbol, universe, source, lake),
                partition_key=symbol,
                tags={AUTOMATION_TAG: ARRIVALS, REASON_TAG: reason},
            )
            for symbol, reason in news.items()
            if reason
        ]
        return dg.SensorResult(requests, skip_reason=None if requests else dg.SkipReason(NO_NEWS))

    return dg.SensorDefinition(
        name=ARRIVALS,
        evaluation_fn=unless_stopped(settings.lake, asks),
        job=job,
        minimum_interval_seconds=settings.pace(ARRIVAL_SECONDS),
        required_resource_keys={"lake", "bars"},
        default_status=_status(settings),
        description="Reads what was added to files below ROONEY_SOURCE=files:DIR, or to the market "
        "of simulated:FILE, whenever it comes; a vendor is asked by schedules. Switched on here or "
        f"by {AUTOMATION_SETTING}=on.",
    )


def _arrival(symbol: str, universe: Universe, source: BarSource, lake: Lake) -> str:
    """What arrived, after what: asked for once, also where the run refuses it."""
    try:
        found = source.fingerprint(universe[symbol])
    except RooneyError as error:
        found = str(error)
    return f"{symbol} {found} after {lake.version('raw_bars', ('symbol', symbol))}"


def build_retraining(settings: Settings, universe: Universe, job: Any) -> dg.SensorDefinition:
    """The sensor that asks for a training of the symbols that need one, with the reason in tags."""

    def asks(context: Any) -> dg.SensorResult:
        set_pool_limits(context.instance)
        resources = context.resources
        watched = Watched(
            resources.lake, universe, resources.bars, load_mandate(settings), context.instance
        )
        return retraining_tick(watched, context.cursor, datetime.now(UTC))

    return dg.SensorDefinition(
        name=RETRAINING,
        evaluation_fn=unless_stopped(settings.lake, asks),
        job=job,
        minimum_interval_seconds=settings.pace(WATCH_SECONDS),
        required_resource_keys={"lake", "bars"},
        default_status=_status(settings),
        description="Asks for a training of just the symbols whose features or calibration "
        "drifted, whose live results are not as expected, or whose model is old: limits in "
        "mandate.yaml (drift, retraining). It makes challengers; gates make champions. "
        f"Switched on here or by {AUTOMATION_SETTING}=on.",
    )


def retraining_tick(watched: Watched, cursor: str | None, now: datetime) -> dg.SensorResult:
    """What a tick at `now` (UTC) asks for, and the memory for the next one."""
    memories = _memories(cursor)
    requests, told = [], []
    for symbol in watched.universe.tradable:
        readings = readings_of(watched, symbol, now)
        if not readings:
            told.append(f"{symbol}: no model")
            continue
        before = memories.get(symbol, Memory())
        memory, wish, words = judge(readings, before, now, watched.mandate.retraining)
        if wish is not None and not would_train_on_something_else(watched, symbol):
            memory = Memory(before.asked_at, memory.standings)
            words = f"the model is of exactly these rows already, though {words}"
        elif wish is not None:
            tags = {
                AUTOMATION_TAG: RETRAINING,
                REASON_TAG: wish.words,
                REASONS_TAG: ",".join(wish.reasons),
            }
            key = f"{symbol} {now.isoformat()}"
            requests.append(dg.RunRequest(run_key=key, partition_key=symbol, tags=tags))
        memories[symbol] = memory
        told.append(f"{symbol}: {words}")
    skipped = None if requests else dg.SkipReason("; ".join(told))
    return dg.SensorResult(requests, skip_reason=skipped, cursor=_cursor(memories))


def _follower(
    settings: Settings, name: str, assets: list[str], tags: dict[str, str], description: str
) -> dg.SensorDefinition:
    return StoppableFollower(
        settings.lake,
        name=name,
        target=dg.AssetSelection.assets(*assets),
        run_tags={**tags, AUTOMATION_TAG: name, REASON_TAG: CHANGED},
        minimum_interval_seconds=settings.pace(FOLLOW_SECONDS),
        default_status=_status(settings),
        description=description,
        # A run per partition: its steps compare versions, and its checks belong to one symbol.
        emit_backfills=False,
    )


def _status(settings: Settings) -> dg.DefaultSensorStatus:
    on, off = dg.DefaultSensorStatus.RUNNING, dg.DefaultSensorStatus.STOPPED
    return on if settings.automation == "on" else off


def _memories(cursor: str | None) -> dict[str, Memory]:
    """By symbol; reasons that this version does not know any more are forgotten."""
    found = {}
    for symbol, page in json.loads(cursor or "{}").items():
        asked = page["asked_at"]
        standings = {
            RetrainingCode(code): Standing(**standing)
            for code, standing in page["standings"].items()
            if code in set(RetrainingCode)
        }
        found[symbol] = Memory(None if asked is None else datetime.fromisoformat(asked), standings)
    return found


def _cursor(memories: dict[str, Memory]) -> str:
    pages = {
        symbol: {
            "asked_at": None if memory.asked_at is None else memory.asked_at.isoformat(),
            "standings": {str(code): vars(standing) for code, standing in memory.standings.items()},
        }
        for symbol, memory in memories.items()
    }
    return json.dumps(pages, sort_keys=True)

"""What follows by itself, asked without a daemon: of what is stale now, in place of conditions.

Belongs here: the wishes of the two following sensors. Does not belong here: the conditions
(`automation`), other automations, or running what is wished (`pipeline`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from rooney_assets.automation import FOLLOWED_MONTHLY, FOLLOWS
from rooney_assets.graph.declaration import ASSETS, Reach, partition_of
from rooney_assets.graph.lineage import asset_of
from rooney_assets.graph.plan import input_keys
from rooney_assets.lake import Lake
from rooney_assets.recalibration import Workshop
from rooney_assets.recalibration_plan import NEXT_MONTH, planned
from rooney_assets.sensors import FOLLOW_MONTHS, FOLLOW_SYMBOLS
from rooney_assets.stages import STAGES

FOLLOWERS: Final = (FOLLOW_SYMBOLS, FOLLOW_MONTHS)


@dataclass(frozen=True)
class Wish:
    """A run that an automation asks for. `assets`: empty for all of its job's."""

    automation: str
    job: str
    key: str | None
    reason: str
    assets: tuple[str, ...] = ()


def follower_of(asset: str) -> str:
    """Which of the two sensors asks for an asset."""
    is_monthly = ASSETS[asset].partitioning in FOLLOWED_MONTHLY
    return FOLLOW_MONTHS if is_monthly else FOLLOW_SYMBOLS


def following(shop: Workshop, asked: Collection[str]) -> list[Wish]:
    """What these of the FOLLOWERS ask for: a wish per run of a partition that is stale.

    As the conditions have it: nothing is asked for while something that it reads was never made,
    or because of what nobody is asked to make, or of inputs whose change alone is not followed.
    """
    stale: dict[tuple[str, str, str | None], list[tuple[str, str]]] = {}
    coming: set[tuple[str, str]] = set()
    left: set[str] = set()
    for name, key, reason in planned(shop).iter_rows():
        label = f"{name}[{key}]" if key else name
        follower = follower_of(name)
        is_asked = FOLLOWS[name].by_itself and follower in asked
        if (
            not is_asked
            or _is_left(name, key, reason, left, shop.lake)
            or not _can_be_made(name, key, shop, coming)
        ):
            left.add(label)
            continue
        coming.add((name, key))
        job = next(one.job for one in STAGES if one.partitioning is ASSETS[name].partitioning)
        stale.setdefault((follower, job, key or None), []).append((name, reason))
    return [
        Wish(follower, job, key, f"{rows[0][0]}: {rows[0][1]}", tuple(name for name, _ in rows))
        for (follower, job, key), rows in stale.items()
    ]


def _is_left(name: str, key: str, reason: str, left: set[str], lake: Lake) -> bool:
    """Whether nothing of why it is stale is followed. `reason`: as `planned` has it."""
    whatever = FOLLOWS[name].whatever
    for one in reason.split(", "):
        if one.partition("[")[0] in whatever:
            continue
        if one not in left or _has_moved(name, key, one, lake):
            return False
    return True


def _has_moved(name: str, key: str, upstream: str, lake: Lake) -> bool:
    """Whether what it reads has another version than the one that it was made of."""
    made_of = lake.manifest(name, partition_of(ASSETS[name], key or None)).inputs
    asset, of = asset_of(upstream)
    return made_of.get(upstream) != lake.version(asset, partition_of(ASSETS[asset], of))


def _can_be_made(name: str, key: str, shop: Workshop, coming: set[tuple[str, str]]) -> bool:
    """Whether everything that a partition reads is there, or is to be made before it."""
    if key == NEXT_MONTH:
        return False
    asset, lake = ASSETS[name], shop.lake
    for one in asset.inputs.values():
        known = set(input_keys(asset, one, key or None, shop.universe, lake))
        known |= {each or None for other, each in coming if other == one.asset}
        is_there = {
            each: lake.version(one.asset, partition_of(ASSETS[one.asset], each)) is not None
            or (one.asset, each or "") in coming
            for each in known
        }
        wanted = [key or None] if one.reach is Reach.SAME else [*known]
        if ASSETS[one.asset].partitioning.is_whole:
            wanted = [None]
        # A symbol without peers is made without them; of nothing at all no portfolio is chosen.
        if one.reach is Reach.EVERY and not wanted:
            return False
        if not all(is_there.get(each, False) for each in wanted):
            return False
    return True

"""Stage 0: the mandate, so that a change of it is in the lineage of whatever was judged by it."""

from __future__ import annotations

from rooney_assets.graph.declaration import Here, Made, Partitioning, lake_asset
from rooney_assets.loosening import loosened
from rooney_assets.mandate import Mandate, limits_of


@lake_asset(
    group="release",
    rooms=("rooney_assets.mandate",),
    partitioning=Partitioning.PAGE,
    kinds=("yaml", "parquet"),
    params=Mandate,
)
def mandate(here: Here) -> Made:
    """Every limit that a person set in `mandate.yaml`, a row each; its version is the mandate's.

    Gates judge by it, and a release names the version that it was promoted under. A limit that was
    loosened makes the approvals given before lapse.
    """
    page: Mandate = here.params
    notes: dict[str, object] = {"mandate_version": page.version}
    if here.lake.version("mandate", None) is not None:
        before = limits_of(here.lake.read("mandate", None))
        notes["changed"] = changes(before, page.limits) or ["nothing"]
        notes["loosened"] = loosened(before, page.limits) or ["nothing"]
    return Made(page.to_frame(), notes=notes)


def changes(before: dict[str, object], now: dict[str, object]) -> list[str]:
    """Each limit that is another one now: `portfolio.min_sharpe 1.2 -> 1`."""
    names = dict.fromkeys((*now, *before))
    return [
        f"{name} {before.get(name, 'unset')} -> {now.get(name, 'gone')}"
        for name in names
        if name not in before or name not in now or before[name] != now[name]
    ]

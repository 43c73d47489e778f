"""What runs need from outside: the lake, the source of bars, a place for progress.

Belongs here: Dagster resources that hand out plain objects. Does not belong here: what is done
with them. A test swaps any of them through `build_defs(resources=...)`.
"""

import json
import os
import sys
from pathlib import Path

import dagster as dg

from rooney_assets.lake import Lake
from rooney_assets.sources.databento.access import KEY_SETTING, Secret, VendorAccess
from rooney_assets.sources.selection import source_from


class LakeResource(dg.ConfigurableResource):
    """The lake at a root folder."""

    root: str

    def create_resource(self, context: dg.InitResourceContext) -> Lake:
        """A plain `Lake`; opening it touches nothing."""
        return Lake(Path(self.root))


class BarsResource(dg.ConfigurableResource):
    """The source of bars, by its setting: `simulated`, `databento` or `files:DIR`.

    The vendor's key is no field: what a resource is configured with stands in the UI. It is read
    from the environment of the process that runs.
    """

    setting: str
    base: str
    downloads: str
    gateway: str | None
    max_cost_usd: float

    def create_resource(self, context: dg.InitResourceContext) -> object:
        """A plain `BarSource`."""
        key = os.environ.get(KEY_SETTING, "").strip()
        access = VendorAccess(
            Path(self.downloads), self.gateway, self.max_cost_usd, Secret(key) if key else None
        )
        return source_from(self.setting, Path(self.base), access)


class SilentProgress:
    """Progress nobody watches; Dagster's own event log has it all."""

    def __init__(self, state_folder: Path) -> None:
        self.state_folder = state_folder

    def began(self, asset: str, key: str | None) -> None:
        """A partition's work begins."""

    def note(self, asset: str, key: str | None, text: str) -> None:
        """Something to show while it goes on."""

    def milestone(self, asset: str, key: str | None, text: str) -> None:
        """Something that a log should keep."""

    def failed(self, asset: str, key: str | None, reason: str) -> None:
        """It was refused, and why."""

    def ended(self, asset: str, key: str | None, status: str, seconds: float) -> None:
        """It ended: `made`, `reused` or `failed`."""


class LinesProgress(SilentProgress):
    """Progress as JSON lines on standard output, for the process that started this one."""

    def began(self, asset: str, key: str | None) -> None:
        """A line with event `began`."""
        self._say(event="began", asset=asset, key=key)

    def note(self, asset: str, key: str | None, text: str) -> None:
        """A line with event `note`."""
        self._say(event="note", asset=asset, key=key, text=text)

    def milestone(self, asset: str, key: str | None, text: str) -> None:
        """A line with event `milestone`."""
        self._say(event="milestone", asset=asset, key=key, text=text)

    def failed(self, asset: str, key: str | None, reason: str) -> None:
        """A line with event `reason`."""
        self._say(event="reason", asset=asset, key=key, text=reason)

    def ended(self, asset: str, key: str | None, status: str, seconds: float) -> None:
        """A line with event `ended`."""
        self._say(event="ended", asset=asset, key=key, status=status, seconds=seconds)

    def _say(self, **facts: object) -> None:
        sys.stdout.write(json.dumps(facts) + "\n")
        sys.stdout.flush()


class ProgressResource(dg.ConfigurableResource):
    """Where progress goes: `silent`, or `lines` for the headless command."""

    state_folder: str
    style: str = "silent"

    def create_resource(self, context: dg.InitResourceContext) -> SilentProgress:
        """A plain progress object."""
        kind = LinesProgress if self.style == "lines" else SilentProgress
        return kind(Path(self.state_folder))

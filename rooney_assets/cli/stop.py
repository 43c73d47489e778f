"""The emergency stop, said where a person looks first."""

from __future__ import annotations

from pathlib import Path

import click


def stop_told(lake_root: Path) -> str | None:
    """The stop in words; None where none is in force."""
    from rooney_assets.lake import Lake
    from rooney_assets.promotion import STOP_FILE, emergency_stop

    said = emergency_stop(Lake(lake_root))
    if said is None:
        return None
    return (
        f"EMERGENCY STOP: {said}. No automation runs and nothing is promoted until "
        f"{lake_root / STOP_FILE} is removed."
    )


def tell_stop(lake_root: Path, *, err: bool = False) -> None:
    """Print it in red; nothing where there is none."""
    words = stop_told(lake_root)
    if words is not None:
        click.secho(words, fg="red", bold=True, err=err)

"""Fixtures of the live tests: one trained release, and a lake of it per test."""

from __future__ import annotations

import pytest
from small_release import Parts, make_parts, write_release


@pytest.fixture(scope="session")
def parts() -> Parts:
    return make_parts()


@pytest.fixture
def lake(parts, tmp_path):
    """A lake with both symbols released, and their bars."""
    root = tmp_path / "lake"
    parts.write_bars(root)
    write_release(parts.release({"SIM_CL": 1, "SIM_ES": 2}), root)
    return root


@pytest.fixture(scope="session")
def released(parts, tmp_path_factory):
    """A lake with both symbols released, and their bars, that nobody changes."""
    root = tmp_path_factory.mktemp("released") / "lake"
    parts.write_bars(root)
    write_release(parts.release({"SIM_CL": 1, "SIM_ES": 2}), root)
    return root

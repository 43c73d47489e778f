"""How tests share the workers: those that share a factory, or a file's fixtures, go to one."""

from typing import Final

import pytest

DEAR: Final = ("materialized", "researched")
"""Fixtures of many files that take a minute; whoever uses one goes where it is made."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the group of the dear fixture that it uses, else of its file.

    xdist sends a group to one worker. Without that, each would make the same factory, and tests
    that go on where another left off would not find it. A test that is marked `independent` shares
    nothing, and goes anywhere.
    """
    for item in items:
        if item.get_closest_marker("independent"):
            continue
        used = getattr(item, "fixturenames", ())
        group = next((name for name in DEAR if name in used), item.path.stem)
        item.add_marker(pytest.mark.xdist_group(group))

"""How tests share the workers: those that share a factory, or a file's fixtures, go to one."""

from collections.abc import Iterator, Mapping
from typing import Final

import pytest

DEAR: Final = ("materialized", "researched")
"""Fixtures of many files that take a minute; whoever uses one goes where it is made."""
FIRST: Final = ("materialized", "researched")
"""Groups that take many minutes on their one worker."""
WAITING: Final = "live"
"""The folder of tests that wait for a trader's clock more than they compute."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the group of the dear fixture that it uses, else of its file.

    xdist sends a group to one worker. Without that, each would make the same factory, and tests
    that go on where another left off would not find it. A test that is marked `independent` shares
    nothing, and goes anywhere.
    """
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("independent"):
            groups[item.nodeid] = [item]
            continue
        used = getattr(item, "fixturenames", ())
        group = next((name for name in DEAR if name in used), item.path.stem)
        item.add_marker(pytest.mark.xdist_group(group))
        groups.setdefault(group, []).append(item)
    items[:] = [item for group in in_order(groups) for item in groups[group]]


def in_order(groups: Mapping[str, list[pytest.Item]]) -> Iterator[str]:
    """The long ones first; then those that wait evenly between those that compute."""
    yield from (name for name in FIRST if name in groups)
    others = [name for name in groups if name not in FIRST]
    waiting = [name for name in others if groups[name][0].path.parent.name == WAITING]
    computing = [name for name in others if name not in set(waiting)]
    places = [
        ((at + 1) / (len(part) + 1), name)
        for part in (waiting, computing)
        for at, name in enumerate(part)
    ]
    yield from (name for _, name in sorted(places))

"""Which code decides an asset's content, as a short digest.

Belongs here: turning rooms into a version. A room is a package of `rooney_core` by its short name,
or any module of this project by its full one. A comment or a docstring
does not change it, any statement does, so nobody has to remember to raise a number.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

import rooney_core

PROJECT = Path(rooney_core.__file__).parent.parent

# A library that changes a model's numbers is part of the code that made it.
LIBRARIES = {
    "modeling": ("lightgbm", "scikit-learn", "optuna", "numba", "scipy"),
    "market": ("numba",),
}
EVERYWHERE = ("numpy", "polars")


@cache
def code_version(rooms: tuple[str, ...]) -> str:
    """12 hex digits over the statements of every module of the rooms and their libraries."""
    digest = hashlib.sha256()
    for room in sorted(rooms):
        digest.update(_room_digest(room).encode())
        for library in (*EVERYWHERE, *LIBRARIES.get(room, ())):
            digest.update(f"{library}=={metadata.version(library)}".encode())
    return digest.hexdigest()[:12]


@cache
def _room_digest(room: str) -> str:
    full_name = room if room.startswith("rooney_") else f"rooney_core.{room}"
    place = PROJECT.joinpath(*full_name.split("."))
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(PROJECT).as_posix().encode())
        digest.update(_statements(file.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()


def _statements(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ) and (ast.get_docstring(node, clean=False) is not None):
            node.body = node.body[1:]
    return ast.dump(tree)

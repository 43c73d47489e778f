"""MLflow's registry of models: what a symbol's models are called there, and which version is which.

Belongs here: names, and looking a model up. Does not belong here: writing (`tracking`).

A look is a query on the SQLite store itself, read-only: MLflow's own client takes seconds to be
imported, for three rows. `tracking` writes through the client, and a test holds both equal.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rooney_assets.settings import Settings

CHALLENGER: Final = "challenger"
"""Alias of the newest model of a symbol."""

CHAMPION: Final = "champion"
"""Alias of the model of a symbol that is released; a promotion or a rollback moves it."""

VERSION_TAG, SYMBOL_TAG, LAKE_TAG = "model_version", "symbol", "lake_version"

_VERSION: Final = """
    select v.version, v.run_id
    from model_versions v join model_version_tags t on t.name = v.name and t.version = v.version
    where v.name = ? and t.key = ? and t.value = ?
    order by v.version desc
"""
_ALIASES: Final = "select alias from registered_model_aliases where name = ? and version = ?"


@dataclass(frozen=True)
class Registered:
    """A version of the registry. `aliases`: those that point to this version, sorted."""

    name: str
    version: str
    aliases: tuple[str, ...]
    run_id: str

    @property
    def told(self) -> str:
        """In words."""
        named = f" ({', '.join(self.aliases)})" if self.aliases else ""
        return f"{self.name}, version {self.version}{named}"

    def as_facts(self) -> dict[str, object]:
        """For a program."""
        return {
            "run_id": self.run_id,
            "registered_model": self.name,
            "version": self.version,
            "aliases": list(self.aliases),
        }


def store_file(settings: Settings) -> Path:
    """The embedded SQLite store, below the state folder."""
    return settings.state / "mlflow" / "mlflow.db"


def registry_name(symbol: str) -> str:
    """Name of a symbol's registered model."""
    return f"rooney-meta-model-{symbol}"


def registered(store: Path, symbol: str, model_version: str) -> Registered | None:
    """What the registry says of a model, its newest version if there are several.

    None where there is no store, it has no registry that can be read, or it does not know the
    model: what MLflow knows is beside the lake, and nothing depends on it.
    """
    name = registry_name(symbol)
    try:
        with closing(sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True)) as found:
            row = found.execute(_VERSION, (name, VERSION_TAG, model_version)).fetchone()
            if row is None:
                return None
            aliases = found.execute(_ALIASES, (name, row[0])).fetchall()
    except sqlite3.Error:
        return None
    return Registered(name, str(row[0]), tuple(sorted(one for (one,) in aliases)), str(row[1]))

"""SQL over the lake: `lake.duckdb` holds a view per asset and table beside it, and never a row.

Belongs here: building that file without a lock, and asking it read-only. Does not belong here: any
query in particular.

The file is built under a temporary name and renamed, so that no process ever holds it open for
writing; each builder looks again after its rename, so that the last one always saw every asset.
DuckDB opens a Parquet file by name more than once in a query, and fails when `current` is replaced
in between. So `query` pins what it asks to the immutable versions of one instant; another client
of the file, asking for a table that is being written, may have to ask again.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import duckdb
import polars as pl

from rooney_assets.lake import durable, layout, tables
from rooney_core.errors import InputError, LakeError, MissingArtifact, UnknownName

FILE_NAME = "lake.duckdb"
_NO_TABLE = re.compile(r"Table with name (?P<name>\S+) does not exist")
_QUESTIONS = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
_GLOB_SIGNS = re.compile(r"[][*?]")


def refresh(root: Path) -> None:
    """Rebuild the views until they match what the lake holds. The root must exist."""
    durable.remove_orphans(root)
    while True:
        wanted = _sources(root)
        _build(root, wanted)
        if _sources(root) == wanted:
            return


def query(root: Path, sql: str) -> pl.DataFrame:
    """Answer one question; the views are rebuilt first when the lake moved or gained an asset."""
    wanted = _sources(root)
    if not wanted:
        raise MissingArtifact(
            f"The lake at {root} holds nothing yet. Run `rooney materialize` to fill it, or set "
            "ROONEY_LAKE to another folder."
        )
    if _recorded(root) != wanted:
        refresh(root)
    try:
        connection = duckdb.connect(str(root / FILE_NAME), read_only=True)
        connection.execute("SET TimeZone = 'UTC'")
    except duckdb.Error as error:
        raise LakeError(f"{root / FILE_NAME} cannot be opened: {error}") from error
    try:
        pinned = _pin(connection, root, [name for name in wanted if name in sql.lower()])
        _confine(connection, pinned)
        return _answer(connection, sql)
    except duckdb.Error as error:
        raise _explain(error, wanted) from None
    finally:
        connection.close()


def _answer(connection: duckdb.DuckDBPyConnection, sql: str) -> pl.DataFrame:
    statements = connection.extract_statements(sql)
    answer = None
    if len(statements) == 1 and statements[0].type in _QUESTIONS:
        answer = connection.sql(sql)
    if answer is None:
        raise InputError(
            f"{len(statements)} statements arrived, or one that is no question: write one SELECT, "
            "DESCRIBE or EXPLAIN. The lake is read-only here."
        )
    try:
        return pl.DataFrame(pl.from_arrow(answer.to_arrow_table()))
    except pl.exceptions.DuplicateError as error:
        raise InputError(f"Two columns of the answer have one name; use AS. {error}") from None
    except pl.exceptions.PolarsError as error:
        raise InputError(f"A column's type cannot be shown; cast it to VARCHAR. {error}") from None


def _pin(connection: duckdb.DuckDBPyConnection, root: Path, named: list[str]) -> list[str]:
    """Shadow views with views of the versions that are current now; their files, as SQL texts."""
    files = []
    places = {name: (asset, beside) for name, asset, beside in _views(root)}
    for name in named:
        asset, beside = places.get(name, (name, None))
        folders = layout.folders(root, asset)
        found = (_version_file(folder, beside) for folder in folders)
        pinned = [_text(str(file)) for file in found if file is not None]
        connection.execute(_view_sql("TEMP VIEW", name, f"[{', '.join(pinned)}]"))
        files += pinned
    return files


def _confine(connection: duckdb.DuckDBPyConnection, files: list[str]) -> None:
    """From here on nothing but these files can be opened: not the sealed rows, not for writing."""
    connection.execute(f"SET allowed_paths = [{', '.join(files)}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _version_file(folder: layout.Folder, beside: str | None) -> Path | None:
    """The immutable file behind a view now; None for a partition without that beside table."""
    version = tables.claimed_by(folder.current).data_version
    if beside is None:
        path, stable = folder.version_file(version), folder.current
    else:
        path, stable = folder.beside_file(beside, version), folder.beside_current(beside)
        if not path.is_file() and not stable.is_file():
            return None
    return path if path.is_file() else stable


def _explain(error: duckdb.Error, known: dict[str, str]) -> InputError:
    absent = _NO_TABLE.search(str(error))
    if absent is not None:
        return UnknownName.among("table", absent["name"], known)
    return InputError(f"DuckDB refused the query: {error}\nTables: {', '.join(sorted(known))}.")


def _sources(root: Path) -> dict[str, str]:
    """Each view there should be, with the SQL list of the file patterns behind it."""
    sources = {}
    for name, asset, beside in _views(root):
        file = layout.CURRENT if beside is None else f"{beside}.parquet"
        folders = (
            asset if column is None else f"{asset}/{column}=*"
            for column in layout.partition_columns(root, asset)
        )
        files = sorted(_literal(root, f"{folder}/{file}") for folder in folders)
        sources[name] = f"[{', '.join(files)}]"
    return sources


def _views(root: Path) -> list[tuple[str, str, str | None]]:
    """(view, asset, table beside it or None) for every asset that holds anything."""
    found: list[tuple[str, str, str | None]] = []
    for asset in layout.assets(root):
        found.append((asset, asset, None))
        names = layout.beside_names(root, asset)
        found += [(f"{asset}_{name}", asset, name) for name in names]
    return found


def _literal(root: Path, pattern: str) -> str:
    """A pattern below the root as an SQL text; what is special in the root's name is literal."""
    quoted_root = _GLOB_SIGNS.sub(lambda sign: f"[{sign[0]}]", str(root))
    return _text(f"{quoted_root}/{pattern}")


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _build(root: Path, sources: dict[str, str]) -> None:
    with durable.temporary_name(root) as temporary:
        try:
            with duckdb.connect(str(temporary)) as connection:
                for asset, files in sources.items():
                    _create_view(connection, asset, files)
        except duckdb.Error as error:
            raise LakeError(
                f"The SQL views over the lake at {root} could not be rebuilt: {error}. The tables "
                "themselves are intact."
            ) from error
        os.replace(temporary, root / FILE_NAME)
    durable.sync_folder(root)


def _create_view(connection: duckdb.DuckDBPyConnection, asset: str, files: str) -> None:
    connection.execute(_view_sql("VIEW", asset, files))
    # A reader sees by the comment whether the view is stale.
    connection.execute(f'COMMENT ON VIEW "{asset}" IS {_text(files)}')


def _view_sql(kind: str, asset: str, files: str) -> str:
    # A column that only some files have would vanish without union_by_name; the partition's column
    # is in the files themselves.
    return (
        f'CREATE {kind} "{asset}" AS SELECT * FROM '
        f"read_parquet({files}, union_by_name = true, hive_partitioning = false)"
    )


def _recorded(root: Path) -> dict[str, str]:
    """What the views were built from; {} when there are none, or the file is not DuckDB's."""
    if not (root / FILE_NAME).is_file():
        return {}
    try:
        connection = duckdb.connect(str(root / FILE_NAME), read_only=True)
    except duckdb.Error:
        return {}
    try:
        names = "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"
        return dict(connection.execute(names).fetchall())
    finally:
        connection.close()

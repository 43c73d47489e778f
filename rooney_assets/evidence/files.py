"""Writing a page of evidence to a file: whole, and never over something else.

Belongs here: the file. Does not belong here: the page (`page`), or the lake's copy (`bundle`).
"""

from __future__ import annotations

import os
from pathlib import Path

from rooney_assets.evidence.bundle import Kept
from rooney_assets.evidence.page import ABOUT
from rooney_assets.graph.page import is_about
from rooney_core.errors import RefusedError


def write(found: Kept, path: Path, *, overwrite: bool = False) -> Path:
    """Write the page, bytes as in the lake; the path. An older page of the release is replaced.

    Raises RefusedError where another file is, unless `overwrite`, or the disk refuses.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if path.exists() and not overwrite and not _is_own(path, found.release_id):
            raise RefusedError(
                f"{path} is no evidence of release {found.release_id}. Name another file with "
                "--html, or allow it with --overwrite."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(found.html.encode())
        os.replace(temporary, path)
    except OSError as error:
        raise RefusedError(f"{path} cannot be written: {error}.") from error
    return path


def _is_own(path: Path, release_id: str) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    return is_about(text, ABOUT, release_id)

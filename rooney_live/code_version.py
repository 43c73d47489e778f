"""Which code decides: a content hash of every module that can change a decision.

Belongs here: the hash. Does not belong here: what is done with it.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import rooney_core
import rooney_live


@cache
def code_version() -> str:
    """Content hash of all modules of the core and the trader, 16 hex digits."""
    digest = hashlib.sha256()
    for package in (rooney_core, rooney_live):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]

"""The evidence of a release: what was known about it when it asked to be traded, and from what.

Belongs here: collecting the facts as rows, the page over them, and finding a release's own again.
Does not belong here: judging anything, or drawing charts (`rooney_assets.graph.svg`). Nothing here
depends on a clock or on who ran it: the same facts give the same rows and the same page.
"""

from __future__ import annotations

from rooney_assets.evidence.bundle import PAGE, Bundle, bundle_of, kept, page_in
from rooney_assets.evidence.rows import EVIDENCE_SCHEMA, Known, Part

__all__ = ["EVIDENCE_SCHEMA", "PAGE", "Bundle", "Known", "Part", "bundle_of", "kept", "page_in"]
